from pillarbox.wire.imap.respond.metadata import changed, metadata
from pillarbox.wire.imap.respond.quota import quota, quota_root


def test_values_with_nul_are_told_as_literal8():
    told = metadata("INBOX", [("/shared/a", b"\0"), ("/shared/b", None)], utf8=False)
    assert told == b'* METADATA "INBOX" (/shared/a ~{1}\r\n\0 /shared/b NIL)\r\n'


def test_names_of_what_changed():
    assert changed("a", ["/x", "/y"], utf8=True) == b'* METADATA "a" /x /y\r\n'


def test_names_that_are_no_atoms_are_quoted():
    told = metadata("a", [("/shared/a b", b"1"), ('/shared/x"{5}) (', None)], utf8=False)
    assert told == b'* METADATA "a" ("/shared/a b" "1" "/shared/x\\"{5}) (" NIL)\r\n'
    assert changed("a", ["/shared/a b", "/x"], utf8=False) == b'* METADATA "a" "/shared/a b" /x\r\n'


def test_quota():
    assert quota("a b", [("STORAGE", 1, 2)]) == b'* QUOTA "a b" (STORAGE 1 2)\r\n'
    assert quota_root("Ö", ["r"], utf8=False) == b'* QUOTAROOT "&ANY-" "r"\r\n'
