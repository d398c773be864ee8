import pytest

from pillarbox.wire.imap.respond.status import status


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (
            status("ü", (("MESSAGES", 3), ("APPENDLIMIT", None)), utf8=False),
            b'* STATUS "&APw-" (MESSAGES 3 APPENDLIMIT NIL)\r\n',
        ),
        (status("a", (("MAILBOXID", "M1"),), utf8=True), b'* STATUS "a" (MAILBOXID (M1))\r\n'),
    ],
)
def test_lines(line, text):
    assert line == text
