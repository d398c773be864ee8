import pytest

from pillarbox.wire.imap.respond.any_state import capability, enabled, server_id


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (capability(("IMAP4rev2", "AUTH=PLAIN")), b"* CAPABILITY IMAP4rev2 AUTH=PLAIN\r\n"),
        (enabled(("CONDSTORE",)), b"* ENABLED CONDSTORE\r\n"),
        (enabled(()), b"* ENABLED\r\n"),
        (server_id((("name", "mail"), ("os", None))), b'* ID ("name" "mail" "os" NIL)\r\n'),
        (server_id(()), b"* ID NIL\r\n"),
    ],
)
def test_lines(line, text):
    assert line == text
