"""Any bytes as DMARC's aggregate reports and as feedback reports: a value, or nothing."""

import time
from contextlib import suppress

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pillarbox.base.errors import GrammarError
from pillarbox.domain.dmarc.analysis import analyse
from pillarbox.domain.dmarc.received import prepared
from pillarbox.formats import arf
from pillarbox.formats.dmarc_report import destination, mail, read
from pillarbox.formats.dmarc_report.write import encode
from pillarbox.formats.reporting import packed

FUZZ = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
_NAMES = (
    *("feedback", "version", "report_metadata", "org_name", "report_id", "date_range", "begin"),
    *("end", "error", "policy_published", "domain", "p", "testing", "record", "row", "source_ip"),
    *("count", "policy_evaluated", "disposition", "dkim", "spf", "reason", "type", "comment"),
    *("identifiers", "header_from", "envelope_to", "auth_results", "result", "scope", "x:dkim"),
    *("extensions", "extension"),
)
_TEXTS = st.one_of(
    st.sampled_from(["pass", "FAIL", "1", "-1", "9" * 25, "192.0.2.1", "::1%x", "2026-01-01 0:0"]),
    st.sampled_from(["&amp;", "&lt;", "&a;", "&#0;", "&#xD800;", "&#x202e;", "<![CDATA[<]]>"]),
    st.text(max_size=5).map(lambda text: text.replace("<", "").replace("&", "")),
)
ELEMENTS = st.recursive(
    _TEXTS,
    lambda inner: st.builds(
        lambda name, parts: f"<{name}>{''.join(parts)}</{name}>",
        st.sampled_from(_NAMES),
        st.lists(inner, max_size=5),
    ),
    max_leaves=30,
)
HEAD = (
    "<report_metadata><report_id>1</report_id><date_range><begin>1</begin><end>2</end>"
    "</date_range></report_metadata><policy_published><domain>a.test</domain></policy_published>"
)
DOCUMENTS = st.one_of(
    st.lists(ELEMENTS, max_size=6).map(lambda all: f"<feedback>{HEAD}{''.join(all)}</feedback>"),
    st.lists(ELEMENTS, max_size=6).map(
        lambda all: f"<feedback>{HEAD}<record>{''.join(all)}</record></feedback>"
    ),
    ELEMENTS,
    st.lists(st.sampled_from(["<", ">", "<feedback>", "<!DOCTYPE x>", "]]>", "<?x?>"])).map(
        "".join
    ),
).map(lambda text: text.encode("utf-8", "replace"))
PIECES = st.sampled_from(
    [
        *(b"\r\n", b"\n", b"\r\n\r\n", b" ", b"\0", b"\xff", b"--a\r\n", b"--a--\r\n"),
        b"Content-Type: multipart/report; report-type=feedback-report; boundary=a\r\n\r\n",
        b"Content-Type: message/feedback-report\r\n\r\n",
        b"Content-Type: message/rfc822\r\n\r\n",
        b"Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        b"Content-Type: application/gzip; name=a!b!1!2.xml.gz\r\n\r\n",
        b"Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        b"Subject: Report Domain: a.test\r\n",
        b"Feedback-Type: abuse\r\n",
        b"Version: 9999999999\r\n",
        b"Incidents: 0\r\n",
        b"Source-IP: [IPv6:::1]\r\n",
        b"Arrival-Date: Thu, 8 Mar 2005 14:00:00 EDT\r\n",
        b"Original-Rcpt-To: <a@b>\r\n",
        b"Original-Mail-From: <>\r\n",
        b"Reporting-MTA: dns;\r\n",
        b"Message-ID: <a@b>\r\n",
        b"\x1f\x8b\x08\0\0\0\0\0\0\xff",
        b"PK\x03\x04",
    ]
)
MESSAGES = st.lists(st.one_of(PIECES, st.binary(max_size=8)), max_size=40).map(b"".join)


@FUZZ
@given(st.one_of(DOCUMENTS, st.binary(max_size=50)))
def test_aggregate_reports(content: bytes) -> None:
    try:
        found = read.decode(content)
    except GrammarError:
        return
    again = read.decode(encode(found))
    assert [one.count for one in again.records] == [one.count for one in found.records]
    assert read.decode(encode(again)) == again
    kept = prepared(found)
    assert msgspec.json.decode(kept.head, type=type(found)).id == found.id
    sums = analyse([(one, 0) for one in kept.report.records])
    assert sums.messages >= sums.aligned >= max(sums.spf_pass, sums.dkim_pass)


@FUZZ
@given(MESSAGES)
def test_messages(content: bytes) -> None:
    mail.is_report(content)
    arf.is_feedback(content)
    with suppress(GrammarError):
        mail.extract(content)
    found = arf.parse_feedback(content)
    if found is not None:
        assert found.kind
        assert msgspec.json.decode(msgspec.json.encode(found), type=arf.Feedback) == found
        for text in (found.user_agent, found.original.subject, *found.original_rcpt_to):
            assert text.isprintable()


@FUZZ
@given(st.binary(max_size=60).map(lambda tail: b"PK\x03\x04" + tail))
def test_archives(content: bytes) -> None:
    for unpack in (packed.unpack, lambda file: packed.unzip(file, 1000, ".xml")):
        with suppress(GrammarError):
            unpack(content)


@FUZZ
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["mailto:", "a@b.test", "!", "10m", "%0d%0a", "v=DMARC1", ";", "rua="]),
            st.text(max_size=4),
        ),
        max_size=12,
    ).map("".join)
)
def test_destinations(text: str) -> None:
    there = destination.Destination("a@b.test")
    for one in (*destination.parse_uris([text]), *destination.allowed(there, [text])):
        assert one.address.isascii()
        assert one.address.isprintable()
        assert not set(one.address) & set('<>," ')


@pytest.mark.parametrize(
    "piece",
    [b"\r\n--b\r\n", b"Feedback-Type: x\r\n", b"\r\n ", b"<", b"Content-Type: multipart/x\r\n\r\n"],
)
def test_long_messages(piece: bytes) -> None:
    head = (
        b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n"
        b"Content-Type: message/feedback-report\r\n\r\n"
    )
    content = head + piece * (4_000_000 // len(piece))
    start = time.process_time()
    arf.parse_feedback(content)
    mail.is_report(content)
    with suppress(GrammarError):
        mail.extract(content)
    assert time.process_time() - start < 2
