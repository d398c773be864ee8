"""Rows of scheduling, below what makes them: an account that goes takes its own with it."""
