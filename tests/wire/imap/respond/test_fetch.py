import pytest

from pillarbox.wire.imap.parse.command import parse_command
from pillarbox.wire.imap.parse.table import COMMANDS
from pillarbox.wire.imap.respond import fetch


def test_flags_of_many_messages():
    lines = fetch.fetch_flags([1, 3], [10, 30], [b"()", b"(\\Seen)"], [7, 8])
    assert lines == (
        b"* 1 FETCH (UID 10 FLAGS () MODSEQ (7))\r\n"
        b"* 3 FETCH (UID 30 FLAGS (\\Seen) MODSEQ (8))\r\n"
    )
    assert fetch.fetch_flags([1], None, [b"()"]) == b"* 1 FETCH (FLAGS ())\r\n"
    assert fetch.fetch_flags([], None, []) == b""


def test_columns_are_pasted_in_order():
    columns = [
        fetch.Column(fetch.SIZE_FORM, [5]),
        fetch.Column(fetch.ENVELOPE_FORM, [b"(NIL %d)"]),
        fetch.Column(fetch.labelled_form(b'BODY[HEADER.FIELDS ("a%b")]'), [b"{1}\r\n%"]),
    ]
    assert fetch.fetch_columns([2], columns) == (
        b'* 2 FETCH (RFC822.SIZE 5 ENVELOPE (NIL %d) BODY[HEADER.FIELDS ("a%b")] {1}\r\n%)\r\n'
    )


def test_columns_must_be_of_one_length():
    with pytest.raises(ValueError, match="zip"):
        fetch.fetch_flags([1, 2], None, [b"()"])


@pytest.mark.parametrize(
    ("request_item", "label"),
    [
        (b"BODY[]", b"BODY[]"),
        (b"BODY.PEEK[]<5.7>", b"BODY[]<5>"),
        (b"BODY[1.2.MIME]", b"BODY[1.2.MIME]"),
        (b"BODY[3]<0.1>", b"BODY[3]<0>"),
        (b"BODY[text]", b"BODY[TEXT]"),
        (b"BODY[HEADER.FIELDS (From X-Y)]", b"BODY[HEADER.FIELDS (From X-Y)]"),
        (b'BODY[1.HEADER.FIELDS.NOT ("a b")]', b'BODY[1.HEADER.FIELDS.NOT ("a b")]'),
        (b"BINARY.PEEK[1.2]<3.4>", b"BINARY[1.2]<3>"),
        (b"BINARY.SIZE[1]", b"BINARY.SIZE[1]"),
    ],
)
def test_labels_repeat_the_request(request_item, label):
    item = parse_command((b"a FETCH 1 " + request_item,), COMMANDS).args.items[0]
    if request_item.startswith(b"BODY"):
        assert fetch.section_label(item) == label
    else:
        assert fetch.binary_label(item) == label
