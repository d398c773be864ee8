"""The protocol of SpamAssassin's spamd as a client (spamd/PROTOCOL of its distribution).

One request and one answer for each connection. Called by `pipeline/scanning/spamassassin`.
"""

import math
import re
from dataclasses import dataclass
from enum import StrEnum

from pillarbox.base.errors import GrammarError

ANSWER_BYTES_MAX = 256 * 1024
RULES_MAX = 200
_VERSION = "1.5"
_STATUS = re.compile(rb"SPAMD/[0-9]\.[0-9] ([0-9]{1,5}) ([^\r\n]{0,500})\Z")
_HEADER = re.compile(rb"([A-Za-z-]{1,50}):[ \t]*+([^\r\n]{0,500})\Z")
_SPAM = re.compile(
    r"(true|yes|false|no) ; (-?[0-9]{1,6}(?:\.[0-9]{1,6})?) / (-?[0-9]{1,6}(?:\.[0-9]{1,6})?)\s*\Z",
    re.IGNORECASE,
)
_RULE = re.compile(r"[A-Za-z0-9_]{1,100}\Z")
_HEADERS_MAX = 50


class Command(StrEnum):
    """What spamd is asked for."""

    PING = "PING"
    CHECK = "CHECK"
    SYMBOLS = "SYMBOLS"
    """The score, and the names of the rules that matched."""
    REPORT = "REPORT"
    """The score, and a report to people."""
    TELL = "TELL"


@dataclass(frozen=True, slots=True)
class Score:
    """What a message came to; from `threshold` on it is spam."""

    spam: bool
    points: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with status 0; header names in lower case."""

    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header in lower case, or empty."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def score(self) -> Score:
        """What the header Spam says; raises `GrammarError` without one."""
        found = _SPAM.match(self.header("spam"))
        if found is None:
            raise GrammarError("the answer has no score")
        return Score(found[1].lower() in ("true", "yes"), float(found[2]), float(found[3]))

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that matched, of an answer to SYMBOLS."""
        names = self.body.decode("ascii", "replace").split(",", RULES_MAX)[:RULES_MAX]
        return tuple(name for one in names if _RULE.match(name := one.strip()))

    @property
    def learned(self) -> bool:
        """Whether TELL changed anything; it does not where that was known already."""
        return bool(self.header("didset") or self.header("didremove"))


def request(command: Command, content: bytes = b"", headers: tuple[str, ...] = ()) -> bytes:
    """A request; `headers` are whole lines such as `User: ann`."""
    lines = [f"{command} SPAMC/{_VERSION}"]
    if command is not Command.PING:
        lines.append(f"Content-length: {len(content)}")
    if any("\r" in one or "\n" in one for one in headers):
        raise ValueError("a header of several lines")
    return "\r\n".join((*lines, *headers, "", "")).encode() + content


def lesson(content: bytes, spam: bool, headers: tuple[str, ...] = ()) -> bytes:
    """The request that teaches a message; what was taught of it before is forgotten by that."""
    kind = "spam" if spam else "ham"
    return request(Command.TELL, content, (f"Message-class: {kind}", "Set: local", *headers))


def read_answer(data: bytes) -> Answer:
    """A whole answer; raises `GrammarError` for what is none, and for a status other than 0."""
    head, blank, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n", _HEADERS_MAX)[:_HEADERS_MAX]
    status = _STATUS.match(lines[0])
    if status is None:
        raise GrammarError("the answer is not spamd's" if data else "there was no answer")
    if int(status[1]):
        raise GrammarError(f"it answered {int(status[1])} {_text(status[2])!r}")
    if not blank and not data.endswith(b"\r\n"):
        raise GrammarError("the answer was cut off")
    headers = tuple(
        (_text(found[1]).lower(), _text(found[2]).strip())
        for line in lines[1:]
        if (found := _HEADER.match(line)) is not None
    )
    answer = Answer(headers, body)
    length = answer.header("content-length")
    if length and (not length.isdecimal() or len(length) > 9 or int(length) != len(body)):
        raise GrammarError("the answer was cut off")
    return answer


def scaled(score: Score, threshold: float) -> float:
    """Its points on a scale where spam begins at `threshold`."""
    if score.threshold <= 0 or not math.isfinite(score.points):
        return score.points
    return score.points * threshold / score.threshold


def _text(data: bytes) -> str:
    return "".join(one if " " <= one <= "~" else "?" for one in data.decode("ascii", "replace"))
