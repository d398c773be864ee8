"""Commands of POP3 as values, and their grammar (RFC 1939 §9, RFC 2449 §4).

Case and extra spaces don't matter, save in a password, where every character counts. Knows no
states and no policy. Called by `server`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from pillarbox.base.errors import GrammarError
from pillarbox.wire.sasl.exchange import decode_base64

MAX_COMMAND_BYTES = 12288  # an AUTH line with its initial response, RFC 4954 §4

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_VERB = re.compile(rb"[A-Za-z][A-Za-z0-9]{2,15}")
_NUMBER = re.compile(r"[0-9]{1,10}")
_MECHANISM = re.compile(r"[A-Z0-9_\-]{1,20}")


@dataclass(frozen=True, slots=True)
class User:
    """Who wants to log in."""

    name: str


@dataclass(frozen=True, slots=True)
class Pass:
    """The password, to the last space."""

    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Auth:
    """`mechanism` in upper case; `initial_response` decoded, `None` if absent (RFC 5034 §4)."""

    mechanism: str
    initial_response: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Stls:
    """Start TLS (RFC 2595 §4)."""


@dataclass(frozen=True, slots=True)
class Utf8:
    """The client takes UTF-8 everywhere (RFC 6856 §2.1)."""


@dataclass(frozen=True, slots=True)
class Capa:
    """What can the server do (RFC 2449 §5)?"""


@dataclass(frozen=True, slots=True)
class Quit:
    """End the session, and remove what was deleted."""


@dataclass(frozen=True, slots=True)
class Noop:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Stat:
    """How many messages, how many octets?"""


@dataclass(frozen=True, slots=True)
class List:
    """How large is this message, or each where none is named?"""

    number: int | None = None


@dataclass(frozen=True, slots=True)
class Uidl:
    """What is the unique id of this message, or of each where none is named?"""

    number: int | None = None


@dataclass(frozen=True, slots=True)
class Retr:
    """Send a message."""

    number: int


@dataclass(frozen=True, slots=True)
class Top:
    """Send the header and so many lines of the body."""

    number: int
    line_count: int


@dataclass(frozen=True, slots=True)
class Dele:
    """Mark a message as deleted."""

    number: int


@dataclass(frozen=True, slots=True)
class Rset:
    """Take every mark back."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A well-formed line whose verb, in upper case, is not known."""

    verb: str


Command = (
    User
    | Pass
    | Auth
    | Stls
    | Utf8
    | Capa
    | Quit
    | Noop
    | Stat
    | List
    | Uidl
    | Retr
    | Top
    | Dele
    | Rset
    | Unknown
)


def parse_command(line: bytes) -> Command:
    """The command in `line`, given without its CRLF; raises `GrammarError`."""
    if len(line) > MAX_COMMAND_BYTES:
        raise GrammarError("line too long", MAX_COMMAND_BYTES)
    if control := _CONTROL.search(line):
        raise GrammarError("control character in command", control.start())
    verb, _, rest = line.partition(b" ")
    read = _READERS.get(verb.upper())
    if read is None:
        if not _VERB.fullmatch(verb):
            raise GrammarError("malformed command")
        return Unknown(verb.upper().decode("ascii"))
    try:
        argument = rest.decode()
    except UnicodeDecodeError as problem:
        raise GrammarError("command is not UTF-8", len(verb) + 1 + problem.start) from None
    return read(argument)


def _bare(command: Command) -> Callable[[str], Command]:
    def read(argument: str) -> Command:
        if argument.strip(" "):
            raise GrammarError("command takes no argument")
        return command

    return read


def _user(argument: str) -> User:
    name = argument.strip(" ")
    if not name:
        raise GrammarError("USER needs a name")
    return User(name)


def _pass(argument: str) -> Pass:
    if not argument:
        raise GrammarError("PASS needs a password")
    return Pass(argument)


def _auth(argument: str) -> Auth:
    mechanism, _, encoded = argument.strip(" ").partition(" ")
    mechanism, encoded = mechanism.upper(), encoded.lstrip(" ")
    if not _MECHANISM.fullmatch(mechanism):
        raise GrammarError("AUTH needs a mechanism")
    if not encoded:
        return Auth(mechanism)
    if not encoded.isascii():
        raise GrammarError("malformed base64")
    return Auth(mechanism, b"" if encoded == "=" else decode_base64(encoded.encode("ascii")))


def _number(word: str) -> int:
    if not _NUMBER.fullmatch(word):
        raise GrammarError("not a number")
    return int(word)


def _one_number(argument: str) -> int:
    words = argument.split(" ")
    numbers = [word for word in words if word]
    if len(numbers) != 1:
        raise GrammarError("command needs the number of a message")
    return _number(numbers[0])


def _top(argument: str) -> Top:
    words = [word for word in argument.split(" ") if word]
    if len(words) != 2:
        raise GrammarError("TOP needs the number of a message and a number of lines")
    return Top(_number(words[0]), _number(words[1]))


def _list(argument: str) -> List:
    return List(_one_number(argument) if argument.strip(" ") else None)


def _uidl(argument: str) -> Uidl:
    return Uidl(_one_number(argument) if argument.strip(" ") else None)


def _retr(argument: str) -> Retr:
    return Retr(_one_number(argument))


def _dele(argument: str) -> Dele:
    return Dele(_one_number(argument))


_READERS: Final[Mapping[bytes, Callable[[str], Command]]] = MappingProxyType(
    {
        b"USER": _user,
        b"PASS": _pass,
        b"AUTH": _auth,
        b"STLS": _bare(Stls()),
        b"UTF8": _bare(Utf8()),
        b"CAPA": _bare(Capa()),
        b"QUIT": _bare(Quit()),
        b"NOOP": _bare(Noop()),
        b"STAT": _bare(Stat()),
        b"LIST": _list,
        b"UIDL": _uidl,
        b"RETR": _retr,
        b"TOP": _top,
        b"DELE": _dele,
        b"RSET": _bare(Rset()),
    }
)
