"""A message as signatures see it: its fields with their spelling, and where the body begins.

Line ends may be CRLF or LF; both count as CRLF, since that is what goes over the wire.
"""

from dataclasses import dataclass

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mime.header import HEADER_BYTES, fields


@dataclass(frozen=True, slots=True)
class SignedField:
    """One field; `name` is in lower case, `whole` has folding and line end as they stand."""

    name: bytes
    whole: bytes

    @property
    def value(self) -> bytes:
        """What stands behind the colon, with folding."""
        return self.whole.partition(b":")[2]


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A message that is to be signed or checked; `body_start` is an offset in `content`."""

    content: bytes
    fields: tuple[SignedField, ...]
    body_start: int

    def named(self, name: bytes) -> tuple[SignedField, ...]:
        """The fields of a lower-case name, from the top."""
        return tuple(field for field in self.fields if field.name == name)


def read_message(content: bytes) -> SignedMessage:
    """Find the fields; GrammarError for a header over 256 KiB, which can't be seen whole."""
    end, body_start = _header_end(content)
    if end > HEADER_BYTES:
        raise GrammarError("the header is too long", HEADER_BYTES)
    header = content[:end]
    found = tuple(SignedField(name, header[start:stop]) for name, _, start, stop in fields(header))
    return SignedMessage(content, found, body_start)


def _header_end(content: bytes) -> tuple[int, int]:
    """Where the header ends, its last line end included, and where the body begins."""
    for start in (b"\r\n", b"\n"):
        if content.startswith(start):
            return 0, len(start)
    limit = HEADER_BYTES + 4
    ends = [
        (at + 1, at + len(blank))
        for blank in (b"\n\r\n", b"\n\n")
        if (at := content.find(blank, 0, limit)) >= 0
    ]
    return min(ends) if ends else (len(content), len(content))
