"""The record that says who wants reports (RFC 8460 §3)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from pillarbox.base.errors import GrammarError
from pillarbox.formats.reporting.fields import mailto

MAX_TARGETS = 5
"""More are not sent to, so that nobody can have many mails sent by naming many."""

_RECORD_MAX = 4096
_VERSION = "v=TLSRPTv1"
_DELIMITER = re.compile(r"[ \t]*;[ \t]*")
_COMMA = re.compile(r"[ \t]*,[ \t]*")
_EXTENSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}=[!-:<>-~]+")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")


@dataclass(frozen=True, slots=True)
class Targets:
    """Where reports go: addresses of mail, and https URLs to post to."""

    mail: tuple[str, ...] = ()
    https: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anybody is named."""
        return bool(self.mail or self.https)


def parse_record(texts: Iterable[str]) -> Targets | None:
    """Who wants reports, by the TXT records of `_smtp._tls.<domain>`; what else stands there goes.

    `None` where no record is of this kind; `GrammarError` where several are, or one that is wrong.
    """
    found = [text for text in texts if _is_record(text)]
    if not found:
        return None
    if len(found) > 1:
        raise GrammarError("several TLSRPT records")
    if len(found[0]) > _RECORD_MAX:
        raise GrammarError("a record that is too long")
    fields = _DELIMITER.split(found[0])[1:]
    if fields and not fields[-1]:
        fields.pop()
    uris: list[str] = []
    for field in fields:
        if field.startswith("rua="):
            uris += _COMMA.split(field[4:])
        elif not _EXTENSION.fullmatch(field):
            raise GrammarError("a field that is none")
    if not uris or not all(map(_URI.fullmatch, uris)):
        raise GrammarError("no rua, or a wrong one")
    return _targets(uris[:MAX_TARGETS])


def _is_record(text: str) -> bool:
    return text.startswith(_VERSION) and _DELIMITER.match(text, len(_VERSION)) is not None


def _targets(uris: list[str]) -> Targets:
    mail: dict[str, None] = {}
    https: dict[str, None] = {}
    for uri in uris:
        address = mailto(uri)
        if address is not None:
            mail[address] = None
        elif uri[:6].lower() == "https:" and _has_host(uri):
            https[uri] = None
    return Targets(tuple(mail), tuple(https))


def _has_host(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        return bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return False
