import pytest

from pillarbox.wire.imap.respond.select import exists, flags, recent


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (exists(3), b"* 3 EXISTS\r\n"),
        (recent(0), b"* 0 RECENT\r\n"),
        (flags((r"\Seen", "$a")), b"* FLAGS (\\Seen $a)\r\n"),
    ],
)
def test_lines(line, text):
    assert line == text
