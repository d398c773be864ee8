"""The addresses that scripts send mail to and from: one of them, with or without a name."""

import re

from pillarbox.base.errors import GrammarError
from pillarbox.formats.address import Address, ascii_domain, parse_path

MAX_CHARACTERS = 1_000
_QUOTED = r'"(?:[^"\\\x00-\x1f\x7f]|\\[ -~])*+"'
_LOCAL = r'[^\x00- "(),:;<>@\[\\\]\x7f-\x9f]++'
_ADDRESS = rf"[ \t\r\n]*+({_QUOTED}|{_LOCAL})[ \t\r\n]*+@[ \t\r\n]*+([^\s\"(),;<>@]++)[ \t\r\n]*+"
_BARE = re.compile(_ADDRESS + r"\Z")
_NAMED = re.compile(
    rf'((?:{_QUOTED}|[^\x00-\x08\x0b\x0c\x0e-\x1f"(),:;<>@\\\x7f])*+)<{_ADDRESS}>\s*+\Z'
)
_QUOTED_TEXT = re.compile(_QUOTED)
_ESCAPED = re.compile(r"\\(.)")


def outgoing_address(text: str) -> tuple[Address, str]:
    """The address of `user@domain` or `Name <user@domain>`, and the name; GrammarError else.

    Blanks may stand around every part (RFC 5322 §4.4). Dots may stand anywhere in the local part,
    as in addresses of old mobile networks; such a one is sent quoted. The name is without quotes.
    """
    address, phrase = _read(text)
    name = _QUOTED_TEXT.sub(lambda quoted: _ESCAPED.sub(r"\1", quoted[0][1:-1]), phrase)
    return address, " ".join(name.split())


def sender(text: str) -> str:
    """The one address of a From field, its name as it is written; raises GrammarError."""
    address, phrase = _read(text)
    name = " ".join(phrase.split())
    return f"{name} <{address}>" if name else str(address)


def _read(text: str) -> tuple[Address, str]:
    if len(text) > MAX_CHARACTERS:
        raise GrammarError("the address is too long")
    match = _BARE.match(text)
    phrase = ""
    if match is not None:
        local, domain = match.groups()
    else:
        match = _NAMED.match(text)
        if match is None:
            raise GrammarError("that is not an address")
        phrase, local, domain = match.groups()
    if local[0] == '"':
        local = _ESCAPED.sub(r"\1", local[1:-1])
        if not local:
            raise GrammarError("the address has nothing before the @")
    ascii_domain(domain)
    address = Address(local, domain)
    parse_path(str(address))
    return address, phrase
