"""The client's side of SMTP and LMTP: commands as bytes, and what a server can do.

No I/O and no order of commands. Called by the outbound client and by tests; replies are read by
`replies.ReplyParser`.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pillarbox.base.errors import GrammarError
from pillarbox.wire.smtp.data import has_bare_newline
from pillarbox.wire.smtp.params import MailParams, Notify, RcptParams, xtext_encode
from pillarbox.wire.smtp.replies import Reply

DATA: Final = b"DATA\r\n"
RSET: Final = b"RSET\r\n"
NOOP: Final = b"NOOP\r\n"
QUIT: Final = b"QUIT\r\n"
STARTTLS: Final = b"STARTTLS\r\n"
CANCEL_AUTH: Final = b"*\r\n"

MAX_KEYWORDS = 100
MAX_TEXT_LINE_BYTES = 998
"""Without its CRLF (RFC 5321 §4.5.3.1.6)."""

_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")
_UNSAFE_PATH = re.compile(r"[\x00-\x1f\x7f<>]")
_KEYWORD = re.compile(r"[A-Z0-9][A-Z0-9\-]{0,63}")
_NOT_UNITEXT = re.compile(r"[^!-*,-<>-\[\]-~\u00a0-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What EHLO was answered with: `keywords` in upper case with the rest of their line."""

    domain: str
    keywords: Mapping[str, str]

    @classmethod
    def from_reply(cls, reply: Reply) -> "Capabilities":
        """Read the reply to EHLO or LHLO; lines that are no keyword are passed over."""
        first = reply.lines[0].split(" ", 1)[0] if reply.lines else ""
        keywords: dict[str, str] = {}
        for line in reply.lines[1 : MAX_KEYWORDS + 1]:
            word, _, values = line.strip(" ").partition(" ")
            if "=" in word:  # "AUTH=PLAIN" was written by servers before RFC 2554.
                word, _, value = word.partition("=")
                values = f"{value} {values}"
            keyword = word.upper()
            if _KEYWORD.fullmatch(keyword):
                known = keywords.get(keyword)
                values = values.strip(" ")
                keywords[keyword] = f"{known} {values}" if known else values
        return cls(first, MappingProxyType(keywords))

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.keywords

    @property
    def size_limit_bytes(self) -> int | None:
        """The largest message taken; `None` if not said (RFC 1870 §4)."""
        value = self.keywords.get("SIZE", "")
        if value.isascii() and value.isdigit() and len(value) <= 20:
            return int(value) or None
        return None

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """SASL mechanisms offered, in upper case and the server's order."""
        return tuple(dict.fromkeys(self.keywords.get("AUTH", "").upper().split()))

    def limit(self, name: str) -> int | None:
        """A limit that was announced, such as `RCPTMAX` or `MAILMAX` (RFC 9422 §3)."""
        if "LIMITS" not in self.keywords:
            return None
        for word in self.keywords["LIMITS"].upper().split():
            key, _, value = word.partition("=")
            if key == name and value.isascii() and value.isdigit() and len(value) <= 6:
                return int(value) or None
        return None


def ehlo(domain: str) -> bytes:
    """EHLO with our name or address literal."""
    return _line(f"EHLO {domain}")


def helo(domain: str) -> bytes:
    """HELO with our name."""
    return _line(f"HELO {domain}")


def lhlo(domain: str) -> bytes:
    """LHLO with our name (RFC 2033 §4.1)."""
    return _line(f"LHLO {domain}")


def mail(reverse_path: str | None, params: MailParams | None = None) -> bytes:
    """MAIL with those parameters that are set; which may be, `Capabilities` says."""
    words = [f"MAIL FROM:<{_path(reverse_path or '')}>"]
    if params is not None:
        words += _mail_words(params)
    return _line(" ".join(words))


