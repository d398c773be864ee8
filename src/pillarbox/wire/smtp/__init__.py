"""SMTP and LMTP on the wire: bytes to values and back, for server and client; no I/O."""
