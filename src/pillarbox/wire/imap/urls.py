"""The IMAP URLs of CATENATE: relative ones that name a message or a section of it (RFC 5092).

Understood are `/mailbox;UIDVALIDITY=n/;UID=n/;SECTION=s/;PARTIAL=o.n` and, without a mailbox, the
same from `;UID=` or `/;UID=` on, which is relative to the selected one (RFC 4469 §3). Servers,
searches and URLAUTH are refused. Called by `protocols/imap/commands/catenate`.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from pillarbox.base.errors import GrammarError
from pillarbox.wire.imap.names import decode_name
from pillarbox.wire.imap.parse.fetch import BodySection, Partial, parse_section
from pillarbox.wire.imap.tokens import Tokens

MAX_URL_BYTES = 8_192

# What may stand for itself, and percent signs only before two digits (RFC 5092 §11).
_CHARACTERS = re.compile(r"(?:[A-Za-z0-9\-._~!$'()*+,&=:@/;]|%[0-9A-Fa-f]{2})+")
_URL = re.compile(
    r"(?:/(?P<mailbox>[^;/][^;]*?)(?:;UIDVALIDITY=(?P<validity>[1-9][0-9]{0,9}))?(?=/;UID=))?"
    r"/?;UID=(?P<uid>[1-9][0-9]{0,9})"
    r"(?:/?;SECTION=(?P<section>[^;]+?))?"
    r"(?:/?;PARTIAL=(?P<offset>[0-9]{1,19})(?:\.(?P<size>[0-9]{1,19}))?)?",
    re.IGNORECASE,
)
_MAX_32, _MAX_63 = 0xFFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF


@dataclass(frozen=True, slots=True)
class MessageUrl:
    """A message or a part of one; `mailbox` is None for the selected one.

    `section.partial` has the range where one is named; one without an end has the largest size.
    """

    mailbox: str | None
    uidvalidity: int | None
    uid: int
    section: BodySection


def parse_url(text: str) -> MessageUrl:
    """Read a URL; GrammarError for one that is no URL or names anything else."""
    if len(text) > MAX_URL_BYTES or _CHARACTERS.fullmatch(text) is None:
        raise GrammarError("not a URL")
    found = _URL.fullmatch(text)
    if found is None:
        raise GrammarError("not the URL of a message here")
    uid, validity = int(found["uid"]), found["validity"]
    if uid > _MAX_32 or (validity is not None and int(validity) > _MAX_32):
        raise GrammarError("number too large")
    mailbox = None
    if found["mailbox"] is not None:
        mailbox = decode_name(unquote_to_bytes(found["mailbox"]), utf8=True)
    section = _section(found["section"])
    if found["offset"] is not None:
        partial = _partial(found["offset"], found["size"])
        section = BodySection(section.part, section.text, section.fields, partial, True)
    return MessageUrl(mailbox, None if validity is None else int(validity), uid, section)


def _section(text: str | None) -> BodySection:
    if text is None:
        return BodySection(peek=True)
    tokens = Tokens((b"[" + unquote_to_bytes(text) + b"]",))
    section = parse_section(tokens, peek=True)
    tokens.end()
    if section.partial is not None:
        raise tokens.fault("not a section")
    return section


def _partial(offset: str, size: str | None) -> Partial:
    first, count = int(offset), _MAX_63 if size is None else int(size)
    if not count or max(first, count) > _MAX_63:
        raise GrammarError("range out of bounds")
    return Partial(first, count)
