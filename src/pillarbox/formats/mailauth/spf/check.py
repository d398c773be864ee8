"""The check itself: `check_host` of RFC 7208 §4, as a generator that asks and is answered."""

from collections.abc import Generator
from dataclasses import dataclass

from pillarbox.formats.mailauth.spf.question import Answer, Question
from pillarbox.formats.mailauth.spf.result import SpfResult, SpfStatus

Checking = Generator[Question, Answer, SpfResult]


@dataclass(frozen=True, slots=True)
class Request:
    """Who is checked: the client's address, and the identity (RFC 7208 §4.1).

    `sender` is the reverse-path, or `postmaster@` and the HELO name where that is checked; its
    domain is the one asked about. `helo`, `receiver` (our name) and `now_s` are for macros.
    """

    ip: str
    sender: str
    helo: str
    receiver: str = "unknown"
    now_s: int = 0


def check_host(request: Request) -> Checking:
    """Check one identity; yields questions, is sent answers, returns the outcome; never raises."""
    yield from ()
    return SpfResult(SpfStatus.NONE, request.sender.rpartition("@")[2])
