"""What rspamd is told of a message beside its content, and what it answers (JSON over HTTP).

Called by `pipeline/scanning/rspamd`; HTTP itself is `net/http_exchange`'s.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from pillarbox.base.errors import GrammarError

CHECK = "/checkv2"
LEARN_SPAM = "/learnspam"
LEARN_HAM = "/learnham"
ANSWER_BYTES_MAX = 1 << 20
RECIPIENTS_MAX = 50
SYMBOLS_MAX = 1000
_VALUE_BYTES_MAX = 1000

REJECT = "reject"
DEFERRING = frozenset(["soft reject", "greylist"])
MARKING = frozenset(["add header", "rewrite subject"])


@dataclass(frozen=True, slots=True)
class Question:
    """What is known of a message beside its content; what is empty is not sent."""

    ip: str = ""
    helo: str = ""
    hostname: str = ""
    sender: str = ""
    recipients: Sequence[str] = ()
    user: str = ""
    tls: str = ""
    """The version of TLS, such as `TLSv1.3`."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What rspamd says; symbols with their points, the weightiest first.

    `marked_from` is the score from which mail is marked as spam, `None` where it is not told.
    """

    action: str
    points: float
    marked_from: float | None = None
    symbols: tuple[tuple[str, float], ...] = ()
    reply: str = ""


class _Symbol(msgspec.Struct, gc=False):
    score: float = 0.0


class _Answer(msgspec.Struct, gc=False):
    action: str
    score: float
    thresholds: dict[str, float | None] = msgspec.field(default_factory=dict)
    symbols: dict[str, _Symbol] = msgspec.field(default_factory=dict)
    messages: dict[str, object] | list[object] = msgspec.field(default_factory=dict)


class _Learned(msgspec.Struct, gc=False):
    success: bool = False
    error: str = ""


def headers(question: Question) -> list[tuple[str, str]]:
    """The headers of a request; characters that have no place in one are replaced."""
    found = [
        ("IP", question.ip),
        ("Helo", question.helo),
        ("Hostname", question.hostname),
        ("From", question.sender),
        *(("Rcpt", one) for one in question.recipients[:RECIPIENTS_MAX]),
        ("User", question.user),
        ("TLS-Version", question.tls),
    ]
    return [(name, safe) for name, value in found if (safe := _header_value(value))]


def read_judgement(data: bytes) -> Judgement:
    """The answer to a check; raises `GrammarError`."""
    try:
        answer = msgspec.json.decode(data, type=_Answer)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise GrammarError("the answer is no judgement of rspamd") from error
    if not math.isfinite(answer.score):
        raise GrammarError("the answer has no score")
    symbols = sorted(
        ((_text(name), one.score) for name, one in answer.symbols.items()),
        key=lambda one: (-abs(one[1]), one[0]),
    )
    message = answer.messages.get("smtp_message") if isinstance(answer.messages, dict) else None
    return Judgement(
        _text(answer.action),
        answer.score,
        answer.thresholds.get("add header"),
        tuple(symbols[:SYMBOLS_MAX]),
        _text(message) if isinstance(message, str) else "",
    )


def refusal_to_learn(data: bytes) -> str:
    """Why a lesson was not taken, empty if it was, now or earlier."""
    try:
        answer = msgspec.json.decode(data, type=_Learned)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return "the answer is not rspamd's"
    if answer.success or "already learned" in answer.error:
        return ""
    return _text(answer.error) or "it gave no reason"


def _header_value(value: str) -> str:
    text = "".join(one if " " <= one <= "~" else "?" for one in value[:_VALUE_BYTES_MAX])
    return text.strip()


def _text(value: str) -> str:
    return "".join(one if " " <= one <= "~" else "?" for one in value[:300])
