"""Mailboxes that others may use: rights, groups, and the one way from a name to a mailbox."""
