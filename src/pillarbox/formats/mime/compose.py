"""Building messages: fields, texts and parts, which any server takes.

Whatever the text is, no field or part comes of it that was not asked for. Called by whoever makes
reports, replies and notices; calls `header`.
"""

import base64
import quopri
import re
import secrets
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.header import Header

from pillarbox.formats.address import parse_path
from pillarbox.formats.mime.header import Headers

REFERENCES = 10
LINE_OCTETS = 998
CLEAN_CHARS = 2000
NAME_CHARS = 100
_MESSAGE_ID = re.compile(rb"<[!-;=?-~]{1,250}>")
_REFERENCES_BYTES = 16_384
_LINE_END = re.compile(r"\r\n|\r|\n")
_PLAIN = re.compile(r"[ -~]*\Z")
_SPACES = frozenset(("Cc", "Cs", "Co", "Cn", "Zl", "Zp"))
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")


@dataclass(frozen=True, slots=True)
class Written:
    """A part: its header fields without a blank line, each maybe folded, and its body."""

    fields: tuple[str, ...]
    body: bytes


def clean(text: str, most: int = CLEAN_CHARS) -> str:
    """Text from elsewhere on one line: nothing unseen or that turns the direction, at most so long.

    Joiners of no width go too: they hide more than they help.
    """
    text = text[: most + 1]
    if not _PLAIN.match(text):
        text = "".join(map(_seen, text))
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _seen(character: str) -> str:
    category = unicodedata.category(character)
    return "" if category == "Cf" else " " if category in _SPACES else character


def unstructured(name: str, text: str, most: int = CLEAN_CHARS) -> str:
    """A whole field of text, cleaned, encoded where it has to be (RFC 2047), and folded."""
    text = clean(text, most)
    charset = "us-ascii" if text.isascii() and "=?" not in text and _fits(text) else "utf-8"
    value = Header(text, charset, maxlinelen=76, header_name=name).encode(linesep="\r\n")
    return f"{name}: {value}"


def _fits(text: str) -> bool:
    return all(len(word) < LINE_OCTETS // 2 for word in text.split(" "))


def mailbox(path: str, name: str = "") -> str:
    """A mailbox of an address field (RFC 5322 §3.4); raises `GrammarError` for no address.

    The domain is in ASCII, so that only a local part can make UTF-8 of the header.
    """
    address = parse_path(path).normalized()
    name = clean(name, NAME_CHARS)
    if not name:
        return f"<{address}>"
    if "=?" in name or not name.isascii():
        shown = Header(name, "utf-8", maxlinelen=60).encode(linesep="\r\n")
    elif _ATOMS.match(name):
        shown = name
    else:
        shown = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{shown} <{address}>"


def address_field(name: str, mailboxes: Iterable[str]) -> str:
    """A whole field of what `mailbox` gave, each on a line of its own."""
    return f"{name}: " + ",\r\n ".join(mailboxes)


def message_ids(value: bytes | None) -> list[str]:
    """The message ids in a value of Message-ID, In-Reply-To or References."""
    return [one.decode() for one in _MESSAGE_ID.findall((value or b"")[:_REFERENCES_BYTES])]


def relations(headers: Headers) -> list[str]:
    """In-Reply-To and References, by which a reply is shown beside its message (RFC 3834 §3.1.5).

    None where the message has no Message-ID; of the references before it the last `REFERENCES`.
    """
    found = message_ids(headers.first(b"message-id"))
    if not found:
        return []
    chain = message_ids(headers.first(b"references"))[-REFERENCES:]
    chain = [*(name for name in chain if name != found[0]), found[0]]
    return [f"In-Reply-To: {found[0]}", "References: " + "\r\n ".join(chain)]


def text_part(text: str, subtype: str = "plain", language: str = "") -> Written:
    """A part of text with any line ends, encoded so that any server takes it."""
    raw = "\r\n".join(_LINE_END.split(text)).replace("\0", "").encode("utf-8", "replace")
    if not raw.endswith(b"\r\n"):
        raw += b"\r\n"
    body, encoding = seven_bit(raw)
    charset = "us-ascii" if raw.isascii() else "utf-8"
    fields = [f"Content-Type: text/{subtype}; charset={charset}"]
    if language:
        fields.append(f"Content-Language: {language}")
    fields.append(f"Content-Transfer-Encoding: {encoding}")
    return Written(tuple(fields), body)


def seven_bit(raw: bytes) -> tuple[bytes, str]:
    """A body of text as it is where it is plain, else encoded; and the name of the encoding.

    Quoted-printable, so that most of it can be read as it is, but where that doubles it, or where
    CR stands alone, of which it would make a line end.
    """
    if is_plain(raw):
        return raw, "7bit"
    lines = raw.replace(b"\r\n", b"\n")
    if b"\r" in lines:
        return base64_lines(raw), "base64"
    quoted = quopri.encodestring(lines).replace(b"\n", b"\r\n")
    if len(quoted) > 2 * len(raw):
        return base64_lines(raw), "base64"
    return quoted, "quoted-printable"


def is_plain(raw: bytes) -> bool:
    """Whether it can be sent as 7bit (RFC 2045 §2.7): ASCII without NUL, in lines by CRLF."""
    if not raw.isascii() or b"\0" in raw:
        return False
    lines = raw.split(b"\r\n")
    return all(len(one) <= LINE_OCTETS and b"\r" not in one and b"\n" not in one for one in lines)


def base64_lines(raw: bytes) -> bytes:
    """Base64 in lines of 76 (RFC 2045 §6.8)."""
    return base64.encodebytes(raw).replace(b"\n", b"\r\n")


def message(fields: Sequence[str], content: Written) -> bytes:
    """A message of one part: `fields` and those of the part."""
    return "\r\n".join((*fields, *content.fields, "", "")).encode() + content.body


def boundary(parts: Iterable[Written], prefix: str = "part") -> str:
    """What stands in none of the parts."""
    bodies = [part.body for part in parts]
    while True:
        found = f"{prefix}-{secrets.token_hex(12)}"
        if not any(found.encode() in body for body in bodies):
            return found


def joined(parts: Sequence[Written], between: str) -> bytes:
    """The body of a multipart with that boundary."""
    body = b"".join(
        b"--%b\r\n%b\r\n\r\n%b\r\n"
        % (between.encode(), "\r\n".join(part.fields).encode(), part.body)
        for part in parts
    )
    return b"%b--%b--\r\n" % (body, between.encode())
