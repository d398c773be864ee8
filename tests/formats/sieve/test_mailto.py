"""The URIs of notifications (RFC 6068): what they say, and which are none."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.sieve.mailto import MAX_CHARACTERS, Mailto, mailto_uri, parse_mailto


@pytest.mark.parametrize(
    ("uri", "read"),
    [
        ("mailto:a@example.org", Mailto(("a@example.org",))),
        ("MAILTO:a@example.org,b@example.org", Mailto(("a@example.org", "b@example.org"))),
        ("mailto:?to=a@example.org", Mailto(("a@example.org",))),
        (
            "mailto:a@example.org?to=b@example.org%2Cc@x.org&cc=a@example.org,d@x.org",
            Mailto(("a@example.org", "b@example.org", "c@x.org"), ("d@x.org",)),
        ),
        ("mailto:a@example.org,a@example.org", Mailto(("a@example.org",))),
        ("mailto:%22a%20b%22@example.org", Mailto(('"a b"@example.org',))),
        ("mailto:a%2Bb@example.org", Mailto(("a+b@example.org",))),
        (
            "mailto:a@example.org?subject=Caf%C3%A9%20%0D%0ABcc:%20x",
            Mailto(("a@example.org",), subject="Caf\u00e9 Bcc: x"),
        ),
        (
            "mailto:a@example.org?body=one%0D%0Atwo%0Athree",
            Mailto(("a@example.org",), body="one\ntwo\nthree"),
        ),
        (
            "mailto:a@example.org?X-A=1&x-b=",
            Mailto(("a@example.org",), fields=(("X-A", "1"), ("x-b", ""))),
        ),
        (
            "mailto:a@example.org?From=x@y.z&bcc=x@y.z&Auto-Submitted=no&received=x&resent-to=x"
            "&content-type=text/html",
            Mailto(("a@example.org",)),
        ),
    ],
)
def test_read(uri: str, read: Mailto) -> None:
    assert parse_mailto(uri) == read


@pytest.mark.parametrize(
    "uri",
    [
        "", "mailto", "http://example.org", "mailto:", "mailto:?subject=x", "mailto:nobody",
        "mailto:stephan@example.org?header:=frop",
        "mailto:stephan@example.org?to=nico%23frop.example.org",
        "mailto:a@example.org?=x", "mailto:a@example.org?x", "mailto:a@example.org?&",
        "mailto:a@example.org,", "mailto:a b@example.org", "mailto:<a@example.org>",
        "mailto:a@example.org#x", "mailto:a@example.org?x=%", "mailto:%zz",
        "mailto:%ff@example.org", "mailto:a@\u00fc.org",
        "mailto:" + ",".join(f"a{n}@example.org" for n in range(6)),
        "mailto:a@example.org?" + "&".join(f"x{n}=1" for n in range(21)),
        "mailto:a@example.org?x=" + "y" * MAX_CHARACTERS,
    ],
)  # fmt: skip
def test_none(uri: str) -> None:
    with pytest.raises(GrammarError):
        parse_mailto(uri)


@pytest.mark.parametrize(
    "addresses",
    [
        ("a@example.org",),
        ("a+b@example.org", "c@example.org"),
        ('"a,b?c&d%"@example.org',),
        ("\u00fc@example.org",),
    ],
)
def test_there_and_back(addresses: tuple[str, ...]) -> None:
    assert parse_mailto(mailto_uri(addresses)).to == addresses
