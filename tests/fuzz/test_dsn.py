"""Reports: any bytes are read, and whatever is put into one comes out of it as it should."""

import email
import email.policy
from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pillarbox.formats.dsn.build import Frame, build
from pillarbox.formats.dsn.model import Action, Finding, Subject
from pillarbox.formats.dsn.parse import parse_report
from pillarbox.formats.dsn.returned import RETURNED_HEADER_BYTES, returned

NOW = datetime(2026, 3, 4, 14, 30, tzinfo=UTC)
PIECES = [
    b"\r\n",
    b"\n",
    b"\r\n\r\n",
    b" ",
    b"\0",
    b"\xff",
    b"--a\r\n",
    b"--a--\r\n",
    b"\r\n--a\r\n",
    b"Content-Type: multipart/report; boundary=a\r\n\r\n",
    b"Content-Type: message/delivery-status\r\n\r\n",
    b"Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\n",
    b"Content-Type: text/rfc822-headers\r\n\r\n",
    b"Content-Type: message/rfc822\r\n\r\n",
    b"Reporting-MTA: dns; x\r\n",
    b"Original-Envelope-Id: e\r\n",
    b"Final-Recipient: utf-8; a\\x{D800}@b\r\n",
    b"Original-Recipient: rfc822;<a@b>\r\n",
    b"Action: failed\r\n",
    b"Action: delayed (x)\r\n",
    b"Status: 5.1.1\r\n",
    b"Diagnostic-Code: smtp; 550\r\n no\r\n",
    b"Message-ID: <a@b>\r\n",
    b"Hi. This is the \n\n",
    b"<a@b>:\n",
    b"--- Below this line is a copy of the message.\n",
    b"Received: by x with ESMTPSA\r\n",
    b"Bcc: secret\r\n",
]
RAW = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)), max_size=40).map(b"".join)
FUZZ = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


@FUZZ
@given(RAW)
def test_any_bytes_are_read(message: bytes) -> None:
    found = parse_report(message)
    if found is not None:
        assert found.recipients
        for one in found.recipients:
            for text in (one.final, one.original, one.diagnostic, one.remote):
                assert text is None or text.isprintable()


@FUZZ
@given(RAW, st.sampled_from([None, False, True]), st.booleans())
def test_returned_is_bounded_and_tells_nothing_private(
    content: bytes, full: bool | None, binary: bool
) -> None:
    back = returned(content, full, binary)
    if not back.whole:
        assert len(back.content) <= RETURNED_HEADER_BYTES
        assert not back.content.lower().startswith(b"bcc:")
        assert b"\nbcc:" not in back.content.lower()


@FUZZ
@given(
    RAW,
    st.text(max_size=60),
    st.text(max_size=60),
    st.text(max_size=20),
    st.sampled_from(list(Action)),
    st.sampled_from([None, 450, 550]),
    st.sampled_from([None, False, True]),
    st.booleans(),
)
def test_a_report_is_whole_whatever_is_put_into_it(
    content: bytes,
    reply: str,
    address: str,
    host: str,
    action: Action,
    code: int | None,
    full: bool | None,
    smtputf8: bool,
) -> None:
    finding = Finding(
        address, action, "5.0.0", reply, code, "rcpt", host, None, (host, address), NOW, NOW
    )
    subject = Subject(content, NOW, "q", reply, full, smtputf8)
    report = build(subject, [finding], Frame("mx.test", "a@b.test", "n", NOW))
    message = email.message_from_bytes(report.content)
    assert not message.defects
    parts = message.get_payload()
    assert isinstance(parts, list)
    assert len(parts) == 3
    groups = parts[1].get_payload()
    assert isinstance(groups, list)
    assert len(groups) == 2
    assert [group.defects for group in groups] == [[], []]
    assert groups[1]["Action"] == str(action)
    assert report.eight_bit == (not report.content.isascii())
    found = parse_report(report.content)
    assert found is not None
    assert len(found.recipients) == 1
    assert found.recipients[0].action is action
