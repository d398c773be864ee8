"""Use cases of calendars and address books: objects put, asked for, imported and shared."""
