"""SEARCH, SORT and ESEARCH responses (RFC 9051 §7.3.4, RFC 4731 §3.1, RFC 7162 §3.1.5)."""

from collections.abc import Sequence
from dataclasses import dataclass

from pillarbox.wire.imap.names import encode_name
from pillarbox.wire.imap.respond.strings import quote
from pillarbox.wire.imap.sets import format_uid_set


@dataclass(frozen=True, slots=True)
class Correlated:
    """The mailbox a response is about, where it need not be the selected one (RFC 7377 §2.1)."""

    name: str
    uidvalidity: int
    utf8: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What a search found, and what is to be told of it.

    `numbers` ascend, unless they are `in_order` of a sort. `page` is the range as the client wrote
    it and the half-open places it means. `relevancy` goes along with `numbers`.
    """

    numbers: Sequence[int]
    returns: frozenset[str]
    uid: bool = False
    in_order: bool = False
    page: tuple[bytes, int, int] | None = None
    relevancy: Sequence[int] | None = None
    modseq: int | None = None
    mailbox: Correlated | None = None


def search(numbers: Sequence[int], modseq: int | None = None) -> bytes:
    """`* SEARCH …`, the form of IMAP4rev1; `modseq` for a search by MODSEQ."""
    return _plain("* SEARCH", numbers, modseq)


def sort(numbers: Sequence[int], modseq: int | None = None) -> bytes:
    """`* SORT …` (RFC 5256 §4)."""
    return _plain("* SORT", numbers, modseq)


def _plain(name: str, numbers: Sequence[int], modseq: int | None) -> bytes:
    words = " ".join((name, *map(str, numbers)))
    if modseq is not None and numbers:
        words += f" (MODSEQ {modseq})"
    return words.encode("ascii") + b"\r\n"


def esearch(tag: str, result: Result) -> bytes:
    """`* ESEARCH …`; it tells what of MIN, MAX, COUNT, ALL, PARTIAL and RELEVANCY was asked for.

    Only COUNT and PARTIAL are told where nothing was found (RFC 4731 §3.1, RFC 9394 §3.1).
    """
    numbers, returns = result.numbers, result.returns
    words = [b"* ESEARCH (TAG %b%b)" % (quote(tag), _mailbox(result.mailbox))]
    if result.uid:
        words.append(b"UID")
    if numbers:
        if "MIN" in returns:
            words.append(b"MIN %d" % numbers[0])
        if "MAX" in returns:
            words.append(b"MAX %d" % numbers[-1])
    if "COUNT" in returns:
        words.append(b"COUNT %d" % len(numbers))
    if numbers and "ALL" in returns:
        words.append(b"ALL " + _set(numbers, in_order=result.in_order))
    told: slice = slice(None)
    if result.page is not None:
        text, start, end = result.page
        told = slice(start, end)
        page = numbers[told]
        some = _set(page, in_order=result.in_order) if page else b"NIL"
        words.append(b"PARTIAL (%b %b)" % (text, some))
    if result.relevancy is not None and numbers:
        words.append(b"RELEVANCY (%b)" % " ".join(map(str, result.relevancy[told])).encode("ascii"))
    if result.modseq is not None and numbers:
        words.append(b"MODSEQ %d" % result.modseq)
    return b" ".join(words) + b"\r\n"


def _mailbox(mailbox: Correlated | None) -> bytes:
    if mailbox is None:
        return b""
    name = encode_name(mailbox.name, utf8=mailbox.utf8)
    return b" MAILBOX %b UIDVALIDITY %d" % (name, mailbox.uidvalidity)


def _set(numbers: Sequence[int], *, in_order: bool) -> bytes:
    return _ordered_set(numbers) if in_order else format_uid_set(numbers)


def _ordered_set(numbers: Sequence[int]) -> bytes:
    """A set whose order means something; in a range it is the ascending one (RFC 5267 §3)."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1][1:] = [number]
        else:
            ranges.append([number])
    return ",".join([":".join(map(str, one)) for one in ranges]).encode("ascii")
