import pytest

from pillarbox.wire.imap.respond.search import esearch, search

EVERY = frozenset({"MIN", "MAX", "ALL", "COUNT"})


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (search([]), b"* SEARCH\r\n"),
        (search([], 9), b"* SEARCH\r\n"),
        (search([2, 9]), b"* SEARCH 2 9\r\n"),
        (search([2, 9], 12), b"* SEARCH 2 9 (MODSEQ 12)\r\n"),
        (
            esearch("a", [2, 3, 9], EVERY, uid=True, modseq=12),
            b'* ESEARCH (TAG "a") UID MIN 2 MAX 9 COUNT 3 ALL 2:3,9 MODSEQ 12\r\n',
        ),
        (esearch("a", [], EVERY, uid=False, modseq=1), b'* ESEARCH (TAG "a") COUNT 0\r\n'),
        (
            esearch('a"b', [4], frozenset({"ALL"}), uid=False),
            b'* ESEARCH (TAG "a\\"b") ALL 4\r\n',
        ),
        (esearch("a", [4], frozenset({"SAVE"}), uid=False), b'* ESEARCH (TAG "a")\r\n'),
    ],
)
def test_lines(line, text):
    assert line == text
