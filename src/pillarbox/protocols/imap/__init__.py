"""IMAP sessions: RFC 3501 and RFC 9051 with the extensions that `capability.py` lists."""
