"""SPF: which hosts may send for a domain (RFC 7208)."""
