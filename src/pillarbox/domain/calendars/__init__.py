"""What the server makes of calendars: which of them scheduling uses, and those of resources."""
