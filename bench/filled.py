"""A mailbox with known contents for the IMAP loads to read, filled once and then reused."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import corpus

if TYPE_CHECKING:
    from imap_wire import ImapWire

UNSEEN = 100
_PART = 1000


def content(sequence: int) -> bytes:
    """Give the message that stands at this sequence number (from 1)."""
    return corpus.message(sequence)


def fill(imap: ImapWire, messages: int) -> bytes:
    """Make sure a mailbox of so many messages exists, all but the last 100 seen; give its name."""
    name = b"filled%d" % messages
    if name in imap.command(b'LIST "" ' + name).octets and _holds(imap, name) == messages:
        return name
    imap.make_empty(name)
    for start in range(1, messages + 1, _PART):
        numbers = range(start, min(start + _PART, messages + 1))
        imap.append_many(name, [content(number) for number in numbers])
        print(f"filled {numbers[-1]} of {messages}", file=sys.stderr)
    if (held := _holds(imap, name)) != messages:
        raise SystemExit(f"{held} messages in {name!r}, {messages} appended")
    if messages > UNSEEN:
        imap.command(rb"STORE 1:%d +FLAGS.SILENT (\Seen)" % (messages - UNSEEN))
    return name


def _holds(imap: ImapWire, name: bytes) -> int:
    return imap.command(b"SELECT " + name).exists()
