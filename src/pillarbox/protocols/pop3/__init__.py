"""The POP3 face (RFC 1939)."""
