"""Meetings: invitations and answers between users and by mail (RFC 6638, RFC 6047)."""
