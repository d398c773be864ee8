"""The IMAP grammar in both directions, without I/O (RFC 9051, RFC 3501 and their extensions)."""
