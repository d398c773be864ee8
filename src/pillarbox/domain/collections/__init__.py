"""Calendars and address books: collections of items with names, entity tags and changes."""
