"""DMARC: whether the domain in From vouches for a message (RFC 9989, and RFC 7489 before it)."""
