"""Reports are read tolerantly, and not without limits."""

import time
from datetime import UTC, datetime

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.dmarc_report import read
from pillarbox.formats.dmarc_report.model import Reason, Record
from pillarbox.formats.dmarc_report.read import decode

HEAD = (
    "<report_metadata><org_name>A</org_name><report_id>1</report_id><date_range><begin>1</begin>"
    "<end>2</end></date_range></report_metadata><policy_published><domain>A.test.</domain>"
    "</policy_published>"
)


def report(records: str = "", head: str = HEAD) -> bytes:
    return f"<feedback>{head}{records}</feedback>".encode()


def test_little_is_needed() -> None:
    found = decode(report())
    assert (found.organization, found.id, found.policy.domain) == ("A", "1", "a.test")
    assert (found.start, found.end) == (
        datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
        datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC),
    )
    assert found.records == ()


def test_a_record_of_nothing() -> None:
    assert decode(report("<record/>")).records == (Record("", 0),)


def test_spellings() -> None:
    found = decode(
        report(
            "<x:record xmlns:x='y'><row><source_ip> [2001:DB8::1] </source_ip><count>3.0</count>"
            "<policy_evaluated><disposition>Quarantine</disposition><DKIM>PASS</DKIM><spf>Fail</spf>"
            "<reason><type>Mailing_List</type><comment>a&amp;b\x7f</comment></reason>"
            "</policy_evaluated></row><identities><header_from>B.A.test</header_from>"
            "</identities></x:record>"
        )
    )
    assert found.records == (
        Record(
            "2001:db8::1",
            3,
            "quarantine",
            True,
            False,
            (Reason("mailing_list", "a&b "),),
            "b.a.test",
        ),
    )


@pytest.mark.parametrize("text", ["2026-01-01 00:00:00", "2026-01-01T00:00:00Z", "1767225600.0"])
def test_dates(text: str) -> None:
    found = decode(report(head=HEAD.replace("<begin>1<", f"<begin>{text}<")))
    assert found.start == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + report(),
        b"\r\n " + report() + b"\0\r\n",
        b'<?xml version="1.0" encoding="windows-1252"?>' + report(),
        '<?xml version="1.0" encoding="utf-16"?>'.encode("utf-16")
        + report().decode().encode("utf-16")[2:],
    ],
)
def test_encodings(content: bytes) -> None:
    assert decode(content).id == "1"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no xml",
        b"<feedback>",
        b"<feedback/>",
        b"<other/>",
        report() + b"more",
        b'<?xml version="1.0" encoding="none"?>' + report(),
        b'<?xml version="1.0" encoding="shift_jis"?>' + report(),
        report(head=HEAD.replace("A.test.", "")),
        report(head=HEAD.replace("<report_id>1", "<report_id>")),
        report(head=HEAD.replace("<begin>1", "<begin>soon")),
        report(head=HEAD.replace("<begin>1", "<begin>0001-01-01 00:00:00 +2300")),
        b"<!DOCTYPE feedback>" + report(),
        b'<!DOCTYPE feedback SYSTEM "http://127.0.0.1/x">' + report(),
        b'<!DOCTYPE feedback [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
        + report("<record>&b;</record>"),
        report("<record>&a;</record>"),
        report("<a>" * 50 + "</a>" * 50),
        report("<record>" + "<a/>" * 1001 + "</record>"),
        report("<a/>" * 1001),
        report("<record/>" * 10_001),
        b" " * (read.MAX_XML_BYTES + 1),
        report("<a " + " ".join(f"a{n}='x'" for n in range(20_000)) + "/>"),
        report("<!--" + "x" * read.TAG_BYTES_MAX + "-->"),
    ],
)
def test_no_report(content: bytes) -> None:
    with pytest.raises(GrammarError):
        decode(content)


def test_texts_across_pieces() -> None:
    comment = "<!--" + "x" * (read.TAG_BYTES_MAX - 1000) + "-->"
    record = "<record><row><count>7</count></row></record>"
    found = decode(report((comment + record) * 20))
    assert [one.count for one in found.records] == [7] * 20


def test_numbers_of_any_size() -> None:
    record = "<record><row><count>%s</count></row></record>"
    texts = ["-1", "9" * 19, "9" * 30, "x", "٣"]
    counts = [one.count for one in decode(report("".join(record % text for text in texts))).records]
    assert counts == [0, (1 << 63) - 1, 0, 0, 0]


@pytest.mark.parametrize(
    "piece",
    [
        "<record><row><count>1</count></row></record>",
        "<record><auth_results>" + "<dkim/>" * 500 + "</auth_results></record>",
        "<a/>",
        "<a>" + "x" * 5000 + "</a>",
        "x" * 5000,
        "&lt;",
        "<a b='c'/>",
        "<!-- x -->",
    ],
)
def test_long_ones_take_no_longer_than_their_size(piece: str) -> None:
    content = report(piece * (read.MAX_XML_BYTES // len(piece) - 100))
    start = time.process_time()
    try:
        decode(content)
    except GrammarError:
        pass
    assert time.process_time() - start < 4
