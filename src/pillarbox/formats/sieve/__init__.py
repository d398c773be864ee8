"""Sieve: scripts compiled once and run over messages; pure, actions come out as values (RFC 5228).

`compiling` turns text into a `Program`, `running` runs programs over a message. What a script has
to know of the outside world it asks by `questions`; nothing here does I/O.
"""
