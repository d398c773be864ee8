import pytest

from pillarbox.wire.imap.respond.expunge import expunged, vanished, vanished_earlier


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (expunged([3, 3]), b"* 3 EXPUNGE\r\n* 3 EXPUNGE\r\n"),
        (expunged([]), b""),
        (vanished([1, 2, 3, 7]), b"* VANISHED 1:3,7\r\n"),
        (vanished_earlier([(1, 3), (9, 9)]), b"* VANISHED (EARLIER) 1:3,9\r\n"),
    ],
)
def test_lines(line, text):
    assert line == text
