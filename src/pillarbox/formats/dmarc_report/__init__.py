"""Aggregate reports of DMARC (RFC 9990, and RFC 7489 before it): the XML, and the mail with it."""
