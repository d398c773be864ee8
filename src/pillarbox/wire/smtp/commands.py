"""Commands of SMTP and LMTP as values, and their grammar (RFC 5321 §4.1.1).

Strict where two readers of a line could disagree (control characters, brackets, line ends),
tolerant where nothing follows from it (case, extra spaces). Knows no order of commands and no
policy. Called by `server`; calls `paths` and `params`.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pillarbox.base.errors import GrammarError
from pillarbox.wire.smtp.params import (
    NO_MAIL_PARAMS,
    NO_RCPT_PARAMS,
    MailParams,
    RcptParams,
    parse_mail_params,
    parse_rcpt_params,
)
from pillarbox.wire.smtp.paths import read_bracketed

MAX_COMMAND_BYTES = 12288  # an AUTH line with its initial response, RFC 4954 §4
MAX_DOMAIN_CHARS = 255

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_VERB = re.compile(rb"[A-Za-z][A-Za-z0-9\-]{0,31}")
# Looser than RFC 5321 §4.1.2: underscores and bare addresses are common and end up in trace
# fields only, where these characters are harmless.
_CLIENT_NAME = re.compile(r"[A-Za-z0-9._\-]+|\[[A-Za-z0-9.:\-]+\]")
_FROM = re.compile(r" *from: *", re.IGNORECASE)
_TO = re.compile(r" *to: *", re.IGNORECASE)
_POSTMASTER = re.compile(r"<(postmaster)>", re.IGNORECASE)
_BDAT = re.compile(r"([0-9]{1,20})(?: +(last))?", re.IGNORECASE)
_MECHANISM = re.compile(r"[A-Z0-9_\-]{1,20}")


@dataclass(frozen=True, slots=True)
class Ehlo:
    """`domain` as the client wrote it: a name or an address literal, unchecked."""

    domain: str


@dataclass(frozen=True, slots=True)
class Helo:
    """The greeting of plain SMTP."""

    domain: str


@dataclass(frozen=True, slots=True)
class Lhlo:
    """The greeting of LMTP (RFC 2033 §4.1)."""

    domain: str


@dataclass(frozen=True, slots=True)
class Mail:
    """`reverse_path` is `local@domain` with the domain in lower case, `None` for `<>`."""

    reverse_path: str | None
    params: MailParams = NO_MAIL_PARAMS

    @property
    def is_ascii(self) -> bool:
        """Whether the path may be used without SMTPUTF8 (RFC 6531 §3.4)."""
        return self.reverse_path is None or self.reverse_path.isascii()


@dataclass(frozen=True, slots=True)
class Rcpt:
    """`forward_path` is `local@domain`, or a bare `postmaster`."""

    forward_path: str
    params: RcptParams = NO_RCPT_PARAMS

    @property
    def is_ascii(self) -> bool:
        """Whether the path may be used without SMTPUTF8 (RFC 6531 §3.4)."""
        return self.forward_path.isascii()


@dataclass(frozen=True, slots=True)
class Data:
    """The content follows, once the server has agreed."""


@dataclass(frozen=True, slots=True)
class Bdat:
    """A chunk of `size_bytes` follows at once (RFC 3030 §2)."""

    size_bytes: int
    last: bool


@dataclass(frozen=True, slots=True)
class Rset:
    """Forget the transaction."""


@dataclass(frozen=True, slots=True)
class Noop:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Quit:
    """Close the connection."""


@dataclass(frozen=True, slots=True)
class Vrfy:
    """Does `text` name a user?"""

    text: str


@dataclass(frozen=True, slots=True)
class Expn:
    """Who is on the list `text`?"""

    text: str


@dataclass(frozen=True, slots=True)
class Help:
    """`text` is the topic, or empty."""

    text: str


@dataclass(frozen=True, slots=True)
class StartTls:
    """Start TLS (RFC 3207 §4)."""


@dataclass(frozen=True, slots=True)
class Auth:
    """`mechanism` in upper case; `initial_response` decoded, `None` if absent (RFC 4954 §4)."""

    mechanism: str
    initial_response: bytes | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """A well-formed line whose verb, in upper case, is not known."""

    verb: str


Command = (
    Ehlo
    | Helo
    | Lhlo
    | Mail
    | Rcpt
    | Data
    | Bdat
    | Rset
    | Noop
    | Quit
    | Vrfy
    | Expn
    | Help
    | StartTls
    | Auth
    | Unknown
)


def parse_command(line: bytes) -> Command:
    """The command in `line`, given without its CRLF.

    Raises `UnknownParameter` for a parameter to be answered by 555, else `GrammarError`.
    """
    if len(line) > MAX_COMMAND_BYTES:
        raise GrammarError("line too long", MAX_COMMAND_BYTES)
    if control := _CONTROL.search(line):
        raise GrammarError("control character in command", control.start())
    verb_bytes, _, rest = line.partition(b" ")
    read = _READERS.get(verb_bytes.upper())
    if read is None:
        if not _VERB.fullmatch(verb_bytes):
            raise GrammarError("malformed verb")
        return Unknown(verb_bytes.upper().decode("ascii"))
    try:
        argument = rest.decode().rstrip(" ")
    except UnicodeDecodeError as problem:
        position = len(verb_bytes) + 1 + problem.start
        raise GrammarError("command is not UTF-8", position) from None
    return read(argument)


def verb_of(line: bytes) -> str:
    """The verb that `line` begins with, in upper case; empty if there is none."""
    verb = line.partition(b" ")[0]
    return verb.upper().decode("ascii") if _VERB.fullmatch(verb) else ""


def _mail(argument: str) -> Mail:
    found = _FROM.match(argument)
    if found is None:
        raise GrammarError("MAIL needs FROM:<address>")
    start = found.end()
    path: str | None
    if argument.startswith("<>", start):
        path, end = None, start + 2
    else:
        path, end = read_bracketed(argument, start)
    if end == len(argument):
        return Mail(path)
    return Mail(path, parse_mail_params(_after_path(argument, end)))


def _rcpt(argument: str) -> Rcpt:
    found = _TO.match(argument)
    if found is None:
        raise GrammarError("RCPT needs TO:<address>")
    start = found.end()
    if bare := _POSTMASTER.match(argument, start):
        path, end = bare[1], bare.end()
    else:
        path, end = read_bracketed(argument, start)
    if end == len(argument):
        return Rcpt(path)
    return Rcpt(path, parse_rcpt_params(_after_path(argument, end)))


def _after_path(argument: str, end: int) -> str:
    if argument[end] != " ":
        raise GrammarError("space missing after path", end)
    return argument[end + 1 :]


def _client_name(argument: str) -> str:
    name = argument.strip(" ")
    if len(name) > MAX_DOMAIN_CHARS or not _CLIENT_NAME.fullmatch(name):
        raise GrammarError("malformed domain")
    return name


def _bare(argument: str) -> None:
    if argument:
        raise GrammarError("command takes no argument")


def _data(argument: str) -> Data:
    _bare(argument)
    return Data()


def _rset(argument: str) -> Rset:
    _bare(argument)
    return Rset()


def _quit(argument: str) -> Quit:
    _bare(argument)
    return Quit()


def _starttls(argument: str) -> StartTls:
    _bare(argument)
    return StartTls()


def _bdat(argument: str) -> Bdat:
    found = _BDAT.fullmatch(argument.strip(" "))
    if found is None:
        raise GrammarError("malformed BDAT")
    return Bdat(int(found[1]), found[2] is not None)


def _text(argument: str) -> str:
    if not argument:
        raise GrammarError("argument missing")
    return argument.lstrip(" ")


def _auth(argument: str) -> Auth:
    mechanism, space, encoded = argument.lstrip(" ").partition(" ")
    mechanism = mechanism.upper()
    if not _MECHANISM.fullmatch(mechanism):
        raise GrammarError("malformed mechanism")
    if not space:
        return Auth(mechanism)
    encoded = encoded.lstrip(" ")
    if encoded == "=":
        return Auth(mechanism, b"")  # RFC 4954 §4: an empty initial response
    try:
        return Auth(mechanism, a2b_base64(encoded, strict_mode=True))
    except (Base64Error, ValueError):
        raise GrammarError("malformed base64") from None


_READERS: Final[Mapping[bytes, Callable[[str], Command]]] = MappingProxyType(
    {
        b"EHLO": lambda argument: Ehlo(_client_name(argument)),
        b"HELO": lambda argument: Helo(_client_name(argument)),
        b"LHLO": lambda argument: Lhlo(_client_name(argument)),
        b"MAIL": _mail,
        b"RCPT": _rcpt,
        b"DATA": _data,
        b"BDAT": _bdat,
        b"RSET": _rset,
        b"NOOP": lambda argument: Noop(),
        b"QUIT": _quit,
        b"VRFY": lambda argument: Vrfy(_text(argument)),
        b"EXPN": lambda argument: Expn(_text(argument)),
        b"HELP": lambda argument: Help(argument.lstrip(" ")),
        b"STARTTLS": _starttls,
        b"AUTH": _auth,
    }
)
