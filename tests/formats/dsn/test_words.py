"""What is said of each kind of failure."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pillarbox.domain.queue.model import Stage
from pillarbox.formats.dsn.english import ENGLISH
from pillarbox.formats.dsn.model import Action, Finding
from pillarbox.formats.dsn.words import explain, is_judgement, say_date, say_duration


def found(
    reply: str = "", code: int | None = 550, cause: str = "", stage: str = "rcpt", status: str = ""
) -> Finding:
    return Finding(
        "a@b.test", Action.FAILED, status or cause or "5.0.0", reply, code, stage, cause=cause
    )


def key_of(finding: Finding) -> str:
    """The key of what is said, or the class where nothing else was known."""
    said = explain(finding)
    for table in (ENGLISH.explanations, ENGLISH.classes):
        for key, known in table.items():
            if known == said:
                return key
    raise AssertionError(said)


@pytest.mark.parametrize(
    ("cause", "key"),
    [
        ("5.1.1", "1.1"),
        ("5.1.2", "1.2"),
        ("5.1.10", "1.10"),
        ("5.2.1", "2.1"),
        ("4.2.2", "2.2"),
        ("5.2.3", "2.3"),
        ("5.3.4", "3.4"),
        ("5.4.6", "4.6"),
        ("5.6.7", "6.7"),
        ("5.7.26", "7.26"),
        ("5.7.30", "7.30"),
        ("5.7.99", "7.0"),
        ("5.2.9", "2.0"),
    ],
)
def test_codes_that_say_something(cause: str, key: str) -> None:
    assert key_of(found("bla", cause=cause)) == key


@pytest.mark.parametrize(
    ("reply", "key"),
    [
        ("User unknown in virtual mailbox table", "1.1"),
        ("<a@b.test>: Recipient address rejected: no such user here", "1.1"),
        ("The email account that you tried to reach does not exist", "1.1"),
        ("sorry, no mailbox here by that name", "1.1"),
        ("Mailbox is full", "2.2"),
        ("User is over quota", "2.2"),
        ("This account has been suspended", "2.1"),
        ("Sender address rejected: Domain not found", "1.8"),
        ("SPF check failed", "7.23"),
        ("Unauthenticated email from b.test is not accepted due to domain's DMARC policy", "7.26"),
        ("Client host [192.0.2.1] blocked using zen.spamhaus.org", "blocked"),
        ("Your IP address has been blocked", "blocked"),
        ("Client host rejected: cannot find your reverse hostname", "7.25"),
        ("Message rejected as spam", "spam"),
        ("Message contains a virus: Eicar", "virus"),
        ("Greylisted, please try again", "greylisted"),
        ("Relay access denied", "relay"),
        ("Message size exceeds fixed limit", "3.4"),
        ("Too many connections, slow down", "rate"),
    ],
)
@pytest.mark.parametrize("cause", ["", "5.7.1", "5.0.0"])
def test_words_of_a_reply_where_the_code_says_little(reply: str, key: str, cause: str) -> None:
    assert key_of(found(reply, cause=cause)) == key


@pytest.mark.parametrize(
    ("code", "stage", "key"),
    [
        (550, "rcpt", "1.0"),
        (551, "rcpt", "1.6"),
        (552, "content", "2.2"),
        (552, "mail", "3.4"),
        (553, "rcpt", "1.3"),
        (554, "greeting", "greeting"),
        (550, "content", "content"),
        (550, "mail", "mail"),
        (None, "dns", "dns"),
        (None, "connect", "connect"),
        (None, "tls", "tls"),
        (454, "tls", "tls"),
        (535, "auth", "auth"),
        (None, "suppressed", "suppressed"),
        (None, "queue", "queue"),
        (None, "local", "local"),
        (None, "nowhere", "5"),
    ],
)
def test_code_and_stage_where_nothing_else_is_known(code: int | None, stage: str, key: str) -> None:
    said = explain(found("bla", code=code, stage=stage))
    expected = ENGLISH.explanations.get(key) or ENGLISH.classes[key]
    assert said == expected


def test_our_own_words_are_not_read_for_their_meaning() -> None:
    ours = found("the mailbox of the certificate is full of spam", code=None, stage="connect")
    assert explain(ours) == ENGLISH.explanations["connect"]


def test_codes_of_ours_beat_the_stage_but_not_that_of_tls() -> None:
    assert key_of(found(code=None, cause="5.1.10", stage="dns")) == "1.10"
    assert key_of(found(code=None, cause="5.7.5", stage="tls")) == "tls"
    assert key_of(found(code=None, cause="5.7.30", stage="tls")) == "7.30"


def test_every_stage_has_words() -> None:
    for stage in Stage:
        assert str(stage) in ENGLISH.explanations


def test_everything_said_is_a_sentence() -> None:
    for known in (*ENGLISH.explanations.values(), *ENGLISH.classes.values()):
        for text in (known.why, known.advice):
            assert text[0].isupper()
            assert text.endswith(".")
            assert "  " not in text
        assert ("admin" in known.advice) <= known.admin or "ask your admin" in known.advice


def test_dates_are_in_utc() -> None:
    at = datetime(2026, 3, 4, 1, 5, tzinfo=timezone(timedelta(hours=2)))
    assert say_date(at) == "3 March 2026, 23:05 UTC"
    assert say_date(datetime(2026, 12, 31, tzinfo=UTC)) == "31 December 2026, 00:00 UTC"


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(), "1 minute"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(hours=4), "4 hours"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(days=7), "7 days"),
    ],
)
def test_durations(length: timedelta, said: str) -> None:
    assert say_duration(length) == said


@pytest.mark.parametrize(
    ("finding", "judged"),
    [
        (found("no", cause="5.7.1"), True),
        (found("no such user", cause="5.7.26"), True),
        (found("Message looks like spam", cause="5.0.0"), True),
        (found("Your host is listed at a blocklist"), True),
        (found("Sender rejected", stage="mail"), True),
        (found("No", 554, stage="content"), True),
        (found("No", 554, "5.6.0", stage="content"), True),
        (found("No such user, you spammer", cause="5.1.1"), False),
        (found("User unknown"), False),
        (found("Mailbox is full", 552, stage="content"), False),
        (found("Message too large", 552, "5.3.4", stage="content"), False),
        (found("No", 550), False),
        (found("No such domain", None, "5.1.2", stage="dns"), False),
        (found("spam", None, stage="content"), False),
    ],
)
def test_judgements_on_the_message(finding: Finding, judged: bool) -> None:
    assert is_judgement(finding) is judged
