"""DMARC records of a test, and what is found by them."""

from collections.abc import Mapping
from typing import TypeVar

from pillarbox.formats.mailauth.dmarc.discovery import Asking, Wanted

T = TypeVar("T")
Zone = Mapping[str, str | tuple[str, ...] | None]


def answer(zone: Zone, asking: Asking[T], asked: list[str] | None = None) -> T:
    """What `asking` comes to where `zone` has the tags of records by domain.

    A tuple is several texts, `None` no answer; a domain exists if the zone has a key that ends with
    it.
    """
    try:
        question = next(asking)
        while True:
            answers: dict[str, tuple[str, ...] | bool | None] = {}
            for name in question.names:
                if asked is not None:
                    asked.append(name)
                if question.wanted is Wanted.EXISTENCE:
                    answers[name] = any(f".{one}".endswith(f".{name}") for one in zone)
                    continue
                found = zone.get(name.removeprefix("_dmarc."), ())
                texts = (f"v=DMARC1; {found}",) if isinstance(found, str) else found
                answers[name] = texts
            question = asking.send(answers)
    except StopIteration as end:
        result: T = end.value
        return result
