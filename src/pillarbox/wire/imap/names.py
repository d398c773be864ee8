"""Mailbox names between the wire and the rest: modified UTF-7, INBOX, what may be a name.

Without UTF8=ACCEPT or IMAP4rev2 names travel in modified UTF-7 (RFC 3501 §5.1.3), with them in
UTF-8 (RFC 6855 §3). Above the wire a name is a plain NFC string with `/` between levels.
"""

import re
import unicodedata
from base64 import b64decode, b64encode

from pillarbox.base.errors import GrammarError

SEPARATOR = "/"
MAX_COMPONENT_BYTES = 255
MAX_NAME_BYTES = 1000
MAX_DEPTH = 32

_TO_ENCODE = re.compile(r"&|[^\x20-\x7e]+")
_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")
# C0, DEL, C1, and the line and paragraph separators Net-Unicode excludes (RFC 5198 §2).
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def encode_utf7(name: str) -> str:
    """A name in modified UTF-7; every string without lone surrogates has exactly one."""
    if name.isascii() and name.isprintable() and "&" not in name:
        return name
    return _TO_ENCODE.sub(_shift, name)


def _shift(found: re.Match[str]) -> str:
    run = found.group()
    if run == "&":
        return "&-"
    try:
        units = run.encode("utf-16-be")
    except UnicodeEncodeError:
        raise GrammarError("lone surrogate in mailbox name") from None
    return "&" + b64encode(units, b"+,").decode("ascii").rstrip("=") + "-"


def decode_utf7(text: str) -> str:
    """The name behind strict modified UTF-7; GrammarError for any other spelling of it."""
    if "&" not in text:
        if not (text.isascii() and text.isprintable()):
            raise GrammarError("mailbox name is not modified UTF-7")
        return text
    name = _SHIFTED.sub(_unshift, text)
    if encode_utf7(name) != text:
        raise GrammarError("mailbox name is not modified UTF-7")
    return name


def _unshift(found: re.Match[str]) -> str:
    packed = found.group(1)
    if not packed:
        return "&"
    try:
        units = b64decode(packed + "=" * (-len(packed) % 4), b"+,")
        return units.decode("utf-16-be")
    except ValueError:
        raise GrammarError("mailbox name is not modified UTF-7") from None


def decode_name(data: bytes, *, utf8: bool) -> str:
    """The name a client sent, in NFC and with INBOX in its one spelling.

    Without `utf8`, text that is no modified UTF-7 (a bare `&`, raw UTF-8) is taken as it stands:
    clients and people send it, and it names the mailbox they mean. GrammarError for bytes that
    are not UTF-8.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise GrammarError("mailbox name is not UTF-8") from None
    if not utf8 and "&" in text:
        try:
            text = decode_utf7(text)
        except GrammarError:
            pass
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return fold_inbox(text)


def encode_name(name: str, *, utf8: bool) -> bytes:
    """A name as a quoted string."""
    text = name if utf8 else encode_utf7(name)
    if '"' in text or "\\" in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return b'"' + text.encode("utf-8") + b'"'


def fold_inbox(name: str) -> str:
    """INBOX in upper case where the first level is INBOX in any case (RFC 9051 §5.1)."""
    first = name[:5]
    # ASCII only: a dotless i is I in upper case.
    if first.isascii() and first.upper() == "INBOX" and name[5:6] in ("", SEPARATOR):
        return "INBOX" + name[5:]
    return name


def check_name(name: str) -> str:
    """A name fit to be created: NFC, without a trailing separator.

    GrammarError says why it is not: control characters, empty levels, a `#` in front (kept for
    namespaces, RFC 9051 §5.1.2), or over the limits of this module.
    """
    name = fold_inbox(unicodedata.normalize("NFC", name.removesuffix(SEPARATOR)))
    if not name:
        raise GrammarError("mailbox name is empty")
    if _CONTROL.search(name) or _SURROGATE.search(name):
        raise GrammarError("mailbox name has control characters")
    if name.startswith("#"):
        raise GrammarError("mailbox name starts with #")
    levels = name.split(SEPARATOR)
    if len(levels) > MAX_DEPTH:
        raise GrammarError("mailbox name has too many levels")
    if "" in levels:
        raise GrammarError("mailbox name has an empty level")
    if len(name.encode("utf-8")) > MAX_NAME_BYTES or any(
        len(level.encode("utf-8")) > MAX_COMPONENT_BYTES for level in levels
    ):
        raise GrammarError("mailbox name is too long")
    return name
