"""The SMTP face: MX, submission and LMTP (RFC 5321, RFC 6409, RFC 2033)."""
