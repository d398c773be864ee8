"""Complaints of recipients about mail that was sent from here (ARF, RFC 5965)."""
