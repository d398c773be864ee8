"""The ManageSieve face (RFC 5804)."""
