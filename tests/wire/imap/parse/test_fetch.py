import pytest

from pillarbox.wire.imap.parse.command import CommandError, parse_command
from pillarbox.wire.imap.parse.fetch import (
    Attribute,
    BinarySection,
    BinarySize,
    BodySection,
    Fetch,
    Partial,
    SectionText,
)
from pillarbox.wire.imap.parse.table import COMMANDS
from pillarbox.wire.imap.receiver import Literal
from pillarbox.wire.imap.sets import SequenceSet

A = Attribute
T = SectionText
FAST = (A.FLAGS, A.INTERNALDATE, A.RFC822_SIZE)


def parse(*pieces):
    first, *rest = pieces
    return parse_command((b"a FETCH 1 " + first, *rest), COMMANDS).args


@pytest.mark.parametrize(
    ("text", "items"),
    [
        (b"FAST", FAST),
        (b"all", (*FAST, A.ENVELOPE)),
        (b"FULL", (*FAST, A.ENVELOPE, A.BODY)),
        (b"(FLAGS)", (A.FLAGS,)),
        (b"(uid flags UID)", (A.UID, A.FLAGS)),
        *((item.value.encode(), (item,)) for item in Attribute),
        (b"(PREVIEW (LAZY) UID)", (A.PREVIEW_LAZY, A.UID)),
        (b"(PREVIEW UID)", (A.PREVIEW, A.UID)),
        (b"BODY[]", (BodySection(),)),
        (b"body.peek[]", (BodySection(peek=True),)),
        (b"BODY[TEXT]", (BodySection(text=T.TEXT),)),
        (b"BODY[header]", (BodySection(text=T.HEADER),)),
        (b"BODY[1]", (BodySection((1,)),)),
        (b"BODY[1.2.3]<0.100>", (BodySection((1, 2, 3), partial=Partial(0, 100)),)),
        (b"BODY[4.MIME]", (BodySection((4,), T.MIME),)),
        (b"BODY[4.1.Header]", (BodySection((4, 1), T.HEADER),)),
        (
            b"BODY.PEEK[HEADER.FIELDS (From X-Y)]<5.6>",
            (
                BodySection(
                    (), T.HEADER_FIELDS, ("From", "X-Y"), partial=Partial(5, 6), peek=True
                ),
            ),
        ),
        (
            b'BODY[2.HEADER.FIELDS.NOT ("To" Cc)]',
            (BodySection((2,), T.HEADER_FIELDS_NOT, ("To", "Cc")),),
        ),
        (b"(BINARY[1.2] BINARY.PEEK[]<1.2>)", (
            BinarySection((1, 2)),
            BinarySection(partial=Partial(1, 2), peek=True),
        )),
        (b"BINARY.SIZE[3]", (BinarySize((3,)),)),
    ],
)  # fmt: skip
def test_items(text, items):
    assert parse(text).items == items


def test_field_names_can_be_literals():
    got = parse(b"BODY[HEADER.FIELDS (To ", Literal(b"Cc"), b")]")
    assert got.items == (BodySection((), T.HEADER_FIELDS, ("To", "Cc")),)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"FETCH $ UID", Fetch(SequenceSet(saved=True), (A.UID,))),
        (
            b"FETCH 1 UID (CHANGEDSINCE 7)",
            Fetch(SequenceSet.parse(b"1"), (A.UID,), changed_since=7),
        ),
        (
            b"UID FETCH 1:* (FLAGS) (CHANGEDSINCE 7 VANISHED)",
            Fetch(SequenceSet.parse(b"1:*"), (A.FLAGS,), 7, vanished=True, uid=True),
        ),
    ],
)
def test_commands(text, value):
    assert parse_command((b"a " + text,), COMMANDS).args == value


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"()",
        b"(FLAGS",
        b"(FLAGS  UID)",
        b"(FAST)",
        b"(ALL UID)",
        b"OTHER",
        b"BODY.PEEK",
        b"BODY[",
        b"BODY[0]",
        b"BODY[01]",
        b"BODY[1.]",
        b"BODY[.1]",
        b"BODY[1TEXT]",
        b"BODY[.TEXT]",
        b"BODY[MIME]",
        b"BODY[TEXT.1]",
        b"BODY[HEADER.FIELDS]",
        b"BODY[HEADER.FIELDS ()]",
        b"BODY[HEADER (To)]",
        b"BODY[HEADER.FIELDS (To]",
        b"BODY[]<0>",
        b"BODY[]<0.0>",
        b"BODY[]<0.9999999999999999999>",
        b"BODY[" + b".".join([b"1"] * 101) + b"]",
        b"BODY[HEADER.FIELDS (" + b" ".join([b"a"] * 1001) + b")]",
        b"(" + b" ".join(b"BODY[%d]" % i for i in range(1, 1002)) + b")",
        b"FLAGS[]",
        b"BINARY[TEXT]",
        b"BINARY",
        b"BINARY.SIZE[1]<0.1>",
        b"PREVIEW (SLOW)",
        b"FLAGS (CHANGEDSINCE)",
        b"FLAGS (CHANGEDSINCE 7 VANISHED)",
        b"FLAGS (OTHER 7)",
        b"FLAGS UID",
    ],
)
def test_what_is_refused(text):
    with pytest.raises(CommandError) as caught:
        parse(text)
    assert caught.value.tag == "a"


def test_vanished_needs_changedsince():
    with pytest.raises(CommandError):
        parse_command((b"a UID FETCH 1 FLAGS (VANISHED)",), COMMANDS)
