"""Messages about meetings, as values: what a change means to others (RFC 5546)."""
