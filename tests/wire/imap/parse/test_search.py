from datetime import date

import pytest

from pillarbox.wire.imap.parse import search_keys as k
from pillarbox.wire.imap.parse.command import CommandError, parse_command
from pillarbox.wire.imap.parse.search import Search
from pillarbox.wire.imap.parse.table import COMMANDS
from pillarbox.wire.imap.receiver import Literal
from pillarbox.wire.imap.sets import SAVED_RESULT, SequenceSet

SEEN = k.FlagKey(r"\Seen")
UNSEEN = k.FlagKey(r"\Seen", present=False)
DAY = date(2024, 2, 1)


def parse(*pieces):
    first, *rest = pieces
    return parse_command((b"a SEARCH " + first, *rest), COMMANDS).args


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (b"ALL", k.AllKey()),
        (b"seen", SEEN),
        (b"UNSEEN", UNSEEN),
        (b"ANSWERED", k.FlagKey(r"\Answered")),
        (b"UNDELETED", k.FlagKey(r"\Deleted", present=False)),
        (b"DRAFT", k.FlagKey(r"\Draft")),
        (b"UNFLAGGED", k.FlagKey(r"\Flagged", present=False)),
        (b"RECENT", k.FlagKey(r"\Recent")),
        (b"OLD", k.FlagKey(r"\Recent", present=False)),
        (b"NEW", k.AndKey((k.FlagKey(r"\Recent"), UNSEEN))),
        (b"KEYWORD $Junk", k.FlagKey("$Junk")),
        (b"UNKEYWORD $Junk", k.FlagKey("$Junk", present=False)),
        (b"FROM me", k.HeaderKey("From", "me", envelope=True)),
        (b'SUBJECT "a b"', k.HeaderKey("Subject", "a b", envelope=True)),
        (b"BCC a", k.HeaderKey("Bcc", "a", envelope=True)),
        (b"CC a", k.HeaderKey("Cc", "a", envelope=True)),
        (b"TO a", k.HeaderKey("To", "a", envelope=True)),
        (b'HEADER Message-ID ""', k.HeaderKey("Message-ID", "")),
        (b"BODY a", k.BodyKey("a")),
        ('TEXT "ü"'.encode(), k.TextKey("ü")),
        (b"BEFORE 1-Feb-2024", k.DateKey(k.DateField.INTERNAL, k.DateOrder.BEFORE, DAY)),
        (b"ON 1-Feb-2024", k.DateKey(k.DateField.INTERNAL, k.DateOrder.ON, DAY)),
        (b'SENTSINCE "1-Feb-2024"', k.DateKey(k.DateField.SENT, k.DateOrder.SINCE, DAY)),
        (b"SENTON 1-Feb-2024", k.DateKey(k.DateField.SENT, k.DateOrder.ON, DAY)),
        (b"SAVEDBEFORE 1-Feb-2024", k.DateKey(k.DateField.SAVED, k.DateOrder.BEFORE, DAY)),
        (b"SAVEDATESUPPORTED", k.SaveDateSupportedKey()),
        (b"LARGER 0", k.LargerKey(0)),
        (b"SMALLER 9999999999", k.SmallerKey(9999999999)),
        (b"OLDER 60", k.WithinKey(60, younger=False)),
        (b"YOUNGER 60", k.WithinKey(60, younger=True)),
        (b"UID 1:*", k.SequenceKey(SequenceSet.parse(b"1:*"), uid=True)),
        (b"2,4:7", k.SequenceKey(SequenceSet.parse(b"2,4:7"))),
        (b"*", k.SequenceKey(SequenceSet.parse(b"*"))),
        (b"$", k.SequenceKey(SAVED_RESULT)),
        (b"MODSEQ 7", k.ModSeqKey(7)),
        (b'MODSEQ "/flags/\\\\draft" all 7', k.ModSeqKey(7)),
        (b"EMAILID M6d-_9", k.EmailIdKey("M6d-_9")),
        (b"THREADID T1", k.ThreadIdKey("T1")),
        (b"NOT SEEN", k.NotKey(SEEN)),
        (b"OR SEEN NOT SEEN", k.OrKey(SEEN, k.NotKey(SEEN))),
        (b"SEEN UNSEEN", k.AndKey((SEEN, UNSEEN))),
        (b"(SEEN)", SEEN),
        (b"NOT (SEEN UNSEEN)", k.NotKey(k.AndKey((SEEN, UNSEEN)))),
        (b"OR (SEEN ALL) (OR ALL SEEN) 1", k.AndKey((
            k.OrKey(k.AndKey((SEEN, k.AllKey())), k.OrKey(k.AllKey(), SEEN)),
            k.SequenceKey(SequenceSet.parse(b"1")),
        ))),
    ],
)  # fmt: skip
def test_keys(text, key):
    assert parse(text) == Search(key)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"SEARCH RETURN () ALL", Search(k.AllKey(), frozenset({"ALL"}))),
        (b"SEARCH RETURN (min Count) ALL", Search(k.AllKey(), frozenset({"MIN", "COUNT"}))),
        (b"UID SEARCH return (SAVE) SEEN", Search(SEEN, frozenset({"SAVE"}), uid=True)),
        (b"SEARCH CHARSET utf-8 SEEN", Search(SEEN, charset="UTF-8")),
        (
            b'SEARCH RETURN (ALL) CHARSET "us-ascii" SEEN',
            Search(SEEN, frozenset({"ALL"}), "US-ASCII"),
        ),
    ],
)
def test_commands(text, value):
    assert parse_command((b"a " + text,), COMMANDS).args == value


def test_strings_are_read_in_their_charset():
    got = parse(b"CHARSET ISO-8859-1 SUBJECT ", Literal(b"\xfc"), b"")
    assert got.key == k.HeaderKey("Subject", "ü", envelope=True)


def test_an_unknown_charset_is_refused_by_name():
    with pytest.raises(CommandError) as caught:
        parse(b"CHARSET KLINGON SEEN")
    assert caught.value.refused
    assert caught.value.code == "BADCHARSET (US-ASCII UTF-8 ISO-8859-1)"
    assert caught.value.tag == "a"


def nested(text, depth):
    return text * depth + b"SEEN"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"()",
        b"(SEEN",
        b"SEEN)",
        b"SEEN  UNSEEN",
        b"OTHER",
        b"NOT",
        b"OR SEEN",
        b"FROM",
        b"HEADER To",
        b"SINCE 31-Feb-2024",
        b"LARGER x",
        b"OLDER 0",
        b"UID x",
        b"0",
        b"EMAILID ?",
        b"KEYWORD \\Seen",
        b'MODSEQ "/flags/x" other 7',
        b"RETURN (OTHER) SEEN",
        b"RETURN (MIN",
        b"CHARSET UTF-8",
        nested(b"NOT ", 101),
        nested(b"NOT ", 20_000),
        b"(" * 20_000,
        b" ".join([b"SEEN"] * 2001),
    ],
)
def test_what_is_refused(text):
    with pytest.raises(CommandError) as caught:
        parse(text)
    assert caught.value.tag == "a"
    assert not caught.value.refused


def test_text_outside_its_charset_is_refused():
    for charset in (b"UTF-8", b"US-ASCII"):
        with pytest.raises(CommandError):
            parse(b"CHARSET " + charset + b" BODY ", Literal(b"\xff"), b"")


def test_keys_may_be_nested_to_the_limit():
    key = parse(nested(b"NOT ", 100)).key
    for _ in range(100):
        key = key.key
    assert key == SEEN
