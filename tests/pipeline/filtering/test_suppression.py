"""Which messages no program answers, and why (RFC 3834 §2, RFC 5230 §4.5 and §4.6)."""

import pytest

from pillarbox.formats.mime.header import Headers
from pillarbox.formats.sieve.actions import Vacation
from pillarbox.pipeline.filtering.suppression import is_own, why_silent, why_unanswered

OWN = ("ann@home.test", "ann.lee@home.test")
SENDER = "sue@away.test"
VACATION = Vacation("Gone fishing", "h", 604_800)


def silent(
    *fields: str,
    sender: str = SENDER,
    to: str = "To: <ann@home.test>",
    vacation: Vacation = VACATION,
    junk: bool = False,
) -> str | None:
    lines = [one for one in ("Subject: hello", to, *fields) if one]
    block = "".join(f"{line}\r\n" for line in lines).encode()
    return why_silent(Headers(block), sender, vacation, OWN, junk=junk)


def test_a_letter_from_somebody_is_answered() -> None:
    assert silent("From: Sue <sue@away.test>", "Auto-Submitted: no") is None


def test_without_a_return_address_nobody_is_answered() -> None:
    assert "no return address" in (silent(sender="") or "")
    assert "can't be read" in (silent(sender="<>@") or "")


@pytest.mark.parametrize(
    "local",
    [
        *("noreply", "no-reply", "No_Reply", "no.reply", "donotreply", "do-not-reply"),
        *("DO_NOT_REPLY", "mailer-daemon", "MAILER-DAEMON", "postmaster", "bounces", "bounce"),
        *("noreply-4711", "noreply+sue", "shop-noreply", "bounce-23-sue=away.test", "bounces.1"),
        *("news-bounces", "news-bounces+ann=other.test", "owner-news", "news-owner"),
        *("news-request", "news-errors", "news-return-23-ann=other.test", "LISTSERV"),
        *("majordomo", "mailman", "prvs=1234abcdef=postmaster", '"no-reply"'),
        *("SRS0=abcd=ef=other.test=noreply", "SRS0=abcd=ef=other.test=owner-news"),
    ],
)
def test_nobody_reads_these(local: str) -> None:
    assert "nobody reads" in (silent(sender=f"{local}@away.test") or "")
    assert "nobody reads" in (silent(f"From: <{local}@away.test>") or "")
    assert "nobody reads" in (silent(f"Sender: {local}@away.test") or "")


@pytest.mark.parametrize(
    "local",
    [
        *("norbert.reply", "noreen", "postmasters", "bouncer", "landowner", "requests", "reply"),
        *("owner", "request", "tax-return", "sue+owner", "prvs=1234abcdef=sue", "a.bouncer"),
        *("SRS0=abcd=ef=other.test=sue", "trampoline"),
    ],
)
def test_people_have_such_names(local: str) -> None:
    assert silent(sender=f"{local}@away.test") is None


@pytest.mark.parametrize(
    ("field", "why"),
    [
        ("Auto-Submitted: auto-replied", "Auto-Submitted"),
        ("Auto-Submitted: auto-generated; x=y", "Auto-Submitted"),
        ('Auto-Submitted: auto-notified; owner-email="x@y.test"', "Auto-Submitted"),
        ("Auto-Submitted:", "Auto-Submitted"),
        ("auto-submitted: (no) auto-generated", "Auto-Submitted"),
        ("Auto-Submitted: no\r\nAuto-Submitted: auto-replied", "Auto-Submitted"),
        ("Precedence: bulk", "Precedence"),
        ("Precedence:  LIST ", "Precedence"),
        ("Precedence: junk", "Precedence"),
        ("Precedence: auto_reply", "Precedence"),
        ("List-Id: <x.y.test>", "mailing list"),
        ("List-Unsubscribe: <mailto:x@y.test>", "mailing list"),
        ("LIST-POST: NO", "mailing list"),
        ("List-Anything: x", "mailing list"),
        ("Mailing-List: x", "mailing list"),
        ("X-BeenThere: x@y.test", "mailing list"),
        ("X-Auto-Response-Suppress: OOF", "Suppress"),
        ("X-Auto-Response-Suppress: DR, RN, NRN, OOF, AutoReply", "Suppress"),
        ("X-Auto-Response-Suppress: All", "Suppress"),
        ("X-Auto-Response-Suppress: dr;autoreply", "Suppress"),
        ("X-Autoreply: yes", "automatic reply"),
        ("X-Autorespond: out", "automatic reply"),
        ("X-Autoresponse:", "automatic reply"),
        ("Content-Type: multipart/report; report-type=delivery-status", "report"),
        ("Content-Type: message/disposition-notification", "report"),
        ("X-Spam-Flag: YES", "junk"),
        ("From: ann@home.test", "address of the user"),
        ("From: <ann+me@HOME.test>", "address of the user"),
    ],
)
def test_fields_that_keep_it_silent(field: str, why: str) -> None:
    assert why in (silent(field) or "")


