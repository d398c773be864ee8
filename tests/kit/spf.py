"""Zones for checks of SPF, as the openspf test suite writes them, and what plays name server."""

from dataclasses import dataclass, field
from typing import Any

from pillarbox.formats.mailauth.spf.check import Request, check_host
from pillarbox.formats.mailauth.spf.question import Answer, Question, QuestionKind
from pillarbox.formats.mailauth.spf.result import SpfResult

ASKED_MAX = 1000


@dataclass
class SpfZone:
    """Records by name in lower case and kind; `asked` notes every question."""

    records: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    reverse: dict[str, list[str]] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    """Names that get no answer for a kind they have no records of."""
    asked: list[Question] = field(default_factory=list)

    def answer(self, question: Question) -> Answer:
        """The records, none, or `None` where it fails."""
        self.asked.append(question)
        if question.kind is QuestionKind.PTR:
            return tuple(self.reverse.get(question.name, ()))
        found = self.records.get(question.name, {}).get(question.kind.value)
        if found is None:
            return None if question.name in self.failing else ()
        if question.kind is QuestionKind.MX:
            return tuple(name for _, name in sorted(found))
        return tuple(found)


def checked(zone: SpfZone, request: Request) -> SpfResult:
    """The outcome of a check that this zone answers."""
    checking = check_host(request)
    try:
        question = next(checking)
        for _ in range(ASKED_MAX):
            question = checking.send(zone.answer(question))
    except StopIteration as stop:
        result = stop.value
        assert isinstance(result, SpfResult)
        return result
    raise AssertionError("a check without an end")


def zone_of(zonedata: dict[str, list[Any]]) -> SpfZone:
    """What a `zonedata` of the suite says; `SPF` stands for TXT where there is no TXT."""
    zone = SpfZone()
    for name, entries in zonedata.items():
        key = str(name).lower()
        records: dict[str, list[Any]] = {}
        for entry in entries:
            if entry == "TIMEOUT":
                zone.failing.add(key)
                continue
            ((kind, value),) = entry.items()
            if kind == "RCODE":
                continue
            records.setdefault(kind, []).append(value)
        spf = records.pop("SPF", [])
        texts = records.pop("TXT", spf)
        known = [_text(one) for one in texts if one != "NONE"]
        if known or key not in zone.failing:
            records["TXT"] = known
        zone.records[key] = {kind: _values(kind, found) for kind, found in records.items()}
        for one in records.get("PTR", []):
            zone.reverse.setdefault(_reversed(key), []).append(one)
    return zone


def _text(value: Any) -> str:
    return "".join(value) if isinstance(value, list) else str(value)


def _values(kind: str, found: list[Any]) -> list[Any]:
    return [(one[0], one[1]) for one in found] if kind == "MX" else found


def _reversed(name: str) -> str:
    labels = name.split(".")
    return ".".join(reversed(labels[: labels.index("in-addr")])) if "in-addr" in labels else name
