"""Addresses: the lists in header fields, read tolerantly, and envelope addresses, read strictly.

`parse_address_list` never raises and keeps what it can; `parse_path` follows RFC 5321 §4.1.2 and
raises GrammarError. Not for decoding display names (`mime/words`). Called by `mime/envelope`,
`mime/summary`, `wire/smtp` and whoever takes an address; calls nothing of ours but errors.
"""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass

import msgspec

from pillarbox.base.errors import GrammarError

LIST_COUNT = 10_000
LIST_BYTES = 256 * 1024
_LEXEMES_MAX = 100_000
LOCAL_BYTES = 64
DOMAIN_BYTES = 255
PATH_BYTES = 254


class Mailbox(msgspec.Struct, frozen=True, gc=False):
    """One address of a list: name and local part without quotes, encoded words left in the name.

    `domain` is empty if the text has no `@`; `route` is a source route as it was in old mail,
    `@one,@two` (RFC 5322 §4.4).
    """

    name_raw: bytes | None
    local: bytes
    domain: bytes
    route: bytes | None = None

    @property
    def address(self) -> bytes:
        """Local part and domain joined by `@`, or whichever of them there is."""
        return self.local + b"@" + self.domain if self.domain else self.local


class Group(msgspec.Struct, frozen=True):
    """A named group of a list (RFC 5322 §3.4), maybe empty."""

    name_raw: bytes
    members: tuple[Mailbox, ...]


