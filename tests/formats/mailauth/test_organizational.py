"""The registrable part of domains; the vectors are those of the list's own project."""

import re
from pathlib import Path

import pytest

from pillarbox.formats.mailauth.organizational import registrable

VECTORS = Path(__file__).parents[4] / "shared" / "conformance" / "psl" / "test_psl.txt"
CASE = re.compile(r"^checkPublicSuffix\((?:'([^']*)'|null), (?:'([^']*)'|null)\);", re.MULTILINE)


def cases() -> list[tuple[str, str]]:
    if not VECTORS.is_file():
        return []
    return [(domain, wanted) for domain, wanted in CASE.findall(VECTORS.read_text("utf-8"))]


@pytest.mark.skipif(not VECTORS.is_file(), reason=f"no vectors in {VECTORS.name}")
def test_every_vector_is_read() -> None:
    lines = VECTORS.read_text("utf-8").splitlines()
    assert len(cases()) == sum(line.startswith("checkPublicSuffix(") for line in lines) > 70


@pytest.mark.skipif(not VECTORS.is_file(), reason=f"no vectors in {VECTORS.name}")
@pytest.mark.parametrize(("domain", "wanted"), cases())
def test_vectors(domain: str, wanted: str) -> None:
    assert registrable(domain) == wanted


@pytest.mark.parametrize(
    ("domain", "wanted"),
    [
        ("mail.example.org.", "example.org"),
        ("A.B.Example.CO.UK", "example.co.uk"),
        ("someone.github.io", "someone.github.io"),
        ("github.io", ""),
        ("localhost", ""),
        ("[192.0.2.1]", ""),
        ("[IPv6:2001:db8::1]", ""),
        ("a..example.org", ""),
        ("x." * 200 + "org", ""),
        ("", ""),
        (".", ""),
    ],
)
def test_other_names(domain: str, wanted: str) -> None:
    assert registrable(domain) == wanted
