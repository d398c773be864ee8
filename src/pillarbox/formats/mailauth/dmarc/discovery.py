"""Which record is about a domain, and to which organization that belongs (RFC 9989 §4.10).

Both are found by walking up the tree of names. Walks are generators: they yield what is to be
looked up and are sent the answers (`pipeline/dmarc_lookup`), several names at once where one step
does not depend on the other.
"""

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from pillarbox.formats.mailauth.dmarc.record import Disposition, Psd, Record, parse_record

T = TypeVar("T")

QUERIES_MOST = 8
"""Names that one walk asks for."""
PREFIX = "_dmarc."
NAME_CHARS = 253
LABEL_CHARS = 63


class Wanted(Enum):
    """What is asked about names."""

    TEXTS = "texts"
    """Their TXT records: a tuple, or `None` where the domain name system did not answer."""
    EXISTENCE = "existence"
    """Whether there is anything at or below them: a bool, or `None`."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be looked up; the answer is a mapping with each of the names."""

    wanted: Wanted
    names: tuple[str, ...]


Answers = Mapping[str, tuple[str, ...] | bool | None]
Asking = Generator[Question, Answers, T]


class NoAnswer(Exception):
    """The domain name system did not answer what decides; it may do so later."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The record that applies to a domain, where it was found, and what it asks for there.

    `tag` is the tag that says so: p, sp or np. `disposition` does not heed t= and pct=.
    """

    record: Record
    domain: str
    tag: str
    disposition: Disposition


class Walker:
    """Walks for one message; what was asked once is not asked again."""

    def __init__(self) -> None:
        self._records: dict[str, Record | None] = {}
        self._silent: set[str] = set()

    def record(self, domain: str) -> Asking[Record | None]:
        """The record at a domain itself."""
        yield from self._ask((domain,))
        return self._known(domain)

    def policy(self, domain: str) -> Asking[Policy | None]:
        """The record that applies to an author's domain (RFC 9989 §4.10.1)."""
        own = yield from self.record(domain)
        if own is not None:
            return Policy(own, domain, "p", own.policy)
        found = yield from self._walk(domain)
        organization = _organization(domain, found)
        record, where = found.get(organization), organization
        if record is None:  # that of the domain for registrations above it
            where = next((name for name, one in found.items() if one.psd is Psd.YES), "")
            record = found.get(where)
        if record is None:
            return None
        exists = True
        if record.nonexistent_policy is not None:
            exists = yield from _exists(domain)
        tag = "sp" if record.subdomain_policy is not None else "p"
        if not exists and record.nonexistent_policy is not None:
            tag = "np"
        return Policy(record, where, tag, record.for_subdomains(exists))

    def organization(self, domain: str) -> Asking[str]:
        """The organizational domain of a name (RFC 9989 §4.10.2)."""
        return _organization(domain, (yield from self._walk(domain)))

    def _walk(self, domain: str) -> Asking[dict[str, Record]]:
        """The records on the way up, the longest name first; none behind psd=y and psd=n."""
        names = walk_names(domain)
        found: dict[str, Record] = {}
        # The first name is most often all that is needed; the others are asked for together.
        for step in (names[:1], names[1:]):
            yield from self._ask(step)
            for name in step:
                record = self._known(name)
                if record is not None:
                    found[name] = record
                    if record.psd is not Psd.UNKNOWN:
                        return found
        return found

    def _ask(self, domains: tuple[str, ...]) -> Asking[None]:
        known = self._records.keys() | self._silent
        names = {PREFIX + one: one for one in domains if one not in known}
        askable = tuple(one for one in names if _is_name(one))
        answers = (yield Question(Wanted.TEXTS, askable)) if askable else {}
        for name, domain in names.items():
            texts = answers.get(name) if name in askable else ()
            if isinstance(texts, tuple):
                self._records[domain] = only_record(texts)
            else:
                self._silent.add(domain)

    def _known(self, domain: str) -> Record | None:
        if domain in self._silent:
            raise NoAnswer(f"the record of {domain} can't be asked for now")
        return self._records[domain]


def walk_names(domain: str) -> tuple[str, ...]:
    """The names a walk asks about: the domain, then those above it, at most eight in all."""
    labels = domain.split(".")
    longest = min(len(labels) - 1, QUERIES_MOST - 1)
    above = (".".join(labels[-count:]) for count in range(longest, 0, -1))
    return (domain, *above)


def only_record(texts: Iterable[str]) -> Record | None:
    """The one record among the texts of a name; none where there are several."""
    records = [one for one in map(parse_record, texts) if one is not None]
    return records[0] if len(records) == 1 else None


def _is_name(name: str) -> bool:
    """Whether the domain name system can have it; what it can't have has no record."""
    labels = name.split(".")
    return len(name) <= NAME_CHARS and all(0 < len(one) <= LABEL_CHARS for one in labels)


def _organization(domain: str, found: dict[str, Record]) -> str:
    """The organizational domain by the records that a walk from `domain` found."""
    for name, record in found.items():
        if record.psd is Psd.NO:
            return name
        if record.psd is Psd.YES and name != domain:
            labels = domain.split(".")
            return ".".join(labels[-name.count(".") - 2 :])
    return next(reversed(found), domain) if found else domain


def _exists(domain: str) -> Asking[bool]:
    answers = yield Question(Wanted.EXISTENCE, (domain,))
    exists = answers.get(domain)
    if not isinstance(exists, bool):
        raise NoAnswer(f"whether {domain} exists can't be asked for now")
    return exists
