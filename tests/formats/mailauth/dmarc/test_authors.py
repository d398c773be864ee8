"""Whom a message names in From: what any reader may show counts."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.formats.mailauth.dmarc.authors import Authors, read_authors

CLEAR = (
    ("Ann <ann@example.org>", ("example.org",)),
    ("Ann, Bob <bob@Example.ORG.>", ("example.org",)),
    ('"Ann <ann@other.test>" <bob@example.org>', ("example.org",)),
    ("ann@example.org <ann@example.org>", ("example.org",)),
    ("Friends: ann@example.org, bob@example.org;", ("example.org",)),
    ("ann@(at)example.org", ("example.org",)),
    ("root@my_host", ("my_host",)),
    ("ann@bücher.example", ("xn--bcher-kva.example",)),
)
ODD = (
    ("", ()),
    ("MAILER-DAEMON (Mail Delivery)", ()),
    ("root@(none)", ()),
    ('"ann@example.org"', ("example.org",)),
    ('"ann@example.org"@ok.test', ("ok.test", "example.org")),
    ("<ann@ok.test>, <bob@example.org>", ("ok.test", "example.org")),
    ("<ann@ok.test> <bob@example.org>", ("ok.test", "example.org")),
)


@pytest.mark.parametrize(("value", "domains"), CLEAR)
def test_one_domain(value: str, domains: tuple[str, ...]) -> None:
    assert read_authors([value.encode()]) == Authors(domains, True, False)


@pytest.mark.parametrize(("value", "domains"), ODD)
def test_none_for_certain(value: str, domains: tuple[str, ...]) -> None:
    assert read_authors([value.encode()]) == Authors(domains, False, False)


def test_a_header_that_was_not_seen_whole() -> None:
    found = read_authors([b"ann@example.org"], whole=False)
    assert found == Authors(("example.org",), False, True)


@given(st.lists(st.binary(max_size=200), max_size=3))
def test_any_bytes(values: list[bytes]) -> None:
    found = read_authors(values)
    assert not found.certain or len(found.domains) == 1


@pytest.mark.parametrize("piece", [b"a@", b"<", b"<a@b.c>", b"=?", b'"', b"a@b.c,", b"(", b"@ x"])
def test_linear_time(piece: bytes) -> None:
    began = time.process_time()
    read_authors([piece * (256 * 1024 // len(piece))])
    assert time.process_time() - began < 1.0
