"""Sieve scripts: those of users, those of the site, and what running them has to remember."""
