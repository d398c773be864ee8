"""The mail to a user whose script failed."""

import email
import email.policy
from datetime import UTC, datetime

from pillarbox.formats.mime.header import Headers
from pillarbox.formats.sieve.errors import Problem
from pillarbox.pipeline.filtering.failure import failure_notice
from pillarbox.pipeline.filtering.outgoing import Owner, Stamp
from pillarbox.pipeline.filtering.suppression import why_unanswered

NOW = datetime(2026, 3, 4, 14, 30, tzinfo=UTC)
STAMP = Stamp("mx.home.test", "r1.abc@mx.home.test", NOW)
OWNER = Owner("ann+shop@home.test", ("ann@home.test",))
HEADER = "From: Sue <sue@away.test>\r\nSubject: Grüße\r\n".encode()


def test_what_it_says() -> None:
    problem = Problem(3, 7, "too many steps")
    mail = failure_notice("holiday", (problem,), Headers(HEADER), OWNER, STAMP)
    assert (mail.reverse_path, mail.recipients, mail.domain) == (
        "",
        ("ann@home.test",),
        "home.test",
    )
    found = email.message_from_bytes(mail.content, policy=email.policy.SMTP)
    assert not found.defects
    assert found["To"] == "ann@home.test"
    assert found["From"] == "Mail server <postmaster@home.test>"
    assert found["Subject"] == 'Your mail filter "holiday" failed'
    assert found["Auto-Submitted"] == "auto-generated"
    text = found.get_content()
    for piece in (
        '"holiday"',
        "line 3, column 7",
        "too many steps",
        "where it would be",
        "Subject: Grüße",
    ):
        assert piece in text
    assert "once a day" in text
    assert why_unanswered(Headers(mail.content.partition(b"\r\n\r\n")[0]), "x@y.test") is not None


def test_names_and_problems_from_anywhere() -> None:
    problems = [Problem(n, 1, "bad \r\n.\r\nBcc: x@y.test" + "x" * 2000) for n in range(30)]
    mail = failure_notice("a\r\nBcc: x@y.test", problems, Headers(b""), OWNER, STAMP)
    found = email.message_from_bytes(mail.content, policy=email.policy.SMTP)
    assert found["Bcc"] is None
    assert found["Subject"] == 'Your mail filter "a Bcc: x@y.test" failed'
    text = found.get_content()
    assert "and 20 more" in text
    assert "(none)" in text
    assert len(text) < 10_000


def test_what_stands_nowhere_in_the_script_has_no_line() -> None:
    mail = failure_notice("", (Problem(0, 0, "no room"),), Headers(HEADER), OWNER, STAMP)
    text = email.message_from_bytes(mail.content, policy=email.policy.SMTP).get_content()
    assert "no room" in text
    assert "line 0" not in text
    # It may lie anywhere: in Junk, or where a client put it.
    assert "INBOX" not in text


def test_the_active_script_has_no_name() -> None:
    mail = failure_notice("", (Problem(1, 1, "x"),), Headers(b""), OWNER, STAMP)
    assert b"Subject: Your mail filter failed\r\n" in mail.content