_ATOMS = rb'[^\s<>@"(),:;\\]++'
# The forms that nearly every address has; whatever else there is goes through the lexer.
_USUAL = re.compile(
    rb'[ \t]*+(?:(?:"([^"\\]*+)"|([^"(),:;<>@\\]*+))[ \t]*+<(%b)@(%b)>|(%b)@(%b))[ \t]*+(?:,|\Z)'
    % (_ATOMS, _ATOMS, _ATOMS, _ATOMS)
)
_LEX = re.compile(
    rb'\s++|"(?:[^"\\]++|\\.)*+"|\[[^\[\]<>@,;\s]*+\]|[()<>@,;:"]|[^\s"()<>@,;:]++', re.DOTALL
)
_LEX_UNQUOTED = re.compile(rb"\s++|\[[^\[\]<>@,;\s]*+\]|[()<>@,;:]|[^\s()<>@,;:]++", re.DOTALL)
_COMMENT = re.compile(rb"[()]|\\.", re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_AROUND = re.compile(rb" ?([.@]) ?")


def parse_address_list(raw: bytes, count_max: int = LIST_COUNT) -> list[Mailbox | Group]:
    """The mailboxes and groups of an address list (RFC 5322 §3.4, §4.4), at most `count_max`.

    Comments serve as the name where there is no other. Linear in the length; text beyond 256 KiB
    is not read.
    """
    raw = raw[:LIST_BYTES]
    found: list[Mailbox | Group] = []
    at = 0
    size = len(raw)
    match = _USUAL.match
    while at < size and len(found) < count_max:
        hit = match(raw, at)
        if hit is None:
            _ListParser(raw, found, count_max).parse(at)
            break
        quoted, phrase, local, domain, bare_local, bare_domain = hit.groups()
        if bare_local is not None:
            found.append(Mailbox(None, bare_local, bare_domain))
        else:
            name = phrase.strip() if quoted is None else quoted
            found.append(Mailbox(name or None, local, domain))
        at = hit.end()
    return found


def mailboxes(entries: list[Mailbox | Group]) -> list[Mailbox]:
    """All mailboxes of a list, those in groups included."""
    found: list[Mailbox] = []
    for entry in entries:
        if isinstance(entry, Mailbox):
            found.append(entry)
        else:
            found.extend(entry.members)
    return found


class _ListParser:
    """The odd lists: one pass over lexemes with what stands before the next comma at hand."""

    __slots__ = (
        "_angle",
        "_comments",
        "_count_max",
        "_found",
        "_gap",
        "_group",
        "_in_angle",
        "_members",
        "_phrase",
        "_raw",
        "_words",
    )

    def __init__(self, raw: bytes, found: list[Mailbox | Group], count_max: int) -> None:
        self._raw = raw
        self._found = found
        self._count_max = count_max
        self._group: bytes | None = None
        self._members: list[Mailbox] = []
        self._clear()

    def _clear(self) -> None:
        # Pairs of lexeme and whether it is quoted; a gap is an unquoted blank.
        self._phrase: list[tuple[bytes, bool]] = []
        self._angle: list[tuple[bytes, bool]] = []
        self._words = self._phrase
        self._comments: list[bytes] = []
        self._in_angle = False

    def parse(self, at: int) -> None:
        raw = self._raw
        size = len(raw)
        lex = _LEX
        for _ in range(_LEXEMES_MAX):
            if at >= size or len(self._found) + len(self._members) >= self._count_max:
                break
            hit = lex.match(raw, at)
            if hit is None:
                at += 1
                continue
            lexeme = hit[0]
            at = hit.end()
            if lexeme == b'"':
                # It is never closed; from here on quotes mean nothing.
                lex = _LEX_UNQUOTED
            elif lexeme[0] == 34 and lex is _LEX:
                self._words.append((_ESCAPED.sub(rb"\1", lexeme[1:-1]), True))
            elif lexeme == b"(":
                at = self._comment(at)
            elif lexeme in b"<>,;:":
                self._special(lexeme)
            elif lexeme.isspace():
                self._words.append((b" ", False))
            else:
                self._words.append((lexeme, False))
        self._flush()
        self._end_group()

    def _comment(self, at: int) -> int:
        depth = 1
        for match in _COMMENT.finditer(self._raw, at):
            if match[0] == b"(":
                depth += 1
            elif match[0] == b")":
                depth -= 1
                if not depth:
                    text = _ESCAPED.sub(rb"\1", self._raw[at : match.start()]).strip()
                    if text:
                        self._comments.append(text)
                    self._words.append((b" ", False))
                    return match.end()
        self._comments.append(self._raw[at:].strip())
        return len(self._raw)

    def _special(self, lexeme: bytes) -> None:
        if lexeme == b"<":
            if not self._in_angle and not self._angle:
                self._in_angle = True
                self._words = self._angle
        elif lexeme == b">":
            self._in_angle = False
            self._words = self._phrase
        elif lexeme == b"," and not self._is_route():
            self._flush()
        elif lexeme == b":" and not self._in_angle and self._group is None and self._phrase:
            self._group = _phrase(self._phrase) or b""
            self._clear()
        elif lexeme == b";" and not self._in_angle:
            self._flush()
            self._end_group()
        else:
            self._words.append((lexeme, False))

    def _is_route(self) -> bool:
        return self._in_angle and bool(self._angle) and self._angle[0] == (b"@", False)

    def _flush(self) -> None:
        phrase, angle = self._phrase, self._angle
        name: bytes | None = None
        if angle:
            name = _phrase(phrase)
        else:
            angle = phrase
        if not name and self._comments:
            name = b" ".join(self._comments)
        route, local, domain = _addr_spec(angle)
        if local or domain:
            mailbox = Mailbox(name or None, local, domain, route)
            if self._group is None:
                self._found.append(mailbox)
            else:
                self._members.append(mailbox)
        self._clear()

    def _end_group(self) -> None:
        if self._group is not None:
            self._found.append(Group(self._group, tuple(self._members)))
            self._group = None
            self._members = []


def _phrase(words: list[tuple[bytes, bool]]) -> bytes | None:
    text = b"".join([word for word, _ in words])
    if len(words) != 1 or not words[0][1]:
        text = b" ".join(text.split())
    return text or None


def _addr_spec(words: list[tuple[bytes, bool]]) -> tuple[bytes | None, bytes, bytes]:
    """The source route, if one stands before them, local part and domain (RFC 5322 §4.4)."""
    start = 0
    route: bytes | None = None
    if words and words[0] == (b"@", False) and (b":", False) in words:
        start = len(words) - words[::-1].index((b":", False))
        route = b"".join(b"".join([word for word, _ in words[: start - 1]]).split())
    signs = [n for n in range(start, len(words)) if words[n] == (b"@", False)]
    if not signs:
        return route, _joined(words[start:]), b""
    return route, _joined(words[start : signs[-1]]), _joined(words[signs[-1] + 1 :])


def _joined(words: list[tuple[bytes, bool]]) -> bytes:
    if len(words) == 1:
        return words[0][0] if words[0][1] else words[0][0].strip()
    if any(quoted for _, quoted in words):
        return b"".join([word for word, quoted in words if quoted or word != b" "])
    text = b" ".join(b"".join([word for word, _ in words]).split())
    return _AROUND.sub(rb"\1", text)


# Envelope addresses

# Classes are written as what they exclude: `re` compiles ranges up to U+10FFFF slowly. Surrogates
# are no part of an address either, and are looked for beside.
_ATOM = r'[^\x00- "(),.:;<>@\[\\\]\x7f-\x9f]'
_DOT_STRING = re.compile(rf"{_ATOM}++(?:\.{_ATOM}++)*+\Z")
_PATH = re.compile(
    r'(?:@[^\s:<>"]++:)?(?:"((?:[^\x00-\x1f"\\\x7f-\x9f]|\\[ -~])*+)"|([^\s"@]++))@([^\s@"]++)\Z'
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_QUOTED_PAIR = re.compile(r"\\(.)")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*+\Z")
_NEEDS_ESCAPE = re.compile(r'(["\\])')


@dataclass(frozen=True, slots=True)
class Address:
    """An envelope address; the local part has no quotes, the domain stands as it was given."""

    local: str
    domain: str

    def __str__(self) -> str:
        local = self.local
        if not _is_dot_string(local):
            local = '"' + _NEEDS_ESCAPE.sub(r"\\\1", local) + '"'
        return f"{local}@{self.domain}"

    @property
    def domain_ascii(self) -> str:
        """The domain in lower case, labels in their ASCII form (RFC 5891, UTS 46).

        Raises GrammarError if there is no such form.
        """
        return ascii_domain(self.domain)

    @property
    def is_ascii(self) -> bool:
        """Whether the address can be sent without SMTPUTF8, the domain in its ASCII form."""
        return self.local.isascii()

    def normalized(self) -> "Address":
        """The same address with its domain in ASCII and lower case; the local part is left."""
        return Address(self.local, self.domain_ascii)

    def key(self, delimiter: str = "") -> str:
        """What two spellings of one local mailbox have in common: for looking up, not sending.

        The local part in lower case and NFC, without what follows `delimiter` (if one is given).
        """
        local = split_subaddress(self.local, delimiter)[0] if delimiter else self.local
        return f"{unicodedata.normalize('NFC', local).lower()}@{self.domain_ascii}"


def parse_path(text: str) -> Address:
    """An envelope address, with or without angle brackets; a source route is dropped.

    The null path `<>` is no address. Local part to 64 octets, domain to 255, all to 254
    (RFC 5321 §4.1.2, §4.5.3.1; non-ASCII by RFC 6531 §3.3). Raises GrammarError.
    """
    if text[:1] == "<":
        if text[-1:] != ">":
            raise GrammarError("path without closing bracket", len(text))
        text = text[1:-1]
    if len(text) > 4 * PATH_BYTES:
        raise GrammarError("address is too long", PATH_BYTES)
    match = _PATH.match(text)
    if match is None:
        raise GrammarError("not an address")
    quoted, local, domain = match.groups()
    if local is None:
        if _has_surrogate(quoted):
            raise GrammarError("not an address")
        local = _QUOTED_PAIR.sub(r"\1", quoted)
    elif not _is_dot_string(local):
        raise GrammarError("bad local part", match.start(2))
    if len(local.encode("utf-8", "replace")) > LOCAL_BYTES:
        raise GrammarError("local part is too long", LOCAL_BYTES)
    address = Address(local, domain)
    octets = len(str(address).encode("utf-8", "replace"))
    if octets - len(domain.encode("utf-8", "replace")) + len(ascii_domain(domain)) > PATH_BYTES:
        raise GrammarError("address is too long", PATH_BYTES)
    return address


def _is_dot_string(local: str) -> bool:
    return _DOT_STRING.match(local) is not None and not _has_surrogate(local)


def _has_surrogate(text: str) -> bool:
    return not text.isascii() and _SURROGATE.search(text) is not None


def ascii_domain(domain: str) -> str:
    """A domain or address literal in ASCII and lower case; raises GrammarError if it is neither."""
    if domain[:1] == "[":
        return _literal(domain)
    if not domain.isascii():
        import idna  # its tables are large, and few domains need them

        try:
            domain = idna.encode(domain, uts46=True, transitional=False).decode("ascii")
        except (UnicodeError, ValueError) as error:
            raise GrammarError("bad domain") from error
    if len(domain) > DOMAIN_BYTES:
        raise GrammarError("domain is too long", DOMAIN_BYTES)
    if not _DOMAIN.match(domain):
        raise GrammarError("bad domain")
    return domain.lower()


def _literal(text: str) -> str:
    inner = text[1:-1] if text[-1:] == "]" else ""
    try:
        if inner[:5].lower() == "ipv6:":
            if "%" in inner:
                raise GrammarError("bad address literal")
            return f"[ipv6:{ipaddress.IPv6Address(inner[5:])}]"
        return f"[{ipaddress.IPv4Address(inner)}]"
    except ipaddress.AddressValueError as error:
        raise GrammarError("bad address literal") from error


def split_subaddress(local: str, delimiter: str = "+") -> tuple[str, str | None]:
    """User and detail of a local part (RFC 5233 §1); no detail without the delimiter.

    A local part that begins with the delimiter has no user before it and is left whole.
    """
    user, sign, detail = local.partition(delimiter)
    return (user, detail) if sign and user else (local, None)
