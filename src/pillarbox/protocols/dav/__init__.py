"""WebDAV, CalDAV and CardDAV: requests to use cases and back."""
