"""TLS reporting (RFC 8460): who wants reports, the reports, and the mail that carries them."""
