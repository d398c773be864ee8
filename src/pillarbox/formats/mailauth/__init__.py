"""Mail authentication: DKIM, ARC and the sender rewriting scheme, over bytes and without I/O."""
