import pytest

from kit.imap_grammar import assert_bad, parse
from pillarbox.wire.imap.parse.select import Check, Close, QResync, Select, Unselect
from pillarbox.wire.imap.sets import SequenceSet


def numbers(text):
    return SequenceSet.parse(text)


GOOD = [
    (b"SELECT inbox", Select("INBOX", read_only=False)),
    (b'EXAMINE "a b"', Select("a b", read_only=True)),
    (b"SELECT a (CONDSTORE)", Select("a", read_only=False, condstore=True)),
    (
        b"SELECT a (QRESYNC (7 90) CONDSTORE)",
        Select("a", read_only=False, condstore=True, qresync=QResync(7, 90)),
    ),
    (
        b"SELECT a (QRESYNC (7 90 1:9))",
        Select("a", read_only=False, qresync=QResync(7, 90, numbers(b"1:9"))),
    ),
    (
        b"SELECT a (QRESYNC (7 90 1:9 (1,2 4,6)))",
        Select(
            "a",
            read_only=False,
            qresync=QResync(7, 90, numbers(b"1:9"), (numbers(b"1,2"), numbers(b"4,6"))),
        ),
    ),
    (
        b"SELECT a (QRESYNC (7 90 (1 4)))",
        Select("a", read_only=False, qresync=QResync(7, 90, None, (numbers(b"1"), numbers(b"4")))),
    ),
    (b"CLOSE", Close()),
    (b"UNSELECT", Unselect()),
    (b"CHECK", Check()),
]
BAD = [
    b"SELECT",
    b"SELECT a b",
    b"SELECT a ()",
    b"SELECT a (OTHER)",
    b"SELECT a (CONDSTORE",
    b"SELECT a (QRESYNC)",
    b"SELECT a (QRESYNC (0 90))",
    b"SELECT a (QRESYNC (7 0))",
    b"SELECT a (QRESYNC (7 90 1:*))",
    b"SELECT a (QRESYNC (7 90 $))",
    b"SELECT a (QRESYNC (7 90 1:9(1 2)))",
    b"SELECT a (QRESYNC (7 90) QRESYNC (7 90))",
]


@pytest.mark.parametrize(("text", "value"), GOOD)
def test_what_is_understood(text, value):
    assert parse(text) == value


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused(text):
    assert_bad(text)
