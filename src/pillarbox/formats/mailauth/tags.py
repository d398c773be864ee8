"""Tag lists: `name=value; name=value`, of signatures and key records (RFC 6376 §3.2)."""

import re
from base64 import b64decode
from binascii import Error as Base64Error

from pillarbox.base.errors import GrammarError

LIST_BYTES = 16 * 1024
LIST_COUNT = 64

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*+\Z")
_FWS = " \t\r\n"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SPACES = re.compile(rb"[ \t\r\n]+")
_FOLDING = re.compile(r"[ \t\r\n]+")


def parse_tags(raw: bytes) -> dict[str, str]:
    """The values by name, without white space around them; order is kept.

    Raises GrammarError for what is no tag list, has a name twice, or is over 16 KiB or 64 tags.
    """
    if len(raw) > LIST_BYTES:
        raise GrammarError("the tag list is too long", LIST_BYTES)
    specs = raw.decode("utf-8", "replace").split(";")
    if not specs[-1].strip(_FWS):
        specs.pop()
    if not 0 < len(specs) <= LIST_COUNT:
        raise GrammarError("no tags" if not specs else "too many tags")
    found: dict[str, str] = {}
    for spec in specs:
        name, equals, value = spec.partition("=")
        name, value = name.strip(_FWS), value.strip(_FWS)
        if not equals or not _NAME.match(name) or _CONTROL.search(value):
            raise GrammarError("not a tag list")
        if name in found:
            raise GrammarError(f"the tag {name} stands there twice")
        found[name] = value
    return found


def without_value(raw: bytes, name: bytes) -> bytes:
    """A tag list as it stands, but with the value of one tag taken out (RFC 6376 §3.5, b=)."""
    specs = raw.split(b";")
    for number, spec in enumerate(specs):
        head, equals, _ = spec.partition(b"=")
        if equals and head.strip(b" \t\r\n") == name:
            specs[number] = head + b"="
    return b";".join(specs)


def base64_value(text: str) -> bytes:
    """The octets of a base64 value, which may be folded; GrammarError if it is none."""
    try:
        return b64decode(_SPACES.sub(b"", text.encode()), validate=True)
    except (Base64Error, ValueError) as error:
        raise GrammarError("not base64") from error


def words(text: str) -> tuple[str, ...]:
    """The parts of a list that colons divide, in lower case, white space dropped."""
    return tuple(part.strip(_FWS).lower() for part in text.split(":"))


def folded_apart(text: str) -> str:
    """A value without the white space that folding put into it."""
    return _FOLDING.sub("", text)
