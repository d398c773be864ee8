"""The DKIM keys of domains."""
