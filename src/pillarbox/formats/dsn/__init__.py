"""Delivery status reports: written for people and for programs, and read again."""
