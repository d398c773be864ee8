"""Accepting connections: what every TCP protocol stands on."""
