"""The protocol of clamd as a client: INSTREAM and its answers (clamd(8)).

Called by `pipeline/scanning/clamd`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pillarbox.base.errors import GrammarError

INSTREAM = b"zINSTREAM\0"
END = b"\0\0\0\0"
ANSWER_BYTES_MAX = 4096

_ANSWER = re.compile(r"stream: (?:(OK)|(.{1,1000}) FOUND|(.{0,1000})ERROR)\Z", re.DOTALL)
_TOO_LARGE = "INSTREAM size limit exceeded"


@dataclass(frozen=True, slots=True)
class Clean:
    """Nothing was found."""


@dataclass(frozen=True, slots=True)
class Infected:
    """A virus was found; what clamd calls it."""

    name: str


@dataclass(frozen=True, slots=True)
class OverLimit:
    """The content is over clamd's own limit (StreamMaxLength)."""


Answer = Clean | Infected | OverLimit


def frames(content: bytes, chunk_bytes: int) -> Iterator[bytes]:
    """The content as it is sent after `INSTREAM`; each chunk has its length before it.

    The end comes with the last chunk: clamd may refuse that, and would not read what follows.
    """
    last = max(len(content) - 1, 0) // chunk_bytes * chunk_bytes
    for start in range(0, last, chunk_bytes):
        yield chunk_bytes.to_bytes(4, "big") + content[start : start + chunk_bytes]
    rest = content[last:]
    yield len(rest).to_bytes(4, "big") + rest + END if rest else END


def read_answer(data: bytes) -> Answer:
    """The whole answer; raises `GrammarError` for one that says of a fault, or that is none."""
    if not data.endswith((b"\0", b"\n")):
        raise GrammarError("the answer was cut off")
    text = printable(data[:-1])
    if text.startswith(_TOO_LARGE):
        return OverLimit()
    found = _ANSWER.match(text)
    if found is None or found[3] is not None:
        raise GrammarError(f"it answered {text[:200]!r}")
    return Clean() if found[1] else Infected(found[2])


def printable(data: bytes) -> str:
    """Text of a peer that may go into logs and replies: ASCII, a question mark for all else."""
    return "".join(one if " " <= one <= "~" else "?" for one in data.decode("ascii", "replace"))
