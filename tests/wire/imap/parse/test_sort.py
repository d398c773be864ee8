from typing import Any

import pytest

from kit.imap_grammar import assert_bad, parse
from pillarbox.wire.imap.parse import search_keys as k
from pillarbox.wire.imap.parse.command import CommandError
from pillarbox.wire.imap.parse.esearch import Esearch, Source, SourceKind
from pillarbox.wire.imap.parse.fetch import Attribute, Fetch
from pillarbox.wire.imap.parse.partial import PartialRange
from pillarbox.wire.imap.parse.search import Search
from pillarbox.wire.imap.parse.sort import Sort, SortCriterion
from pillarbox.wire.imap.parse.thread import Thread
from pillarbox.wire.imap.receiver import Literal
from pillarbox.wire.imap.sets import SequenceSet

ALL = k.AllKey()
SUBJECT = (SortCriterion("SUBJECT"),)
FUZZY = k.FuzzyKey(k.FlagKey(r"\Seen"))


def source(kind: str, *names: str) -> Source:
    return Source(SourceKind(kind), names)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"SORT (SUBJECT) UTF-8 ALL", Sort(SUBJECT, ALL)),
        (b"uid sort (subject) us-ascii ALL", Sort(SUBJECT, ALL, uid=True)),
        (
            b"SORT (REVERSE DATE SUBJECT) UTF-8 ALL",
            Sort((SortCriterion("DATE", reverse=True), *SUBJECT), ALL),
        ),
        (b"SORT RETURN () (SUBJECT) UTF-8 ALL", Sort(SUBJECT, ALL, frozenset({"ALL"}))),
        (
            b"UID SORT RETURN (PARTIAL -1:-9 SAVE) (SUBJECT) UTF-8 ALL",
            Sort(SUBJECT, ALL, frozenset({"PARTIAL", "SAVE"}), True, PartialRange(-1, -9)),
        ),
        (
            b"SORT (RELEVANCY) UTF-8 FUZZY SEEN",
            Sort((SortCriterion("RELEVANCY"),), FUZZY),
        ),
        (b"THREAD references UTF-8 ALL", Thread("REFERENCES", ALL)),
        (
            b"UID THREAD ORDEREDSUBJECT UTF-8 ALL SEEN",
            Thread("ORDEREDSUBJECT", k.AndKey((ALL, k.FlagKey(r"\Seen"))), uid=True),
        ),
        (b"SEARCH RETURN (PARTIAL 9:1) ALL",
         Search(ALL, frozenset({"PARTIAL"}), partial=PartialRange(9, 1))),
        (b"SEARCH RETURN (RELEVANCY ALL) NOT FUZZY SEEN",
         Search(k.NotKey(FUZZY), frozenset({"RELEVANCY", "ALL"}))),
        (b"ESEARCH ALL", Esearch((source("SELECTED"),), ALL)),
        (b"ESEARCH in (Personal) ALL", Esearch((source("PERSONAL"),), ALL)),
        (
            b'ESEARCH IN (selected mailboxes inbox subtree ("a b" &APw-) subtree-one x) RETURN'
            b" (COUNT) CHARSET UTF-8 ALL",
            Esearch(
                (source("SELECTED"), source("MAILBOXES", "INBOX"), source("SUBTREE", "a b", "ü"),
                 source("SUBTREE-ONE", "x")),
                ALL, frozenset({"COUNT"}), "UTF-8",
            ),
        ),
        (b"ESEARCH RETURN (SAVE) ALL", Esearch((source("SELECTED"),), ALL, frozenset({"SAVE"}))),
        (
            b"UID FETCH 1:* FLAGS (PARTIAL 1:100)",
            Fetch(SequenceSet(((1, 0),)), (Attribute.FLAGS,), uid=True,
                  partial=PartialRange(1, 100)),
        ),
        (
            b"UID FETCH 1 FLAGS (CHANGEDSINCE 5 PARTIAL -3:-1 VANISHED)",
            Fetch(SequenceSet(((1, 1),)), (Attribute.FLAGS,), 5, True, True, PartialRange(-3, -1)),
        ),
    ],
)  # fmt: skip
def test_commands(text: bytes, value: Any) -> None:
    assert parse(text) == value


def test_text_is_read_in_its_charset() -> None:
    got = parse(b"SORT (SUBJECT) ISO-8859-1 SUBJECT ", Literal(b"\xfc"), b"")
    assert isinstance(got, Sort)
    assert got.key == k.HeaderKey("Subject", "ü", envelope=True)


@pytest.mark.parametrize(
    "text",
    [
        b"SORT (SUBJECT) ALL",
        b"SORT (SUBJECT) UTF-8",
        b"SORT () UTF-8 ALL",
        b"SORT (REVERSE) UTF-8 ALL",
        b"SORT (REVERSE REVERSE DATE) UTF-8 ALL",
        b"SORT SUBJECT UTF-8 ALL",
        b"SORT (COLOUR) UTF-8 ALL",
        b"SORT (RELEVANCY) UTF-8 SEEN",
        b"SORT (" + b" ".join([b"SIZE"] * 33) + b") UTF-8 ALL",
        b"SORT RETURN (COUNT) UTF-8 ALL",
        b"THREAD REFS UTF-8 ALL",
        b"THREAD REFERENCES ALL",
        b"SEARCH RETURN (PARTIAL) ALL",
        b"SEARCH RETURN (PARTIAL 0:1) ALL",
        b"SEARCH RETURN (PARTIAL 1:*) ALL",
        b"SEARCH RETURN (PARTIAL 1:-1) ALL",
        b"SEARCH RETURN (PARTIAL 1:4294967296) ALL",
        b"SEARCH RETURN (PARTIAL 1:2 PARTIAL 1:2) ALL",
        b"SEARCH RETURN (PARTIAL 1:2 ALL) ALL",
        b"SEARCH RETURN (RELEVANCY) ALL",
        b"SEARCH FUZZY",
        b"ESEARCH",
        b"ESEARCH IN () ALL",
        b"ESEARCH IN (mailboxes) ALL",
        b"ESEARCH IN (mailboxes ()) ALL",
        b"ESEARCH IN (elsewhere) ALL",
        b"ESEARCH IN (selected-delayed) ALL",
        b"ESEARCH IN (personal) RETURN (SAVE) ALL",
        b"ESEARCH IN (selected personal) RETURN (SAVE) ALL",
        b"ESEARCH IN (" + b" ".join([b"personal"] * 101) + b") ALL",
        b"ESEARCH IN (mailboxes (" + b" ".join([b"a"] * 1001) + b")) ALL",
        b"FETCH 1:* FLAGS (PARTIAL 1:100)",
        b"UID FETCH 1 FLAGS (PARTIAL 1:2 PARTIAL 1:2)",
        b"UID FETCH 1 FLAGS (PARTIAL 1)",
        b"SEARCH " + b"FUZZY " * 101 + b"SEEN",
    ],
)
def test_what_is_refused(text: bytes) -> None:
    assert_bad(text)


@pytest.mark.parametrize(
    "text",
    [
        b"SORT (SUBJECT) KLINGON ALL",
        b"THREAD REFERENCES KLINGON ALL",
        b"ESEARCH CHARSET KLINGON ALL",
    ],
)
def test_unknown_charsets_are_refused_by_name(text: bytes) -> None:
    with pytest.raises(CommandError) as caught:
        parse(text)
    assert caught.value.code == "BADCHARSET (US-ASCII UTF-8 ISO-8859-1)"
