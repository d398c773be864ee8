import pytest

from kit.imap_grammar import assert_bad, parse
from pillarbox.wire.imap.parse.quota import GetQuota, GetQuotaRoot, SetQuota

GOOD = [
    (b'GETQUOTA ""', GetQuota("")),
    (b"GETQUOTAROOT inbox", GetQuotaRoot("INBOX")),
    (b'SETQUOTA "a" (storage 5 MESSAGE 6)', SetQuota("a", (("STORAGE", 5), ("MESSAGE", 6)))),
    (b'SETQUOTA "a" ()', SetQuota("a", ())),
]
BAD = [
    b"GETQUOTA",
    b"GETQUOTAROOT",
    b"SETQUOTA a",
    b"SETQUOTA a (STORAGE)",
    b"SETQUOTA a (STORAGE -1)",
    b"SETQUOTA a (" + b" ".join([b"X 1"] * 21) + b")",
]


@pytest.mark.parametrize(("text", "value"), GOOD)
def test_what_is_understood(text, value):
    assert parse(text) == value


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused(text):
    assert_bad(text)
