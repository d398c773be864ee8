"""Commands of ManageSieve as values, and their grammar (RFC 5804 §2, §4).

Case doesn't matter in the names of commands. Knows no states and no policy: whether a script's name
may be one is the domain's to say. Called by `protocols/managesieve`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from pillarbox.base.errors import GrammarError
from pillarbox.wire.managesieve.tokens import NUMBER_MAX, Atom, Text, Word
from pillarbox.wire.sasl.exchange import decode_base64

MAX_QUOTED_OCTETS = 1024
"""Of a quoted string; in AUTHENTICATE longer ones are taken, since tokens are longer."""

_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}")
_MECHANISM = re.compile(r"[A-Z0-9_\-]{1,20}")


@dataclass(frozen=True, slots=True)
class Authenticate:
    """`mechanism` in upper case; `initial_response` decoded, `None` if absent."""

    mechanism: str
    initial_response: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StartTls:
    """Start TLS (RFC 5804 §2.2)."""


@dataclass(frozen=True, slots=True)
class Logout:
    """End the session."""


@dataclass(frozen=True, slots=True)
class Capability:
    """What can the server do?"""


@dataclass(frozen=True, slots=True)
class HaveSpace:
    """Is there room for a script of that name and size (RFC 5804 §2.5)?"""

    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class PutScript:
    """Keep a script, if it is a valid one (RFC 5804 §2.6)."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ListScripts:
    """What scripts are there?"""


@dataclass(frozen=True, slots=True)
class SetActive:
    """Have this script run from now on, or none where the name is empty (RFC 5804 §2.8)."""

    name: str


@dataclass(frozen=True, slots=True)
class GetScript:
    """Send a script."""

    name: str


@dataclass(frozen=True, slots=True)
class DeleteScript:
    """Remove a script that is not active."""

    name: str


@dataclass(frozen=True, slots=True)
class RenameScript:
    """Give a script another name."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class CheckScript:
    """Is this script a valid one (RFC 5804 §2.12)?"""

    content: bytes


@dataclass(frozen=True, slots=True)
class Noop:
    """Do nothing, and say `tag` where it is not `None` (RFC 5804 §2.13)."""

    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Unauthenticate:
    """Log out, and stay connected (RFC 5804 §2.14.1)."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A well-formed line whose verb, in upper case, is not known."""

    verb: str


Command = (
    Authenticate
    | StartTls
    | Logout
    | Capability
    | HaveSpace
    | PutScript
    | ListScripts
    | SetActive
    | GetScript
    | DeleteScript
    | RenameScript
    | CheckScript
    | Noop
    | Unauthenticate
    | Unknown
)


def parse_command(words: Sequence[Word]) -> Command:
    """The command that a line's words make; raises `GrammarError`."""
    if not words:
        raise GrammarError("an empty line")
    verb = words[0]
    if not isinstance(verb, Atom):
        raise GrammarError("a command begins with its name, which has no quotes")
    read = _READERS.get(verb.text.upper())
    if read is None:
        return Unknown(verb.text.upper())
    return read(words[1:])


def parse_response(words: Sequence[Word]) -> bytes | None:
    """What a client says to a challenge of SASL, decoded; `None` where it cancels.

    Raises `GrammarError`.
    """
    if len(words) != 1 or not isinstance(words[0], Text):
        raise GrammarError("a response is one string")
    octets = words[0].octets
    return None if octets == b"*" else decode_base64(octets)


def _bare(command: Command) -> Callable[[Sequence[Word]], Command]:
    def read(words: Sequence[Word]) -> Command:
        if words:
            raise GrammarError("the command takes no argument")
        return command

    return read


def _authenticate(words: Sequence[Word]) -> Authenticate:
    if len(words) not in (1, 2):
        raise GrammarError("AUTHENTICATE takes a mechanism, and maybe a response")
    mechanism = _decoded(_text(words[0])).upper()
    if not _MECHANISM.fullmatch(mechanism):
        raise GrammarError("not the name of a mechanism")
    if len(words) == 1:
        return Authenticate(mechanism)
    return Authenticate(mechanism, decode_base64(_text(words[1]).octets))


def _have_space(words: Sequence[Word]) -> HaveSpace:
    name, size = _exactly(words, 2, "HAVESPACE takes a name and a size")
    if not isinstance(size, Atom) or not _NUMBER.fullmatch(size.text):
        raise GrammarError("the size is not a number")
    size_bytes = int(size.text)
    if size_bytes > NUMBER_MAX:
        raise GrammarError("the size is no number of 32 bits")
    return HaveSpace(_name(name), size_bytes)


def _put_script(words: Sequence[Word]) -> PutScript:
    name, content = _exactly(words, 2, "PUTSCRIPT takes a name and a script")
    return PutScript(_name(name), _octets(content))


def _rename_script(words: Sequence[Word]) -> RenameScript:
    old, new = _exactly(words, 2, "RENAMESCRIPT takes two names")
    return RenameScript(_name(old), _name(new))


def _set_active(words: Sequence[Word]) -> SetActive:
    (name,) = _exactly(words, 1, "SETACTIVE takes a name, which may be empty")
    return SetActive(_string(name))


def _get_script(words: Sequence[Word]) -> GetScript:
    (name,) = _exactly(words, 1, "GETSCRIPT takes a name")
    return GetScript(_name(name))


def _delete_script(words: Sequence[Word]) -> DeleteScript:
    (name,) = _exactly(words, 1, "DELETESCRIPT takes a name")
    return DeleteScript(_name(name))


def _check_script(words: Sequence[Word]) -> CheckScript:
    (content,) = _exactly(words, 1, "CHECKSCRIPT takes a script")
    return CheckScript(_octets(content))


def _noop(words: Sequence[Word]) -> Noop:
    if not words:
        return Noop()
    (tag,) = _exactly(words, 1, "NOOP takes one string, or nothing")
    return Noop(_string(tag))


def _exactly(words: Sequence[Word], count: int, text: str) -> Sequence[Word]:
    if len(words) != count:
        raise GrammarError(text)
    return words


def _text(word: Word) -> Text:
    if not isinstance(word, Text):
        raise GrammarError("a string is missing its quotes")
    return word


def _octets(word: Word) -> bytes:
    text = _text(word)
    if text.quoted and len(text.octets) > MAX_QUOTED_OCTETS:
        raise GrammarError("a quoted string is too long; send a literal")
    return text.octets


def _decoded(text: Text) -> str:
    try:
        return text.octets.decode()
    except UnicodeDecodeError as problem:
        raise GrammarError("a string is not UTF-8", problem.start) from None


def _string(word: Word) -> str:
    _octets(word)
    return _decoded(_text(word))


def _name(word: Word) -> str:
    name = _string(word)
    if not name:
        raise GrammarError("a name is empty")
    return name


_READERS: Final[Mapping[str, Callable[[Sequence[Word]], Command]]] = MappingProxyType(
    {
        "AUTHENTICATE": _authenticate,
        "STARTTLS": _bare(StartTls()),
        "LOGOUT": _bare(Logout()),
        "CAPABILITY": _bare(Capability()),
        "HAVESPACE": _have_space,
        "PUTSCRIPT": _put_script,
        "LISTSCRIPTS": _bare(ListScripts()),
        "SETACTIVE": _set_active,
        "GETSCRIPT": _get_script,
        "DELETESCRIPT": _delete_script,
        "RENAMESCRIPT": _rename_script,
        "CHECKSCRIPT": _check_script,
        "NOOP": _noop,
        "UNAUTHENTICATE": _bare(Unauthenticate()),
    }
)
