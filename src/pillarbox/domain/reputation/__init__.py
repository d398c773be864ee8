"""What came of earlier mail of a sender, domain or host, for each account and for the server."""
