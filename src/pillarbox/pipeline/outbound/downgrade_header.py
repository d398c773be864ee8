"""Header fields in ASCII, and with lines that are short enough to be sent.

Text becomes encoded words (RFC 2047), parameters the form of RFC 2231. Addresses that are not
ASCII have no other form: then it is not possible. Called by `downgrade`; calls `formats`.
"""

import re
from base64 import b64encode
from urllib.parse import quote

from pillarbox.base.errors import GrammarError
from pillarbox.formats.address import Address, Group, Mailbox, ascii_domain, parse_address_list
from pillarbox.formats.mime.content import (
    Params,
    parameter,
    parse_content_type,
    parse_disposition,
)
from pillarbox.formats.mime.header import unfold
from pillarbox.formats.mime.words import decode_raw, decode_words

_ADDRESSES = frozenset(
    (
        *(b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc", b"return-path"),
        *(b"resent-from", b"resent-sender", b"resent-reply-to", b"resent-to", b"resent-cc"),
        *(b"resent-bcc", b"disposition-notification-to", b"mail-followup-to", b"errors-to"),
        *(b"return-receipt-to", b"mail-reply-to", b"delivered-to", b"x-original-to"),
    )
)
_IDENTIFIERS = frozenset(
    (b"message-id", b"in-reply-to", b"references", b"content-id", b"resent-message-id", b"date")
)
_TRACE = frozenset((b"received", b"received-spf", b"authentication-results", b"x-received"))
_SIGNATURES = frozenset(
    (
        *(b"dkim-signature", b"arc-seal", b"arc-message-signature"),
        b"arc-authentication-results",
    )
)
"""What they say is no longer so once a field was changed."""

_WORD_BYTES = 42  # 75 characters as an encoded word at most (RFC 2047 §2)
_LINE_BYTES = 900
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`{|}~0-9A-Za-z]+")
_PHRASE = re.compile(r"[!#$%&'*+\-/=?^_`{|}~0-9A-Za-z ]+")
_NEEDS_ESCAPE = re.compile(r'(["\\])')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_PARAMS_MAX = 100


class NotPossible(Exception):
    """The message has no form that the server takes; `text` says why, for people."""

    def __init__(self, enhanced: str, text: str) -> None:
        super().__init__(text)
        self.enhanced = enhanced
        self.text = text


def ascii_value(name: bytes, raw: bytes) -> bytes | None:
    """The value of a field in ASCII, folded; `None` where the field is better left out.

    `name` in lower case. Raises `NotPossible`.
    """
    value = unfold(raw)
    if name in _SIGNATURES:
        return None
    if name in _TRACE:
        return folded_value(_NOT_ASCII.sub(b"?", value))
    if name in _IDENTIFIERS:
        field = name.decode("ascii")
        raise NotPossible("5.6.7", f"The field {field} of the message is not ASCII")
    if name in _ADDRESSES:
        return _addresses(name, value)
    if name == b"content-type":
        found = parse_content_type(value, _PARAMS_MAX)
        if found is not None:
            return _with_params(f"{found[0]}/{found[1]}", found[2])
    if name == b"content-disposition":
        disposition = parse_disposition(value, _PARAMS_MAX)
        if disposition is not None:
            return _with_params(disposition[0], disposition[1])
    return encoded_words(decode_words(value))


def encoded_words(text: str) -> bytes:
    """Text as encoded words, one a line (RFC 2047 §2)."""
    words: list[str] = []
    piece: list[str] = []
    size = 0
    for char in _CONTROL.sub(" ", text):
        width = len(char.encode("utf-8", "replace"))
        if size + width > _WORD_BYTES:
            words.append("".join(piece))
            piece, size = [], 0
        piece.append(char)
        size += width
    words.append("".join(piece))
    made = [b"=?utf-8?B?%b?=" % b64encode(word.encode("utf-8", "replace")) for word in words]
    return b"\r\n ".join(made)


