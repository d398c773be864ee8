"""ORDEREDSUBJECT and REFERENCES (RFC 5256 §3): who hangs below whom."""

import random
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.domain.mail.threading import Forest, Threaded, by_reference, by_subject
from pillarbox.formats.mime.base_subject import base_subject


def message(
    uid: int, own: str = "", references: str = "", subject: str = "", sent_ms: int | None = None
) -> Threaded:
    base, is_reply = base_subject(subject)
    at = uid if sent_ms is None else sent_ms
    return Threaded(uid, at, base.upper(), is_reply, own or None, tuple(references.split()))


def shown(forest: Forest) -> str:
    """The forest as THREAD tells it, with `?` for messages that are not there."""

    def one(node: int) -> str:
        below = forest.children.get(node, [])
        name = str(node) if node > 0 else "?"
        if len(below) == 1:
            return f"{name} {one(below[0])}"
        return name + "".join(f" ({one(child)})" for child in below)

    return "".join(f"({one(root)})" for root in forest.roots)


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([], ""),
        ([message(1, "a")], "(1)"),
        ([message(1, "a"), message(2, "b", "a"), message(3, "c", "a b")], "(1 2 3)"),
        # Children before parents.
        ([message(1, "c", "a b"), message(2, "b", "a"), message(3, "a")], "(3 2 1)"),
        # In order of the dates, not of arrival.
        ([message(1, "b", "a", "", 9), message(2, "c", "a", "", 5), message(3, "a")],
         "(3 (2) (1))"),
        # A missing message between two.
        ([message(1, "a"), message(2, "c", "a b")], "(1 2)"),
        # A missing parent of one is not shown, one of several is.
        ([message(1, "b", "a")], "(1)"),
        ([message(1, "b", "a"), message(2, "c", "a")], "(? (1) (2))"),
        ([message(1, "b", "x a"), message(2, "c", "x y")], "(? (1) (2))"),
        # The thread with the older first message comes first.
        ([message(1, "b", "a", "", 50), message(2, "c", "a", "", 10), message(3, "d", "", "", 20)],
         "(? (2) (1))(3)"),
        # Loops and selves.
        ([message(1, "a", "a")], "(1)"),
        ([message(1, "a", "b"), message(2, "b", "a")], "(2 1)"),
        ([message(1, "a", "b c"), message(2, "b", "c a"), message(3, "c", "a b")],
         "(2 3 1)"),
        # Of two with one id the first counts.
        ([message(1, "a"), message(2, "a"), message(3, "b", "a")], "(1 3)(2)"),
        # What a message says of itself counts more than what others say.
        ([message(1, "a"), message(2, "b"), message(3, "d", "a c"), message(4, "c", "b")],
         "(1)(2 4 3)"),
        # Subjects.
        ([message(1, "a", "", "hello"), message(2, "b", "", "Re: hello")], "(1 2)"),
        ([message(1, "a", "", "Re: hello"), message(2, "b", "", "hello")], "(2 1)"),
        ([message(1, "a", "", "hello"), message(2, "b", "", "hello")], "(? (1) (2))"),
        ([message(1, "a", "", "re: hello"), message(2, "b", "", "fwd: hello")], "(? (1) (2))"),
        ([message(1, "a", "", "hello"), message(2, "b", "", "hello"),
          message(3, "c", "", "Re: hello")], "(? (1) (2) (3))"),
        ([message(1, "a"), message(2, "b")], "(1)(2)"),
        # A message joins a thread without its parent.
        ([message(1, "b", "a", "hi"), message(2, "c", "a", "hi"), message(3, "d", "", "Re: hi")],
         "(? (1) (2) (3))"),
        ([message(1, "d", "", "hi"), message(2, "b", "a", "Re: hi"),
          message(3, "c", "a", "Re: hi")], "(? (1) (2) (3))"),
        # Two threads without parents become one.
        ([message(1, "b", "a", "hi"), message(2, "c", "a", "hi"), message(3, "e", "d", "hi"),
          message(4, "f", "d", "hi")], "(? (1) (2) (3) (4))"),
        # Only the subjects of first messages count.
        ([message(1, "a", "", "one"), message(2, "b", "a", "two"), message(3, "c", "", "two")],
         "(1 2)(3)"),
    ],
)  # fmt: skip
def test_references(messages: list[Threaded], expected: str) -> None:
    assert shown(by_reference(messages)) == expected


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([], ""),
        ([message(1, subject="a"), message(2, subject="b")], "(1)(2)"),
        ([message(1, subject="a"), message(2, subject="b"), message(3, subject="Re: A")],
         "(1 3)(2)"),
        ([message(1, subject="a", sent_ms=9), message(2, subject="a", sent_ms=3),
          message(3, subject="a", sent_ms=6), message(4, subject="b", sent_ms=1)],
         "(4)(2 (3) (1))"),
    ],
)  # fmt: skip
def test_ordered_subject(messages: list[Threaded], expected: str) -> None:
    assert shown(by_subject(messages)) == expected


def nodes(forest: Forest) -> list[int]:
    """Every message in a forest, once for each time it stands there."""
    left, found = list(forest.roots), []
    while left:
        node = left.pop()
        if node > 0:
            found.append(node)
        left += forest.children.get(node, [])
        assert len(found) < 1_000_000
    return found


IDS = st.sampled_from("abcdefgh")
RANDOM = st.lists(
    st.tuples(
        st.one_of(st.just(""), IDS),
        st.lists(IDS, max_size=4).map(" ".join),
        st.sampled_from(["", "x", "Re: x", "y", "[Fwd: y]"]),
        st.integers(0, 5),
    ),
    max_size=14,
)


@settings(deadline=None, max_examples=400)
@given(RANDOM)
def test_every_message_stands_there_once(parts: list[tuple[str, str, str, int]]) -> None:
    messages = [message(uid, *part) for uid, part in enumerate(parts, 1)]
    for find in (by_reference, by_subject):
        forest = find(messages)
        assert sorted(nodes(forest)) == [one.uid for one in messages]
        assert shown(forest) == shown(find(messages))
        for node, below in forest.children.items():
            assert node > 0 or len(below) > 1
            dates = [messages[uid - 1].sent_ms for uid in below if uid > 0]
            assert dates == sorted(dates)


def timed(messages: Sequence[Threaded]) -> float:
    started = time.process_time()
    forest = by_reference(messages)
    elapsed = time.process_time() - started
    assert len(nodes(forest)) == len(messages)
    return elapsed


def test_a_hundred_thousand_deep() -> None:
    count = 100_000
    chain = [message(n, f"i{n}", f"i{n - 1}") for n in range(1, count + 1)]
    assert timed(chain) < 10
    assert timed([message(n, f"i{n}", f"i{n + 1}") for n in range(1, count + 1)]) < 10
    shuffled = chain[:]
    random.Random(5).shuffle(shuffled)
    assert timed(shuffled) < 10


def test_hostile_references_are_bounded() -> None:
    chain = [message(n, f"i{n}", f"i{n - 1}") for n in range(1, 20_001)]
    # Each moves a message that has one below it to the end of the long chain and back.
    tails = [
        message(20_000 + n, f"t{n}", f"i20000 t{n - 1} i{n} t{n - 2}") for n in range(1, 20_001)
    ]
    assert timed([*chain, *tails]) < 10
    assert timed([*tails, *chain]) < 10
