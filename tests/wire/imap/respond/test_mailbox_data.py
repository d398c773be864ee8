import pytest

from pillarbox.wire.imap.respond.expunge import expunged, vanished, vanished_earlier
from pillarbox.wire.imap.respond.search import esearch, search
from pillarbox.wire.imap.respond.select import exists, flags, recent
from pillarbox.wire.imap.respond.status import status

EVERY = frozenset({"MIN", "MAX", "ALL", "COUNT"})


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (exists(3), b"* 3 EXISTS\r\n"),
        (recent(0), b"* 0 RECENT\r\n"),
        (flags((r"\Seen", "$a")), b"* FLAGS (\\Seen $a)\r\n"),
        (
            status("ü", (("MESSAGES", 3), ("APPENDLIMIT", None)), utf8=False),
            b'* STATUS "&APw-" (MESSAGES 3 APPENDLIMIT NIL)\r\n',
        ),
        (status("a", (("MAILBOXID", "M1"),), utf8=True), b'* STATUS "a" (MAILBOXID (M1))\r\n'),
        (expunged([3, 3]), b"* 3 EXPUNGE\r\n* 3 EXPUNGE\r\n"),
        (expunged([]), b""),
        (vanished([1, 2, 3, 7]), b"* VANISHED 1:3,7\r\n"),
        (vanished_earlier([(1, 3), (9, 9)]), b"* VANISHED (EARLIER) 1:3,9\r\n"),
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