def folded(field: bytes) -> bytes:
    """A whole field with its lines shortened; raises `NotPossible` where there is no space."""
    name, _, value = field.partition(b":")
    short = folded_value(unfold(value))
    return name + b": " + short + b"\r\n"


def folded_value(value: bytes) -> bytes:
    """A value on several lines if it is long, each of 900 bytes at most."""
    if len(value) <= _LINE_BYTES:
        return value
    lines: list[bytes] = []
    at = 0
    while len(value) - at > _LINE_BYTES:
        cut = max(value.rfind(b" ", at + 1, at + _LINE_BYTES), value.rfind(b"\t", at + 1, at + 900))
        if cut <= at or not value[at:cut].strip():
            raise NotPossible("5.6.0", "The header of the message has a line that is too long")
        lines.append(value[at:cut])
        at = cut
    lines.append(value[at:])
    return b"\r\n".join(lines)


def _addresses(name: bytes, value: bytes) -> bytes:
    found = parse_address_list(value)
    if not found:
        return folded_value(_NOT_ASCII.sub(b"?", value))
    texts = []
    for entry in found:
        if isinstance(entry, Group):
            members = ", ".join(_mailbox(name, one) for one in entry.members)
            texts.append(f"{_phrase(entry.name_raw)}: {members};")
        else:
            texts.append(_mailbox(name, entry))
    return ",\r\n ".join(texts).encode("ascii")


def _mailbox(name: bytes, one: Mailbox) -> str:
    local, domain = decode_raw(one.local), decode_raw(one.domain)
    try:
        if not local.isascii():
            raise GrammarError("not ASCII")
        if domain:
            domain = domain if domain.isascii() else ascii_domain(domain)
            address = str(Address(local, domain))
        else:
            address = local
    except GrammarError:
        field = name.decode("ascii", "replace")
        text = f"The field {field} of the message has an address that is not ASCII"
        raise NotPossible("5.6.7", text) from None
    address = _CONTROL.sub("", address)
    if one.name_raw is None:
        return f"<{address}>"
    return f"{_phrase(one.name_raw)} <{address}>"


def _phrase(raw: bytes) -> str:
    text = _CONTROL.sub(" ", decode_words(raw))
    if not text.isascii():
        return encoded_words(text).decode("ascii")
    if _PHRASE.fullmatch(text):
        return text
    return '"' + _NEEDS_ESCAPE.sub(r"\\\1", text) + '"'


def _with_params(word: str, params: Params) -> bytes:
    """RFC 2231 §4: a value that is not ASCII by percent signs, everything else as it was."""
    parts = [word.encode("ascii", "replace").decode("ascii")]
    names = dict.fromkeys(name.partition("*")[0] for name, _ in params)
    for name in names:
        value = parameter(params, name)
        if value is None or not _TOKEN.fullmatch(name):
            continue
        value = _CONTROL.sub(" ", value)
        if not value.isascii():
            parts.append(_extended(name, value))
        elif _TOKEN.fullmatch(value):
            parts.append(f"{name}={value}")
        else:
            escaped = _NEEDS_ESCAPE.sub(r"\\\1", value)
            parts.append(f'{name}="{escaped}"')
    return ";\r\n ".join(parts).encode("ascii")


def _extended(name: str, value: str) -> str:
    encoded = f"utf-8''{quote(value.encode('utf-8', 'replace'), safe='')}"
    if len(encoded) <= _LINE_BYTES - 100:
        return f"{name}*={encoded}"
    pieces, at = [], 0
    while at < len(encoded):
        end = at + 600
        # Not inside %XX.
        cut = encoded.rfind("%", end - 2, end)
        end = cut if cut >= 0 and end < len(encoded) else end
        pieces.append(encoded[at:end])
        at = end
    return ";\r\n ".join(f"{name}*{number}*={piece}" for number, piece in enumerate(pieces))
