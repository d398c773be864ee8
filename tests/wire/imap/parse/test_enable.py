import pytest

from kit.imap_grammar import assert_bad, parse
from pillarbox.wire.imap.parse.enable import Enable

GOOD = [
    (b"ENABLE condstore", Enable(("CONDSTORE",))),
    (b"ENABLE UTF8=ACCEPT QRESYNC utf8=accept ", Enable(("UTF8=ACCEPT", "QRESYNC"))),
]
BAD = [b"ENABLE", b"ENABLE ", b"ENABLE (X)", b"ENABLE" + b" X" * 101]


@pytest.mark.parametrize(("text", "value"), GOOD)
def test_what_is_understood(text, value):
    assert parse(text) == value


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused(text):
    assert_bad(text)
