"""The bodies of WebDAV, CalDAV and CardDAV requests and answers (RFC 4918, 4791, 6352, 6578)."""
