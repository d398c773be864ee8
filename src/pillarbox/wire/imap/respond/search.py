"""SEARCH and ESEARCH responses (RFC 9051 §7.3.4, RFC 4731 §3.1, RFC 7162 §3.1.5)."""

from collections.abc import Sequence

from pillarbox.wire.imap.respond.strings import quote
from pillarbox.wire.imap.sets import format_uid_set


def search(numbers: Sequence[int], modseq: int | None = None) -> bytes:
    """`* SEARCH …`, the form of IMAP4rev1; `modseq` for a search by MODSEQ."""
    words = " ".join(("* SEARCH", *map(str, numbers)))
    if modseq is not None and numbers:
        words += f" (MODSEQ {modseq})"
    return words.encode("ascii") + b"\r\n"


def esearch(
    tag: str,
    numbers: Sequence[int],
    returns: frozenset[str],
    *,
    uid: bool,
    modseq: int | None = None,
) -> bytes:
    """`* ESEARCH …` for ascending numbers; of `returns` it tells MIN, MAX, COUNT and ALL.

    Only COUNT is told where nothing was found (RFC 4731 §3.1).
    """
    words = [b"* ESEARCH (TAG %b)" % quote(tag)]
    if uid:
        words.append(b"UID")
    if numbers:
        if "MIN" in returns:
            words.append(b"MIN %d" % numbers[0])
        if "MAX" in returns:
            words.append(b"MAX %d" % numbers[-1])
    if "COUNT" in returns:
        words.append(b"COUNT %d" % len(numbers))
    if numbers and "ALL" in returns:
        words.append(b"ALL " + format_uid_set(numbers))
    if modseq is not None and numbers:
        words.append(b"MODSEQ %d" % modseq)
    return b" ".join(words) + b"\r\n"
