"""Mailbox patterns, against a plain definition of what they mean."""

import itertools
import time

import pytest

from pillarbox.protocols.imap.patterns import matcher


def matches(pattern: str, name: str) -> bool:
    """What a pattern means, spelled out."""
    if not pattern:
        return not name
    if pattern[0] in "%*":
        stop = name.find("/") if pattern[0] == "%" else len(name)
        reach = len(name) if stop < 0 else stop
        return any(matches(pattern[1:], name[at:]) for at in range(reach + 1))
    return name[:1] == pattern[0] and matches(pattern[1:], name[1:])


def test_every_short_pattern() -> None:
    names = ["".join(name) for size in range(5) for name in itertools.product("a/", repeat=size)]
    for size in range(1, 6):
        for letters in itertools.product("a/%*", repeat=size):
            pattern = "".join(letters)
            match = matcher("", [pattern])
            assert [match(name) for name in names] == [matches(pattern, name) for name in names]


@pytest.mark.parametrize(
    ("reference", "pattern", "name", "found"),
    [
        ("", "inb%", "INBOX", True),
        ("", "inbox/%", "INBOX/a", True),
        ("", "Inbox", "INBOX", True),
        ("", "draft%", "Drafts", False),
        ("Lists/", "%", "Lists/a", True),
        ("Lists/", "%", "Lists/a/b", False),
        ("", "a.b", "axb", False),
    ],
)
def test_inbox_and_reference(reference: str, pattern: str, name: str, found: bool) -> None:
    assert matcher(reference, [pattern])(name) is found


@pytest.mark.parametrize("pattern", ["*a" * 60 + "b", "%a" * 60 + "b", "*a%a" * 60 + "b"])
def test_long_patterns_take_no_time(pattern: str) -> None:
    match = matcher("", [pattern])
    start = time.perf_counter()
    assert not match("a" * 1000)
    assert time.perf_counter() - start < 0.5
