"""The header of a message or MIME part as tests read it: decoded once, folded once.

Nothing is parsed before it is asked for. Shared by all runs over a message; never changed, an edit
makes another one. Called by `message`; calls `mime/header` and `address`.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from pillarbox.formats.address import Address, Group, Mailbox, parse_address_list
from pillarbox.formats.mime.header import HEADER_BYTES, Headers, unfold
from pillarbox.formats.mime.words import decode_raw, decode_words
from pillarbox.formats.sieve.comparators import COMPARATORS

_COUNT_MAX = 10_000
_WHITESPACE = " \t\r\n"
_PLAIN = re.compile(rb"[!#-'*+\-./0-9=?A-Z^-~\x80-\xff]++\Z")


class HeaderAddress(NamedTuple):
    """One address of a header field; `local` and `domain` are `None` where it is not valid.

    `text` is the whole address, and what stands there instead if it is none.
    """

    text: str
    local: str | None
    domain: str | None


class _Raw(dict[str, tuple[bytes, ...]]):
    """The raw values by lower-case name, unfolded; each fold is a space.

    Many programs fold with a tab, where nobody who writes a script sees anything but a blank.
    """

    def __init__(self, block: bytes) -> None:
        self._headers = Headers(block.replace(b"\n\t", b"\n "))

    def __missing__(self, name: str) -> tuple[bytes, ...]:
        key = name.encode("utf-8", "replace")
        found = self[name] = tuple(self._headers.all(key))
        return found


class _Values(dict[str, tuple[str, ...]]):
    """The decoded values by lower-case name."""

    def __init__(self, block: bytes) -> None:
        self._block = block
        self.raw: _Raw | None = None

    def __missing__(self, name: str) -> tuple[str, ...]:
        raw = self.raw
        if raw is None:
            raw = self.raw = _Raw(self._block)
        # White space at the ends doesn't count, in encoded words neither (RFC 5228 §5.7).
        made = [decode_words(value).strip(_WHITESPACE) for value in raw[name]]
        found = self[name] = tuple(made)
        return found


class _Folded(dict[str, tuple[str, ...]]):
    """The values by lower-case name, in the form of one comparator."""

    def __init__(self, values: _Values, comparator: str) -> None:
        self._values = values
        self._fold = COMPARATORS[comparator].fold

    def __missing__(self, name: str) -> tuple[str, ...]:
        found = self[name] = tuple(map(self._fold, self._values[name]))
        return found


class _ByComparator(dict[str, _Folded]):
    def __init__(self, values: _Values) -> None:
        self._values = values

    def __missing__(self, comparator: str) -> _Folded:
        found = self[comparator] = _Folded(self._values, comparator)
        return found


class MessageHeader:
    """One header; names are in lower case everywhere.

    `values[name]` are the decoded values, the first field's first, empty if there is none.
    `folded[comparator][name]` are the same as that comparator compares them. Fields behind
    `HEADER_BYTES` are not seen.
    """

    __slots__ = ("_addresses", "block", "derived", "folded", "values")

    def __init__(self, block: bytes) -> None:
        self.block = block
        """All of it, without the blank line at its end."""
        self.values = _Values(block[:HEADER_BYTES])
        self.folded = _ByComparator(self.values)
        self.derived: dict[tuple[str, ...], tuple[str, ...]] = {}
        """What tests keep here, by a key of their own."""
        self._addresses: dict[str, tuple[tuple[HeaderAddress, ...], ...]] = {}

    def raw(self, name: str) -> tuple[bytes, ...]:
        """The values of all fields of that name, unfolded but not decoded."""
        values = self.values
        if values.raw is None:
            values[name]
        return () if values.raw is None else values.raw[name]

    def has(self, name: str) -> bool:
        """Whether there is such a field."""
        return bool(self.values[name])

    def addresses(self, name: str) -> tuple[tuple[HeaderAddress, ...], ...]:
        """The addresses of each field of that name, at most 10,000 of one."""
        found = self._addresses.get(name)
        if found is None:
            plain = self.is_international
            found = tuple([_addresses(raw, plain) for raw in self.raw(name)])
            self._addresses[name] = found
        return found

    def derive(
        self, key: tuple[str, ...], comparator: str, values: Sequence[str]
    ) -> tuple[str, ...]:
        """Keep values in the form of a comparator as `derived[key]`."""
        found = self.derived[key] = tuple(map(COMPARATORS[comparator].fold, values))
        return found

    @property
    def is_international(self) -> bool:
        """Whether the message came by SMTPUTF8, so that UTF-8 in addresses is allowed.

        The protocol names of RFC 6531 §4.3 in its trace fields tell it.
        """
        return any("WITH UTF8" in value for value in self.folded["i;ascii-casemap"]["received"])


def _addresses(raw: bytes, international: bool) -> tuple[HeaderAddress, ...]:
    entries = parse_address_list(raw, _COUNT_MAX)
    found: list[HeaderAddress] = []
    for entry in entries:
        members = (entry,) if isinstance(entry, Mailbox) else entry.members
        found += [_address(mailbox, international) for mailbox in members]
    if len(found) == 1 and found[0].local is None:
        return (HeaderAddress(decode_words(unfold(raw)), None, None),)
    if not found and not any(isinstance(entry, Group) for entry in entries):
        return (HeaderAddress(decode_words(unfold(raw)), None, None),)
    return tuple(found)


def _address(mailbox: Mailbox, international: bool) -> HeaderAddress:
    text = decode_raw(mailbox.address)
    local, domain = mailbox.local, mailbox.domain
    if not local or not domain or not (international or text.isascii()):
        return HeaderAddress(text, None, None)
    if b'"' in local or not _PLAIN.match(local):
        return _quoted(decode_raw(local), decode_raw(domain))
    return HeaderAddress(text, decode_raw(local), decode_raw(domain))


def _quoted(local: str, domain: str) -> HeaderAddress:
    return HeaderAddress(str(Address(local, domain)), local, domain)
