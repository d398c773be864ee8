"""Whether one domain can be mistaken for another; called by `lookalike`.

Domains are A-labels in lower case. What counts is the label that somebody registered: the first
one of the organizational domain.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from pillarbox.formats.mailauth.organizational import registrable
from pillarbox.pipeline.inbound.checks.disguise import skeleton

LABEL_MIN = 5
"""Shorter labels resemble others by chance."""
KNOWN_MAX = 5000

SAME, NEAR, ADDED = "looks the same", "one letter apart", "a part added"
SUBDOMAIN, OTHER_SUFFIX = "as a subdomain", "another suffix"
"""The ways in which a domain resembles another."""


@dataclass(frozen=True, slots=True)
class Name:
    """A domain taken apart: the labels before the registered one, that one, and the suffix.

    `shown` is the registered label as it is shown to people.
    """

    domain: str
    before: tuple[str, ...]
    label: str
    suffix: str
    shown: str
    skeleton: str


@lru_cache(maxsize=8192)
def taken_apart(domain: str) -> Name | None:
    """The parts of a domain; `None` for a public suffix and for what is no domain."""
    whole = registrable(domain)
    if not whole:
        return None
    label, _, suffix = whole.partition(".")
    before = domain[: -len(whole)].strip(".")
    shown = decoded(label)
    return Name(
        domain, tuple(before.split(".")) if before else (), label, suffix, shown, skeleton(shown)
    )


def decoded(label: str) -> str:
    """A label in the script it stands for."""
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:63].encode("ascii").decode("punycode").lower()
    except (UnicodeError, ValueError):
        return label


def resembled(name: Name, known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Those of the known domains that a name resembles, each with the way in which it does.

    Nothing where one of the domains is the name's own.
    """
    others = [one for one in map(taken_apart, list(known)[:KNOWN_MAX]) if one is not None]
    if any(one.label == name.label and one.suffix == name.suffix for one in others):
        return
    for other in others:
        way = _way(name, other)
        if way:
            yield other.domain, way


def _way(name: Name, other: Name) -> str:
    if name.before and _as_subdomain(name, other):
        return SUBDOMAIN
    if len(other.label) < LABEL_MIN:
        return ""
    if name.skeleton == other.skeleton and name.label != other.label:
        return SAME
    if name.label == other.label:
        return OTHER_SUFFIX if len(name.label) > LABEL_MIN else ""
    return label_way(name.label, other.label)


def label_way(label: str, other: str) -> str:
    """How a registered label resembles another, by its letters alone; empty if it does not."""
    if len(other) < LABEL_MIN or label == other:
        return ""
    if "-" in label and (
        label.replace("-", "") == other.replace("-", "")
        or label.startswith(other + "-")
        or label.endswith("-" + other)
        or f"-{other}-" in label
    ):
        return ADDED
    return NEAR if near(label, other) else ""


def _as_subdomain(name: Name, other: Name) -> bool:
    """Whether the other registered domain stands before the name's own, dots or hyphens between."""
    whole = f"{other.label}.{other.suffix}"
    before = ".".join(name.before)
    return f".{whole}." in f".{before}." or f".{whole.replace('.', '-')}." in f".{before}."


def near(one: str, other: str) -> bool:
    """Whether one edit makes one text the other: a letter more, less, changed, or two swapped."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    # An edit leaves one end as it is.
    if one[:2] != other[:2] and one[-2:] != other[-2:]:
        return False
    short = min(len(one), len(other))
    front = 0
    while front < short and one[front] == other[front]:
        front += 1
    if len(one) != len(other):
        longer, shorter = (one, other) if len(one) > len(other) else (other, one)
        return longer[front + 1 :] == shorter[front:]
    if one[front + 1 :] == other[front + 1 :]:
        return True
    swapped = one[front : front + 2] == other[front : front + 2][::-1]
    return swapped and one[front + 2 :] == other[front + 2 :]
