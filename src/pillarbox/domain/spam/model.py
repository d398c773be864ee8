"""Values of what is learnt of spam."""

from dataclasses import dataclass
from enum import IntEnum

from pillarbox.base.ids import AccountId, EmailId

SERVER = 0
"""The scope of what all users and the admin taught together."""
LEARNT_LEAST = 10
"""So many messages of each category a scope must have learnt before it judges others.

Of the ham in SpamAssassin's public corpus so much came out as spam for certain (0.99): 2.3 % after
learning 5 of each category, 1.4 % after 20, 0.9 % after 50, 0.1 % after 200. Below, the word of a
scope would often be wrong; above, `Scope.experience` makes it weigh the more the more it knows.
"""
LEARNT_WELL = 50
"""From so many of each on its word has its whole weight."""
SHARED_MOST = 1000
"""Of the messages that one user teaches, so many of each category count for the server too."""
TASKS_MOST = 2000
"""Of the messages that one command sorts, so many are learnt."""


class Category(IntEnum):
    """What a message is learnt as; `FORGOTTEN` takes back what was learnt."""

    FORGOTTEN = 0
    SPAM = 1
    HAM = 2


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope: its key for digests, and how many messages it has learnt."""

    id: int
    key: bytes
    spam: int = 0
    ham: int = 0
    shared_spam: int = 0
    shared_ham: int = 0

    @property
    def judges(self) -> bool:
        """Whether it has learnt enough to judge."""
        return min(self.spam, self.ham) >= LEARNT_LEAST

    @property
    def experience(self) -> float:
        """How much its word weighs, from 0 to 1."""
        return min(self.spam, self.ham, LEARNT_WELL) / LEARNT_WELL if self.judges else 0.0


@dataclass(frozen=True, slots=True)
class Task:
    """A message that is to be learnt.

    `implied`: its user did not say so, but answered it or the like; what was said beats that.
    `sorted`: it was taken out of where it had been put, so that was a mistake.
    """

    account_id: AccountId
    email_id: EmailId
    category: Category
    implied: bool = False
    sorted: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """What a message was learnt as."""

    category: Category
    implied: bool
    shared: bool
    mistake: bool


@dataclass(frozen=True, slots=True)
class Results:
    """How mail was sorted and what users put right; counts of messages."""

    junked: int = 0
    kept: int = 0
    false_alarms: int = 0
    missed: int = 0

    @property
    def precision(self) -> float | None:
        """How much of what was put into Junk belonged there, as far as users said."""
        return (self.junked - self.false_alarms) / self.junked if self.junked else None

    @property
    def recall(self) -> float | None:
        """How much of the spam was put into Junk, as far as users said."""
        caught = self.junked - self.false_alarms
        return caught / (caught + self.missed) if caught + self.missed > 0 else None