@pytest.mark.parametrize(
    "field",
    [
        *("Auto-Submitted: no", "Auto-Submitted: No (by hand)", "Precedence: first-class"),
        *("X-Auto-Response-Suppress: None", "X-Auto-Response-Suppress: DR, NDR, RN, NRN"),
        *("Listed: x", "Content-Type: multipart/reported", "X-Spam-Flag: NO", "X-Autoreply: no"),
    ],
)
def test_fields_that_do_not(field: str) -> None:
    assert silent(field) is None


def test_junk_is_not_answered() -> None:
    assert "junk" in (silent(junk=True) or "")


@pytest.mark.parametrize("sender", ["ann@home.test", "Ann.Lee@Home.Test", "ann+list@home.test"])
def test_the_user_is_not_answered(sender: str) -> None:
    assert "address of the user" in (silent(sender=sender) or "")


def test_what_was_sent_to_each_of_many_is_not_answered() -> None:
    assert "sent to many" in (silent(sender="news-23-ann=home.test@away.test") or "")
    assert silent(sender="prvs=1234abcdef=sue@away.test") is None


@pytest.mark.parametrize(
    "to",
    [
        *("To: ann@home.test", "Cc: x@y.test, Ann <ANN@home.test>", "Bcc: ann@home.test"),
        *("Resent-To: ann@home.test", "Resent-Cc: ann@home.test", "Resent-Bcc: ann@home.test"),
        *("To: friends: x@y.test, ann@home.test;", "To: ann+shop@home.test"),
        *("To: ann.lee@home.test", 'To: "ann"@home.test', "To: x@y.test\r\nTo: ann@home.test"),
    ],
)
def test_it_names_the_user(to: str) -> None:
    assert silent(to=to) is None


@pytest.mark.parametrize(
    "to",
    [
        "",
        "To: all@home.test",
        "To: ann@other.test",
        "To: undisclosed-recipients:;",
        "X: ann@home.test",
    ],
)
def test_what_does_not_name_the_user_is_not_answered(to: str) -> None:
    assert "not addressed to the user" in (silent(to=to) or "")


def test_more_addresses_of_the_user_stand_in_the_script() -> None:
    vacation = Vacation("Gone", "h", 1, addresses=("info@other.test",))
    assert silent(to="To: info@other.test", vacation=vacation) is None
    assert "address of the user" in (silent(sender="info@other.test", vacation=vacation) or "")


def test_a_great_many_recipients_are_looked_at_up_to_a_limit() -> None:
    many = "To: " + ", ".join(f"x{n}@y.test" for n in range(2000)) + ", ann@home.test"
    assert "not addressed" in (silent(to=many) or "")


def test_oof_alone_lets_other_answers_through() -> None:
    assert why_unanswered(Headers(b"X-Auto-Response-Suppress: OOF\r\n"), SENDER) is None
    assert why_unanswered(Headers(b"X-Auto-Response-Suppress: All\r\n"), SENDER) is not None
    assert why_unanswered(Headers(b""), SENDER) is None


def test_whose_address_it_is() -> None:
    assert is_own("Ann+x@HOME.test", OWN)
    assert not is_own("ann+x@home.test", OWN, "-")
    assert is_own("ann-x@home.test", OWN, "-")
    assert not is_own("ann+x@home.test", OWN, "")
    assert not is_own("ann@home.test", ("ann+x@home.test",))
    assert is_own("ann+x@home.test", ("ann+x@home.test",))
    assert is_own("zoë@bücher.test", ("zoë@xn--bcher-kva.test",))
    assert not is_own("postmaster", OWN)
    assert not is_own("", OWN)
