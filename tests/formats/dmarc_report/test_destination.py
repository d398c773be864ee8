"""Reports go only to addresses that want them, of those that a domain names."""

import pytest

from pillarbox.formats.dmarc_report.destination import (
    Destination,
    allowed,
    is_external,
    parse_uris,
    question,
)

THERE = Destination("a@there.test")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("mailto:a@there.test", THERE),
        (" MAILTO:a@there.test ", THERE),
        ("mailto:a@there.test!10m", Destination("a@there.test", 10 << 20)),
        ("mailto:a@there.test!50K", Destination("a@there.test", 50 << 10)),
        ("mailto:a@there.test!2000", Destination("a@there.test", 2000)),
        ("mailto:a%21b@there.test", Destination("a!b@there.test")),
        ("mailto:a@there.test?subject=x", THERE),
    ],
)
def test_uris(uri: str, expected: Destination) -> None:
    assert parse_uris([uri]) == (expected,)


@pytest.mark.parametrize(
    "uri", ["", "https://there.test/", "a@there.test", "mailto:", "mailto:a", "mailto:a@b%0d%0ax"]
)
def test_what_is_no_address(uri: str) -> None:
    assert parse_uris([uri]) == ()


def test_each_once_and_not_too_many() -> None:
    assert parse_uris(["mailto:a@there.test", "mailto:A@there.test"]) == (THERE,)
    assert len(parse_uris(f"mailto:a{n}@there.test" for n in range(99))) == 5


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("a@there.test", False),
        ("a@Sub.There.Test", False),
        ("a@nothere.test", True),
        ("a@test", True),
        ("a@else.test", True),
    ],
)
def test_who_is_external(address: str, expected: bool) -> None:
    assert is_external(Destination(address), "there.test") is expected


def test_without_an_organizational_domain() -> None:
    assert is_external(THERE, "")


def test_the_question() -> None:
    assert question(THERE, "blue.test") == "blue.test._report._dmarc.there.test"
    assert question(THERE, "x" * 64 + ".test") is None
    assert question(Destination("a@b..test"), "blue.test") is None
    assert question(THERE, ".".join(["x" * 60] * 4)) is None


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((), ()),
        (("v=spf1",), ()),
        (("p=none; v=DMARC1",), ()),
        (("v=dmarc1",), ()),
        (("v=DMARC1",), (THERE,)),
        (("v=DMARC1;",), (THERE,)),
        (("other", " v = DMARC1 ; p=none"), (THERE,)),
        (("v=DMARC1; rua=mailto:b@there.test",), (Destination("b@there.test"),)),
        (("v=DMARC1; rua=https://there.test",), (THERE,)),
        (("v=DMARC1; rua=mailto:b@else.test",), ()),
        (("v=DMARC1; rua=mailto:b@there.test,mailto:b@sub.there.test",), ()),
    ],
)
def test_who_allows_it(texts: tuple[str, ...], expected: tuple[Destination, ...]) -> None:
    assert allowed(THERE, texts) == expected
