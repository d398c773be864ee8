import pytest

from pillarbox.wire.imap.respond.search import Correlated, Result, esearch, search, sort

EVERY = frozenset({"MIN", "MAX", "ALL", "COUNT"})
ALL = frozenset({"ALL"})
PARTIAL = frozenset({"PARTIAL"})


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (search([]), b"* SEARCH\r\n"),
        (search([], 9), b"* SEARCH\r\n"),
        (search([2, 9]), b"* SEARCH 2 9\r\n"),
        (search([2, 9], 12), b"* SEARCH 2 9 (MODSEQ 12)\r\n"),
        (sort([9, 2]), b"* SORT 9 2\r\n"),
        (sort([]), b"* SORT\r\n"),
        (sort([9, 2], 12), b"* SORT 9 2 (MODSEQ 12)\r\n"),
    ],
)
def test_plain_lines(line: bytes, text: bytes) -> None:
    assert line == text


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (Result([2, 3, 9], EVERY, uid=True, modseq=12),
         b'(TAG "a") UID MIN 2 MAX 9 COUNT 3 ALL 2:3,9 MODSEQ 12'),
        (Result([], EVERY, modseq=1), b'(TAG "a") COUNT 0'),
        (Result([4], frozenset({"SAVE"})), b'(TAG "a")'),
        (Result([9, 2, 3], EVERY, in_order=True), b'(TAG "a") MIN 9 MAX 3 COUNT 3 ALL 9,2:3'),
        (Result([5, 3, 4, 2, 7, 8, 9], frozenset(["ALL"]), in_order=True),
            b'(TAG "a") ALL 5,3:4,2,7:9'),
        (Result([2, 3, 4, 9], PARTIAL, page=(b"1:3", 0, 3)), b'(TAG "a") PARTIAL (1:3 2:4)'),
        (Result([2, 3], PARTIAL, page=(b"7:9", 2, 2)), b'(TAG "a") PARTIAL (7:9 NIL)'),
        (Result([], PARTIAL, page=(b"-1:-9", 0, 0)), b'(TAG "a") PARTIAL (-1:-9 NIL)'),
        (Result([9, 2], PARTIAL, in_order=True, page=(b"-1:-2", 0, 2)),
         b'(TAG "a") PARTIAL (-1:-2 9,2)'),
        (Result([2, 9], ALL | {"RELEVANCY"}, relevancy=[5, 100]),
         b'(TAG "a") ALL 2,9 RELEVANCY (5 100)'),
        (Result([2, 9], PARTIAL | {"RELEVANCY"}, page=(b"2:2", 1, 2), relevancy=[5, 100]),
         b'(TAG "a") PARTIAL (2:2 9) RELEVANCY (100)'),
        (Result([], ALL | {"RELEVANCY"}, relevancy=[]), b'(TAG "a")'),
        (Result([2], ALL, uid=True, mailbox=Correlated("a b", 7)),
         b'(TAG "a" MAILBOX "a b" UIDVALIDITY 7) UID ALL 2'),
        (Result([2], ALL, uid=True, mailbox=Correlated("\u00fc", 7)),
         b'(TAG "a" MAILBOX "&APw-" UIDVALIDITY 7) UID ALL 2'),
        (Result([2], ALL, uid=True, mailbox=Correlated("\u00fc", 7, utf8=True)),
         b'(TAG "a" MAILBOX "\xc3\xbc" UIDVALIDITY 7) UID ALL 2'),
    ],
)  # fmt: skip
def test_extended_lines(result: Result, text: bytes) -> None:
    assert esearch("a", result) == b"* ESEARCH " + text + b"\r\n"


def test_tags_are_quoted() -> None:
    assert esearch('a"b', Result([4], ALL)) == b'* ESEARCH (TAG "a\\"b") ALL 4\r\n'
