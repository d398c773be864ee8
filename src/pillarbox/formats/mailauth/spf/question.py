"""What SPF asks name servers, and what it is answered; whoever drives the check does the asking."""

from dataclasses import dataclass
from enum import StrEnum


class QuestionKind(StrEnum):
    """The kind of record that is asked for."""

    TXT = "TXT"
    A = "A"
    AAAA = "AAAA"
    MX = "MX"
    PTR = "PTR"


@dataclass(frozen=True, slots=True)
class Question:
    """Records of one kind; `name` is in lower case, of PTR it is the IP address itself."""

    kind: QuestionKind
    name: str


Answer = tuple[str, ...] | None
"""Texts, addresses, or names (of MX: the hosts, preferred first); empty where there is no such name
or no such record; `None` where the name servers gave no answer."""
