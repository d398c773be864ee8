import pytest

from pillarbox.wire.imap.respond import replies


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (replies.status_response("OK", "done", tag="a1"), b"a1 OK done\r\n"),
        (replies.status_response("BYE", "so long"), b"* BYE so long\r\n"),
        (
            replies.status_response("NO", "no such mailbox", tag="a", code=b"TRYCREATE"),
            b"a NO [TRYCREATE] no such mailbox\r\n",
        ),
        (replies.status_response("BAD", "a\r\nb OK\0", tag="a"), b"a BAD a b OK \r\n"),
        (replies.status_response("OK", ""), b"* OK -\r\n"),
        (replies.status_response("NO", "[x] y"), b"* NO x] y\r\n"),
        (replies.continuation(), b"+ go ahead\r\n"),
        (replies.challenge(b""), b"+ \r\n"),
        (replies.challenge(b"YQ=="), b"+ YQ==\r\n"),
    ],
)
def test_lines(line, text):
    assert line == text


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (replies.append_uid_code(7, [3, 4, 9]), b"APPENDUID 7 3:4,9"),
        (replies.copy_uid_code(7, [(1, 5), (2, 6), (4, 7)]), b"COPYUID 7 1:2,4 5:6,7"),
        (replies.copy_uid_code(7, [(1, 5), (2, 7)]), b"COPYUID 7 1,2 5,7"),
        (replies.modified_code([1, 2, 5]), b"MODIFIED 1:2,5"),
        (replies.number_code("UIDNEXT", 9), b"UIDNEXT 9"),
        (replies.permanent_flags_code((r"\Seen", r"\*")), b"PERMANENTFLAGS (\\Seen \\*)"),
        (replies.capability_code(("A", "B")), b"CAPABILITY A B"),
        (replies.mailbox_id_code("M1"), b"MAILBOXID (M1)"),
    ],
)
def test_codes(code, text):
    assert code == text
