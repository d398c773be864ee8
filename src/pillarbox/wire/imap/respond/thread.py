"""THREAD responses (RFC 5256 §4)."""

from collections.abc import Callable, Mapping, Sequence


def thread(
    roots: Sequence[int], children: Mapping[int, Sequence[int]], number: Callable[[int], int]
) -> bytes:
    """`* THREAD …` for nodes, the negative of which stand for messages that are not there.

    `number` gives what a node is called. Does not recurse: threads may be as deep as mailboxes
    are long.
    """
    words = ["* THREAD" if not roots else "* THREAD "]
    left: list[int | None] = list(reversed(roots))
    while left:
        node = left.pop()
        if node is None:
            words.append(")")
            continue
        words.append("(")
        left.append(None)
        below = _chain(node, children, number, words)
        left.extend(reversed(below))
    return "".join(words).encode("ascii") + b"\r\n"


def _chain(
    node: int,
    children: Mapping[int, Sequence[int]],
    number: Callable[[int], int],
    words: list[str],
) -> Sequence[int]:
    """Write a node and what follows it alone; gives the nodes at which it branches."""
    while True:
        below = children.get(node, ())
        if node >= 0:
            words.append(str(number(node)))
            if below:
                words.append(" ")
        if len(below) != 1:
            return below
        node = below[0]