def rcpt(forward_path: str, params: RcptParams | None = None) -> bytes:
    """RCPT with those parameters that are set."""
    words = [f"RCPT TO:<{_path(forward_path)}>"]
    if params is not None and params.notify:
        order = [notify for notify in Notify if notify in params.notify]
        words.append("NOTIFY=" + ",".join(order))
    if params is not None and params.orcpt is not None:
        address = params.orcpt.address
        encoded = _utf8_xtext(address) if params.orcpt.kind == "utf-8" else xtext_encode(address)
        words.append(f"ORCPT={params.orcpt.kind};{encoded}")
    return _line(" ".join(words))


def bdat(chunk: bytes, *, last: bool) -> bytes:
    """A chunk with its command (RFC 3030 §2)."""
    return b"BDAT %d%b\r\n%b" % (len(chunk), b" LAST" if last else b"", chunk)


def auth(mechanism: str, initial_response: bytes | None = None) -> bytes:
    """AUTH, with an initial response if there is one (RFC 4954 §4)."""
    if initial_response is None:
        return _line(f"AUTH {mechanism}")
    encoded = b64encode(initial_response).decode("ascii") or "="
    return _line(f"AUTH {mechanism} {encoded}")


def auth_response(response: bytes) -> bytes:
    """The answer to a 334 challenge."""
    return b64encode(response) + b"\r\n"


def stuff(content: bytes) -> bytes:
    """`content` as it goes after DATA: dots doubled, end mark added (RFC 5321 §4.5.2).

    Raises `GrammarError` if a CR or LF stands alone, or there is a NUL: a next server might see an
    end mark there.
    """
    if has_bare_newline(content):
        raise GrammarError("bare CR or LF in content")
    if b"\0" in content:
        raise GrammarError("NUL in content")
    if content.rfind(b"\r\n.") >= 0:
        content = content.replace(b"\r\n.", b"\r\n..")
    dot = b"." if content.startswith(b".") else b""
    end = b".\r\n" if not content or content.endswith(b"\r\n") else b"\r\n.\r\n"
    return b"".join((dot, content, end))


def has_long_line(content: bytes, limit_bytes: int = MAX_TEXT_LINE_BYTES) -> bool:
    """Whether a line is longer than may be sent, its CRLF not counted."""
    size, at, reach = len(content), -1, limit_bytes + 2
    while size - at - 1 > limit_bytes:
        # Leap to the last line end in reach; none there means a line that is too long.
        at = content.rfind(b"\n", at + 1, at + 1 + reach)
        if at < 0:
            return True
    return False


def _mail_words(params: MailParams) -> list[str]:
    words = []
    if params.size_bytes is not None:
        words.append(f"SIZE={params.size_bytes}")
    if params.body is not None:
        words.append(f"BODY={params.body.value}")
    if params.smtputf8:
        words.append("SMTPUTF8")
    if params.auth is not None:
        words.append(f"AUTH={xtext_encode(params.auth) or '<>'}")
    if params.ret is not None:
        words.append(f"RET={params.ret.value}")
    if params.envid is not None:
        words.append(f"ENVID={xtext_encode(params.envid)}")
    if params.require_tls:
        words.append("REQUIRETLS")
    if params.hold_for_s is not None:
        words.append(f"HOLDFOR={params.hold_for_s}")
    if params.hold_until is not None:
        words.append(f"HOLDUNTIL={params.hold_until:%Y-%m-%dT%H:%M:%SZ}")
    return words


def _utf8_xtext(address: str) -> str:
    """RFC 6533 §3: code points that a parameter cannot hold, and all beyond ASCII, by number."""
    return "".join(
        char if char.isascii() and not _NOT_UNITEXT.match(char) else f"\\x{{{ord(char):02X}}}"
        for char in address
    )


def _path(path: str) -> str:
    # Angle brackets may stand in quoted local parts, but too many servers trip over them.
    if _UNSAFE_PATH.search(path):
        raise GrammarError("unsafe character in path")
    return path


def _line(text: str) -> bytes:
    if _UNSAFE.search(text):
        raise GrammarError("control character in command")
    try:
        return text.encode() + b"\r\n"
    except UnicodeEncodeError:
        raise GrammarError("command is not Unicode") from None
