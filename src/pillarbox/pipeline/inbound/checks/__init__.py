"""Checks of mail that comes in, one module each."""
