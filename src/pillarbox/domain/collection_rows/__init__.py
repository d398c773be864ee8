"""Rows of calendars and address books, below the directory: what drops them with their account.

Who may do what with them is known in `domain/collections`, which looks at the directory.
"""
