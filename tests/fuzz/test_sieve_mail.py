"""What scripts send: whatever stands in script or message, no field comes of it; all is ASCII."""

import email
import email.policy
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mime.compose import clean, is_plain
from pillarbox.formats.mime.header import Headers
from pillarbox.formats.mime.seven_bit import seven_bit_entity
from pillarbox.formats.sieve.actions import Notify, Vacation
from pillarbox.formats.sieve.errors import Problem
from pillarbox.pipeline.filtering.failure import failure_notice
from pillarbox.pipeline.filtering.notices import mail_notice
from pillarbox.pipeline.filtering.outgoing import OutgoingMail, Owner, Stamp
from pillarbox.pipeline.filtering.rejection import rejection_report, reply_text
from pillarbox.pipeline.filtering.replies import vacation_reply
from pillarbox.pipeline.filtering.suppression import why_silent, why_unanswered

NOW = datetime(2026, 3, 4, 14, 30, tzinfo=UTC)
STAMP = Stamp("mx.home.test", "r1.abc@mx.home.test", NOW)
OWNER = Owner("ann@home.test", ("ann@home.test",), "Ann")
ASKED = frozenset(
    (
        *("date", "from", "to", "cc", "subject", "message-id", "in-reply-to", "references"),
        *("auto-submitted", "importance", "x-priority", "x-auto-response-suppress", "x-asked"),
        *("mime-version", "content-type", "content-transfer-encoding"),
    )
)
PIECES = (
    *("\r\n", "\n", "\r", "\0", "\u2028", "\x85", "\x0b", "\x0c", "\udcff", "ü", "\u202e", "🦊"),
    *(" ", "\t", '"', "\\", "<", ">", ",", ";", ":", "@", "=?utf-8?q?=0D=0AEvil:_1?=", "=?", "?="),
    *("Evil: 1", "\r\nEvil: 1\r\n", "\r\n\r\nEvil", "a@b.test", "ann@home.test", "x" * 100),
    *("--part-", "Content-Type: text/html", "multipart/mixed; boundary=a", "\r\n--a\r\n", "%0D%0A"),
)
TEXT = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=12).map("".join)
NAMES = st.sampled_from(
    ("Subject", "Message-ID", "References", "From", "To", "Original-Recipient", "Content-Type")
)
HEADER = st.lists(st.tuples(NAMES, TEXT), max_size=6).map(
    lambda fields: b"".join(
        f"{name}: {value}\r\n".encode("utf-8", "surrogateescape") for name, value in fields
    )
)


def check(mail: OutgoingMail, asked: frozenset[str] = ASKED) -> None:
    """Only fields that were asked for, each once, and nothing that some server could not take."""
    header = mail.content.partition(b"\r\n\r\n")[0]
    found = email.message_from_bytes(mail.content, policy=email.policy.compat32)
    names = [name.lower() for name in found]
    assert set(names) <= asked, names
    assert len(set(names)) == len(names)
    assert [name.decode() for name in (f.name for f in Headers(header + b"\r\n"))] == names
    assert is_plain(mail.content)
    assert mail.recipients
    for name in ("From", "To"):
        if found[name] is not None:
            assert "\n" not in found[name].replace("\n ", "")


@settings(deadline=None)
@given(TEXT, TEXT, TEXT, HEADER, st.booleans())
def test_vacation(reason: str, subject: str, sender: str, header: bytes, mime: bool) -> None:
    vacation = Vacation(reason, "h", 1, subject, sender, mime=mime)
    mail = vacation_reply(vacation, Headers(header), "sue@away.test", OWNER, STAMP)
    names = {name.lower() for name in email.message_from_bytes(mail.content)}
    check(mail, ASKED | {name for name in names if mime and name.startswith("content-")})


@settings(deadline=None)
@given(TEXT, TEXT, HEADER, TEXT)
def test_notify(message: str, sender: str, header: bytes, tail: str) -> None:
    escaped = "".join(f"%{octet:02X}" for octet in tail.encode("utf-8", "replace"))
    for uri in (
        f"mailto:a@x.test?subject={escaped}&body={escaped}&x-asked={escaped}",
        f"mailto:{escaped}",
        f"mailto:a@x.test{tail}",
    ):
        try:
            mail = mail_notice(
                Notify(uri, message, sender), Headers(header), "s@x.test", OWNER, STAMP
            )
        except GrammarError:
            continue
        if not mail.smtputf8:
            check(mail)


@settings(deadline=None)
@given(TEXT)
def test_fields_of_a_uri(name: str) -> None:
    """A URI may ask for any field but those that are ours; it gets that one, or none."""
    escaped = "".join(f"%{octet:02X}" for octet in name.encode("utf-8", "replace"))
    notify = Notify(f"mailto:a@x.test?{escaped}=1")
    try:
        mail = mail_notice(notify, Headers(b""), "s@x.test", OWNER, STAMP)
    except GrammarError:
        return
    check(mail, ASKED | {name.lower()})


@settings(deadline=None)
@given(TEXT, HEADER, TEXT)
def test_reject(reason: str, header: bytes, body: str) -> None:
    content = header + b"\r\n" + body.encode("utf-8", "surrogateescape")
    check(rejection_report(reason, content, "sue@away.test", OWNER, STAMP))
    for utf8 in (False, True):
        said = reply_text(reason, utf8=utf8)
        assert said is None or clean(said) == said
        assert said is None or utf8 or said.isascii()


@settings(deadline=None)
@given(TEXT, TEXT, HEADER)
def test_failure(name: str, problem: str, header: bytes) -> None:
    check(failure_notice(name, (Problem(1, 2, problem),), Headers(header), OWNER, STAMP))


@settings(deadline=None)
@given(TEXT)
def test_entities(text: str) -> None:
    entity = seven_bit_entity(text.encode("utf-8", "replace"))
    assert is_plain(entity.body)
    for field in entity.fields:
        assert field.startswith("Content-")
        assert field.isascii()
        assert "\r" not in field
        assert "\n" not in field


@settings(deadline=None)
@given(HEADER, TEXT)
def test_suppression(header: bytes, sender: str) -> None:
    vacation = Vacation("x", "h", 1, addresses=(sender,))
    for headers in (Headers(header), Headers(header + b"List-Id: x\r\n")):
        assert why_unanswered(headers, sender) is None or why_silent(
            headers, sender, vacation, OWNER.addresses
        )
