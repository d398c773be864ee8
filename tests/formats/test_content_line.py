"""Content lines: whatever people send is read, and written again as it was.

Carets in parameters are those of RFC 6868.
"""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import (
    ContentLine,
    decode_text,
    encode_text,
    parse_content,
    parse_lines,
    split_values,
    text_of,
    unfold,
)


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\r\r\n"])
def test_any_line_end_and_folds(end: str) -> None:
    text = end.join(("SUMMARY:one", " two", "\tthree", "", "UID:x", ""))
    expected = [ContentLine("SUMMARY", "onetwothree"), ContentLine("UID", "x")]
    assert parse_lines(text, 10) == expected
    assert parse_content(text.encode(), 10) == expected


def test_folds_inside_of_a_character() -> None:
    content = "SUMMARY:Grü".encode()[:-1] + b"\r\n " + "ü".encode()[1:] + b"n\r\n"
    assert parse_content(content, 5)[0].value == "Grün"
    assert text_of(content) == "SUMMARY:Grün\r\n"
    assert text_of(b"\xef\xbb\xbfA:b\n c\n") == "A:b\n c\n"


@pytest.mark.parametrize(
    ("line", "names", "params", "value"),
    [
        (
            "item1.email;type=INTERNET;TYPE=home:a@b",
            ("item1", "EMAIL"),
            [("TYPE", ["INTERNET"]), ("TYPE", ["home"])],
            "a@b",
        ),
        (
            'ATTENDEE;CN="Doe; Jane: x, y";ROLE=CHAIR:mailto:a@b',
            ("", "ATTENDEE"),
            [("CN", ["Doe; Jane: x, y"]), ("ROLE", ["CHAIR"])],
            "mailto:a@b",
        ),
        ("TEL;HOME;VOICE:1", ("", "TEL"), [("HOME", []), ("VOICE", [])], "1"),
        ('X;A="b","c",d:e', ("", "X"), [("A", ["b", "c", "d"])], "e"),
        ("X;CN=a^nb^^c^'d^x:e", ("", "X"), [("CN", ['a\nb^c"d^x'])], "e"),
        ("X;A=:e", ("", "X"), [("A", [""])], "e"),
        ('X;CN="open:e', ("", "X"), [("CN", ['"open'])], "e"),
        (
            "DTSTART;TZID=(UTC+01:00) Berlin:20240101T000000",
            ("", "DTSTART"),
            [("TZID", ["(UTC+01:00) Berlin"])],
            "20240101T000000",
        ),
    ],
)
def test_parameters(
    line: str, names: tuple[str, str], params: list[tuple[str, list[str]]], value: str
) -> None:
    group, name = names
    parsed = parse_lines(line, 1)[0]
    assert parsed == ContentLine(name, value, params, group)
    assert parse_lines(parsed.written(), 1) == [parsed]


def test_lines_share_nothing() -> None:
    first, second = parse_lines("A;B=c:d\nA;B=c:d", 2)
    first.params[0][1].append("e")
    assert second.params == [("B", ["c"])]
    copied = second.copy()
    copied.set_param("B", "f")
    copied.set_param("G", "h")
    assert copied.written() == "A;B=f;G=h:d\r\n"
    copied.set_param("B", None)
    assert copied.written() == "A;G=h:d\r\n"
    assert second.param("B") == "c"
    assert second.param("G") is None


def test_written_lines_are_folded_between_characters() -> None:
    line = ContentLine("SUMMARY", "äö€😀" * 40)
    written = line.written()
    assert all(len(piece.encode()) <= 75 for piece in written.split("\r\n"))
    assert parse_lines(written, 1) == [line]
    assert ContentLine("A", "b\r\nEND:VEVENT").written() == "A:b\\nEND:VEVENT\r\n"
    assert ContentLine("A", "b", [("C", ['d"\r\ne'])]).written() == "A;C=d^'^ne:b\r\n"


@pytest.mark.parametrize(
    ("content", "position"),
    [
        (b"A:b\r\nno colon\r\n", 5),
        (b"A:b\r\n c\r\n:x\r\n", 9),
        (b"A:b\n<>:c\n", 4),
        (b"A:\xff", 2),
        (b"A:\0", 2),
    ],
)
def test_what_is_wrong_has_its_place(content: bytes, position: int) -> None:
    with pytest.raises(GrammarError) as caught:
        parse_content(content, 10)
    assert caught.value.position == position


def test_lines_are_counted() -> None:
    assert len(parse_lines("A:b\n" * 10, 10)) == 10
    for text in ("A:b\n" * 11, "\n" * 100):
        with pytest.raises(GrammarError):
            parse_lines(text, 10)


def test_text_values() -> None:
    assert decode_text(r"a\nb\Nc\,d\;e\\f\:g\"h\x") == 'a\nb\nc,d;e\\f:g"h\\x'
    assert encode_text("a\r\nb,c;d\\e") == r"a\nb\,c\;d\\e"
    assert split_values(r"a\,b,c\\,,d") == [r"a\,b", r"c\\", "", "d"]
    assert split_values(r"a;b\;c", ";") == ["a", r"b\;c"]
    assert unfold(b"A:b\r\n\r\nC:d") == "A:b\n\nC:d"


def test_a_line_has_so_many_parameters() -> None:
    assert len(parse_lines("X" + ";A=b" * 1000 + ":v", 10)[0].params) == 1000
    members = ",".join(['"mailto:a@b.example"'] * 5000)
    assert len(parse_lines(f"X;MEMBER={members}:v", 10)[0].params[0][1]) == 5000
    for head in ("X" + ";A=b" * 1001, "X;A=" + "b," * 10_001, "X;A=" + '"b",' * 10_001):
        with pytest.raises(GrammarError, match="too many parameters"):
            parse_lines(head + ":v", 10)
