"""SASL mechanisms, server side, as state machines without I/O (RFC 4422)."""
