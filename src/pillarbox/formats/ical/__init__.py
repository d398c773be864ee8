"""iCalendar objects (RFC 5545): read, checked, queried, expanded and written."""
