"""THREAD responses in the forms of RFC 5256 §4."""

from pillarbox.wire.imap.respond.thread import thread


def same(node: int) -> int:
    return node


def test_forms() -> None:
    assert thread([], {}, same) == b"* THREAD\r\n"
    assert thread([2], {}, same) == b"* THREAD (2)\r\n"
    assert thread([1], {1: [2], 2: [3]}, same) == b"* THREAD (1 2 3)\r\n"
    children = {3: [6], 6: [4, 44], 4: [23], 44: [7], 7: [96]}
    assert thread([2, 3], children, same) == b"* THREAD (2)(3 6 (4 23)(44 7 96))\r\n"


def test_messages_that_are_not_there() -> None:
    assert thread([-1, 1], {-1: [3, 5], 5: [7]}, same) == b"* THREAD ((3)(5 7))(1)\r\n"


def test_numbers_are_asked_for() -> None:
    assert thread([10], {10: [20]}, {10: 1, 20: 2}.__getitem__) == b"* THREAD (1 2)\r\n"


def test_depth_is_no_limit() -> None:
    chain = {number: [number + 1] for number in range(1, 100_000)}
    assert thread([1], chain, same).count(b" ") == 100_001
    fork = {number: [number + 1, number + 200_000] for number in range(1, 100_000)}
    assert thread([1], fork, same).endswith(b")" * 50_000 + b"\r\n") is False
    assert thread([1], fork, same).count(b"(") == 199_999
