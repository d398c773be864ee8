"""DMARC records: what makes one, and what becomes of tags that can't be read (RFC 9989 §4.7)."""

import time
from typing import Any

import pytest

from pillarbox.formats.mailauth.dmarc.record import (
    RECORD_CHARS,
    URIS_MAX,
    Disposition,
    Psd,
    Record,
    ReportUri,
    parse_record,
    parse_report_uri,
)

NONE, QUARANTINE, REJECT = Disposition.NONE, Disposition.QUARANTINE, Disposition.REJECT


def read(text: str) -> Record:
    record = parse_record(text)
    assert record is not None
    return record


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=spf1 -all",
        "v=DMARC1 p=reject",
        "v=dmarc1; p=reject",
        "v=DMARC2; p=reject",
        "v=DMARC10; p=reject",
        "p=reject; v=DMARC1",
        "; v=DMARC1; p=reject",
        "v; p=reject",
        "DMARC1; p=reject",
        "v=DMARC1;" + " " * RECORD_CHARS,
    ],
)
def test_what_is_no_record(text: str) -> None:
    assert parse_record(text) is None


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("v=DMARC1", {}),
        ("v=DMARC1;", {}),
        (" v = DMARC1 ;\tp = Reject ; ", {"policy": REJECT}),
        ("V=DMARC1;P=QUARANTINE", {"policy": QUARANTINE}),
        (
            "v=DMARC1;p=none;sp=quarantine;np=reject",
            {"subdomain_policy": QUARANTINE, "nonexistent_policy": REJECT},
        ),
        ("v=DMARC1; adkim=s; aspf=S", {"strict_dkim": True, "strict_spf": True}),
        ("v=DMARC1; adkim=strict; aspf=; psd=yes; t=1", {}),
        ("v=DMARC1; psd=y", {"psd": Psd.YES}),
        ("v=DMARC1; psd=N", {"psd": Psd.NO}),
        ("v=DMARC1; psd=u; t=y", {"testing": True}),
        ("v=DMARC1; pct=30", {"percent": 30}),
        ("v=DMARC1; pct=300", {}),
        ("v=DMARC1; pct=-1", {}),
        ("v=DMARC1; pct=0; t=n", {}),  # who writes t= means the newer specification
        ("v=DMARC1; ri=3600; rf=afrf; unknown=x; ri=1", {"interval_s": 3600}),
        ("v=DMARC1; p=reject; p=none", {"policy": REJECT}),
        ("v=DMARC1; p=reject; nonsense; =x; a b=c; sp", {"policy": REJECT}),
        ("v=DMARC1; fo=1:d", {}),  # says nothing without ruf=
        (
            "v=DMARC1; fo=1:d; ruf=mailto:a@b.test",
            {"failure_options": "1:d", "ruf": ("mailto:a@b.test",)},
        ),
        ("v=DMARC1; rua=mailto:a@b.test!10m, https://c.test/x ,bad, :x,mailto:", {
            "rua": ("mailto:a@b.test!10m", "https://c.test/x"),
        }),
    ],
)  # fmt: skip
def test_tags(text: str, changed: dict[str, Any]) -> None:
    record = read(text)
    expected = {"policy": NONE, "tags": record.tags} | changed
    assert record == Record(**expected)


@pytest.mark.parametrize("tags", ["p=ignore", "p=", "p=reject; sp=bad", "p=reject; np=junk"])
@pytest.mark.parametrize(
    ("rua", "usable"),
    [("", False), ("; rua=nowhere", False), ("; rua=mailto:a@b.test", True)],
)
def test_a_policy_that_cannot_be_read(tags: str, rua: str, usable: bool) -> None:
    """Whoever wants reports is taken to ask for nothing else (RFC 9989 §4.10.1)."""
    record = read(f"v=DMARC1; {tags}{rua}")
    assert record.policy is NONE
    assert record.for_subdomains(True) is record.for_subdomains(False) is NONE
    assert record.usable is usable


@pytest.mark.parametrize(
    ("tags", "existing", "others"),
    [
        ("p=reject", REJECT, REJECT),
        ("p=reject; sp=none", NONE, NONE),
        ("p=reject; np=none", REJECT, NONE),
        ("p=none; sp=quarantine; np=reject", QUARANTINE, REJECT),
    ],
)
def test_subdomains(tags: str, existing: Disposition, others: Disposition) -> None:
    record = read(f"v=DMARC1; {tags}")
    assert record.for_subdomains(True) is existing
    assert record.for_subdomains(False) is others


@pytest.mark.parametrize(
    ("published", "uri", "size_max", "address"),
    [
        ("mailto:a@B.test", "mailto:a@B.test", None, "a@b.test"),
        ("MAILTO:a@b.test!50", "MAILTO:a@b.test", 50, "a@b.test"),
        ("mailto:a@b.test!10k", "mailto:a@b.test", 10 << 10, "a@b.test"),
        ("mailto:a@b.test!1T", "mailto:a@b.test", 1 << 40, "a@b.test"),
        ("mailto:a@b.test?subject=x!2m", "mailto:a@b.test?subject=x", 2 << 20, "a@b.test"),
        ("mailto:a@b.test!x", "mailto:a@b.test!x", None, ""),
        ("mailto:a@b@c.test", "mailto:a@b@c.test", None, ""),
        ("https://b.test/a@b!3g", "https://b.test/a@b", 3 << 30, ""),
    ],
)
def test_report_uris(published: str, uri: str, size_max: int | None, address: str) -> None:
    read_uri = parse_report_uri(published)
    assert read_uri == ReportUri(uri, size_max)
    assert read_uri.address == address


def test_only_so_many_are_read() -> None:
    many = ",".join(f"mailto:a{n}@b.test" for n in range(100))
    assert len(read(f"v=DMARC1; rua={many}").rua) == URIS_MAX
    assert len(read("v=DMARC1" + "".join(f";x{n}=y" for n in range(500))).tags) == 64


@pytest.mark.parametrize("piece", [";", "=", ",", "a", "!", ":", " ", "rua=,", "mailto:", "@"])
def test_reading_takes_no_time(piece: str) -> None:
    begun = time.process_time()
    record = read("v=DMARC1; rua=" + piece * ((RECORD_CHARS - 20) // len(piece)))
    for one in record.rua:
        parse_report_uri(one)
    assert time.process_time() - begun < 0.5
