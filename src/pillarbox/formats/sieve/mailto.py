"""The `mailto:` URIs of notifications (RFC 6068, RFC 5436)."""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from pillarbox.base.errors import GrammarError
from pillarbox.formats.sieve.addresses import outgoing_address

MAX_CHARACTERS = 4_000
MAX_RECIPIENTS = 5
MAX_FIELDS = 20
_SCHEME = "mailto:"
_BAD_CHARACTER = re.compile(r"[^!$-;=?-Z_a-z~]|%(?![0-9A-Fa-f]{2})")
_FIELD_NAME = re.compile(r"[!-9;-~]{1,76}\Z")
_BREAKS = re.compile(r"\r\n|\r|\n")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# The sender, the way and the time of a message are not for a URI to say (RFC 5436 §2.7); whoever
# gets the message is told to all.
_OURS = frozenset(
    (
        *("from", "sender", "reply-to", "date", "message-id", "received", "return-path", "bcc"),
        *("auto-submitted", "delivered-to", "mime-version", "dkim-signature", "x-sieve"),
        "authentication-results",
    )
)
_OURS_PREFIXES = ("resent-", "content-", "arc-", "received-", "list-")


@dataclass(frozen=True, slots=True)
class Mailto:
    """What a URI says: addresses, and the fields of the message to be.

    `fields` are names as written and values in one line, without those that are not for a URI to
    set. `subject` and `body` are `None` where it has none; the lines of `body` end with LF.
    """

    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    subject: str | None = None
    body: str | None = None
    fields: tuple[tuple[str, str], ...] = ()


def parse_mailto(uri: str) -> Mailto:
    """Read a URI; GrammarError says what is wrong with it.

    It has 1 to 5 recipients, in its path or in fields `to` and `cc`.
    """
    if uri[: len(_SCHEME)].lower() != _SCHEME:
        raise GrammarError("the URI does not begin with mailto:")
    if len(uri) > MAX_CHARACTERS:
        raise GrammarError("the URI is too long")
    bad = _BAD_CHARACTER.search(uri)
    if bad is not None:
        raise GrammarError("a character of the URI has to be written as %XX", bad.start())
    path, _, query = uri[len(_SCHEME) :].partition("?")
    reader = _Reader(path)
    parts = query.split("&") if query else []
    if len(parts) > MAX_FIELDS:
        raise GrammarError(f"the URI has more than {MAX_FIELDS} fields")
    for part in parts:
        reader.read_field(part)
    return reader.made()


class _Reader:
    """What was read of a URI so far."""

    def __init__(self, path: str) -> None:
        self.to: list[str] = []
        self.cc: list[str] = []
        self.subject: str | None = None
        self.body: str | None = None
        self.fields: list[tuple[str, str]] = []
        _add_addresses(self.to, path)

    def read_field(self, part: str) -> None:
        name, sign, raw = part.partition("=")
        name = _decoded(name)
        if not sign or not _FIELD_NAME.match(name):
            raise GrammarError("a field of the URI has no proper name")
        key = name.lower()
        if key in ("to", "cc"):
            # A comma between addresses may be written as %2C here (RFC 6068 §2).
            addresses = raw.replace("%2c", ",").replace("%2C", ",")
            _add_addresses(self.to if key == "to" else self.cc, addresses)
        elif key == "body":
            self.body = _BREAKS.sub("\n", _CONTROL.sub("", _decoded(raw)))
        elif key == "subject":
            self.subject = _line(raw)
        elif key not in _OURS and not key.startswith(_OURS_PREFIXES):
            self.fields.append((name, _line(raw)))

    def made(self) -> Mailto:
        cc = tuple(address for address in self.cc if address not in self.to)
        if not self.to and not cc:
            raise GrammarError("the URI names no address")
        if len(self.to) + len(cc) > MAX_RECIPIENTS:
            raise GrammarError(f"the URI names more than {MAX_RECIPIENTS} addresses")
        return Mailto(tuple(self.to), cc, self.subject, self.body, tuple(self.fields))


def mailto_uri(addresses: tuple[str, ...]) -> str:
    """The URI that names these addresses."""
    quoted = (_NEEDS_QUOTING.sub(_quote, address) for address in addresses)
    return _SCHEME + ",".join(quoted)


_NEEDS_QUOTING = re.compile(r"[^!$'*+\-.0-9@A-Z_a-z~]")


def _quote(match: re.Match[str]) -> str:
    return "".join(f"%{octet:02X}" for octet in match[0].encode("utf-8", "replace"))


def _add_addresses(found: list[str], addresses: str) -> None:
    for part in addresses.split(",") if addresses else ():
        text = _decoded(part)
        try:
            address = str(outgoing_address(text)[0])
        except GrammarError:
            raise GrammarError(f'"{text[:100]}" in the URI is not an address') from None
        if address not in found:
            found.append(address)


def _decoded(part: str) -> str:
    try:
        return unquote_to_bytes(part).decode("utf-8")
    except UnicodeDecodeError:
        raise GrammarError("the URI is not UTF-8") from None


def _line(raw: str) -> str:
    return " ".join(_CONTROL.sub("", _decoded(raw)).split())
