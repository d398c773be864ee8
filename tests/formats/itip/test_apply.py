"""Messages that came in, applied to the recipient's object (RFC 5546 §3.2)."""

import pytest

from kit.meetings import ANN, BEN, CAT, calendar, event
from pillarbox.base.errors import GrammarError
from pillarbox.formats.ical.component import parse_calendar
from pillarbox.formats.itip.address import Identity
from pillarbox.formats.itip.apply import apply
from pillarbox.formats.itip.message import read_message
from pillarbox.formats.itip.model import Applied, Outcome

ANN_IS = Identity(("ann@here.example",))
BEN_IS = Identity(("ben@here.example",))
INSTANCE = "RECURRENCE-ID:20260303T100000Z\n"
DAILY = "RRULE:FREQ=DAILY;COUNT=5\n"


def applied(
    stored: str | None,
    message: str,
    me: Identity,
    sender: str,
    *,
    complete: bool = False,
) -> Applied:
    known = None if stored is None else parse_calendar(stored.encode())
    before = None if known is None else known.written()
    found = apply(known, read_message(message.encode()), me, sender, complete=complete)
    assert known is None or known.written() == before
    return found


def to_ben(
    stored: str | None,
    *components: str,
    method: str = "REQUEST",
    sender: str = "ann@here.example",
    complete: bool = False,
) -> Applied:
    message = calendar(*components, method=method)
    return applied(stored, message, BEN_IS, sender, complete=complete)


def to_ann(stored: str | None, *components: str, sender: str = "ben@here.example") -> Applied:
    return applied(stored, calendar(*components, method="REPLY"), ANN_IS, sender)


def text(found: Applied) -> str:
    assert found.outcome is Outcome.APPLIED
    assert found.stored is not None
    return found.stored.written().decode().replace("\r\n ", "")


def test_an_invitation_is_stored_without_its_method_and_alarms() -> None:
    found = to_ben(None, event(ANN, BEN, alarm=True, extra="X-A:b\n"))
    assert found.asks
    assert "METHOD" not in text(found)
    assert "VALARM" not in text(found)
    assert "X-A:" not in text(found)


@pytest.mark.parametrize("sender", ["cat@there.example", "", "ben@here.example"])
def test_only_the_organizer_invites(sender: str) -> None:
    assert to_ben(None, event(ANN, BEN), sender=sender).outcome is Outcome.REFUSED


def test_sent_by_alone_proves_nothing() -> None:
    by = event(ANN, BEN).replace("ORGANIZER", 'ORGANIZER;SENT-BY="mailto:cat@there.example"')
    assert to_ben(None, by, sender="cat@there.example").outcome is Outcome.REFUSED
    assert to_ben(calendar(event(ANN, BEN)), by, sender="cat@there.example").outcome is (
        Outcome.REFUSED
    )
    moved = by.replace("T10", "T09").replace("SEQUENCE:0", "SEQUENCE:1")
    assert to_ben(calendar(by), moved, sender="cat@there.example").outcome is Outcome.APPLIED


def test_nobody_takes_over_a_meeting_of_another_organizer() -> None:
    stored = calendar(event(ANN, BEN))
    for method in ("REQUEST", "CANCEL", "ADD"):
        found = to_ben(
            stored,
            event(BEN, organizer="mailto:cat@there.example", sequence=9),
            method=method,
            sender="cat@there.example",
        )
        assert found.outcome is Outcome.REFUSED


def test_who_is_not_invited_gets_nothing() -> None:
    assert to_ben(None, event(ANN, CAT)).outcome is Outcome.REFUSED


def test_an_update_keeps_what_is_the_attendee_s() -> None:
    stored = calendar(
        event(ANN, BEN + ";PARTSTAT=ACCEPTED", alarm=True, extra="TRANSP:TRANSPARENT\nX-A:b\n")
    )
    found = to_ben(stored, event(ANN, BEN, extra="LOCATION:Attic\n"))
    assert not found.asks
    for kept in ("VALARM", "TRANSPARENT", "X-A:b", "PARTSTAT=ACCEPTED", "LOCATION:Attic"):
        assert kept in text(found)


def test_a_new_time_asks_anew() -> None:
    stored = calendar(event(ANN, BEN + ";PARTSTAT=ACCEPTED"))
    found = to_ben(stored, event(ANN, BEN, start="20260301T150000Z", sequence=1))
    assert found.asks
    assert "PARTSTAT=ACCEPTED" not in text(found)


def test_what_is_older_is_stale_and_the_same_changes_nothing() -> None:
    stored = calendar(event(ANN, BEN, sequence=2))
    assert to_ben(stored, event(ANN, BEN, sequence=1)).outcome is Outcome.STALE
    assert to_ben(stored, event(ANN, BEN, sequence=2)).outcome is Outcome.UNCHANGED


def test_of_one_sequence_the_newer_stamp_counts() -> None:
    newer = event(ANN, BEN, extra="LOCATION:b\n").replace("20260101T0", "20260102T0")
    first = to_ben(None, newer)
    stored = text(first)
    assert to_ben(stored, event(ANN, BEN, extra="LOCATION:a\n")).outcome is Outcome.STALE


def test_one_instance_is_changed_alone() -> None:
    stored = calendar(event(ANN, BEN, extra=DAILY))
    moved = event(ANN, BEN, start="20260303T150000Z", extra=INSTANCE, sequence=1)
    found = to_ben(stored, moved)
    assert text(found).count("BEGIN:VEVENT") == 2
    assert "RRULE" in text(found)


def test_an_instance_alone_is_stored_alone() -> None:
    found = to_ben(None, event(ANN, BEN, extra=INSTANCE, start="20260303T100000Z"))
    assert "RECURRENCE-ID" in text(found)
    assert found.asks


def test_instances_that_the_message_leaves_out() -> None:
    moved = event(ANN, BEN, start="20260303T150000Z", extra=INSTANCE)
    stored = calendar(event(ANN, BEN, extra=DAILY), moved)
    place = event(ANN, BEN, extra=DAILY + "LOCATION:Attic\n")
    assert text(to_ben(stored, place)).count("BEGIN:VEVENT") == 2
    assert text(to_ben(stored, place, complete=True)).count("BEGIN:VEVENT") == 1
    later = event(ANN, BEN, extra=DAILY, start="20260301T150000Z", sequence=1)
    assert text(to_ben(stored, later)).count("BEGIN:VEVENT") == 1


def test_an_instance_that_was_deleted_stays_away_while_it_is_declined() -> None:
    stored = calendar(
        event(ANN, BEN + ";PARTSTAT=ACCEPTED", extra=DAILY + "EXDATE:20260303T100000Z\n")
    )
    master = event(ANN, BEN + ";PARTSTAT=ACCEPTED", extra=DAILY + "LOCATION:Attic\n")
    gone = event(ANN, BEN + ";PARTSTAT=DECLINED", extra=INSTANCE, start="20260303T100000Z")
    found = text(to_ben(stored, master, gone, complete=True))
    assert found.count("BEGIN:VEVENT") == 1
    assert "EXDATE:20260303T100000Z" in found


def test_cancelling_all_says_so() -> None:
    stored = calendar(event(ANN, BEN, alarm=True))
    found = to_ben(stored, event(BEN, sequence=1), method="CANCEL")
    assert "STATUS:CANCELLED" in text(found)
    assert "SEQUENCE:1" in text(found)
    again = to_ben(text(found), event(BEN, sequence=1), method="CANCEL")
    assert again.outcome is Outcome.UNCHANGED


def test_cancelling_an_instance_leaves_it_out() -> None:
    stored = calendar(
        event(ANN, BEN, extra=DAILY),
        event(ANN, BEN, start="20260303T150000Z", extra=INSTANCE),
    )
    found = to_ben(stored, event(BEN, extra=INSTANCE, sequence=1), method="CANCEL")
    assert "EXDATE:20260303T100000Z" in text(found)
    assert text(found).count("BEGIN:VEVENT") == 1


def test_answers_after_an_instance_was_cancelled_are_not_old() -> None:
    """The series of who answers has the SEQUENCE that the cancellation came with."""
    stored = calendar(event(ANN, BEN, extra=DAILY))
    mine = text(to_ben(stored, event(BEN, extra=INSTANCE, sequence=1), method="CANCEL"))
    assert "SEQUENCE:1\r\n" in mine
    assert "SEQUENCE:0\r\n" not in mine


def test_cancelling_this_and_the_future_ends_the_series() -> None:
    stored = calendar(
        event(ANN, BEN, extra=DAILY),
        event(ANN, BEN, start="20260304T150000Z", extra="RECURRENCE-ID:20260304T100000Z\n"),
    )
    cancel = event(BEN, extra="RECURRENCE-ID;RANGE=THISANDFUTURE:20260303T100000Z\n", sequence=1)
    found = text(to_ben(stored, cancel, method="CANCEL"))
    assert "RRULE:FREQ=DAILY;UNTIL=20260303T095959Z" in found
    assert found.count("VEVENT") == 2


def test_what_is_not_here_can_t_be_cancelled() -> None:
    assert to_ben(None, event(BEN), method="CANCEL").outcome is Outcome.NOT_FOUND
    stored = calendar(event(ANN, BEN, sequence=3))
    assert to_ben(stored, event(BEN, sequence=1), method="CANCEL").outcome is Outcome.STALE


def test_an_added_instance_is_one_more() -> None:
    stored = calendar(event(ANN, BEN, extra=DAILY))
    added = event(ANN, BEN, start="20260401T100000Z", sequence=1)
    found = to_ben(stored, added, method="ADD")
    assert "RDATE:20260401T100000Z" in text(found)
    assert found.asks
    assert "RECURRENCE-ID:20260401T100000Z" in text(found)
    assert to_ben(None, added, method="ADD").outcome is Outcome.NOT_FOUND


def test_an_answer_is_noted_with_its_status() -> None:
    stored = calendar(event(ANN, BEN + ";RSVP=TRUE", CAT))
    found = to_ann(stored, event(BEN + ";PARTSTAT=ACCEPTED", extra="REQUEST-STATUS:2.0;Success\n"))
    assert found.partstats == {"ben@here.example": "ACCEPTED"}
    assert "PARTSTAT=ACCEPTED;SCHEDULE-STATUS=2.0" in text(found)
    assert "RSVP" not in text(found)
    again = to_ann(text(found), event(BEN + ";PARTSTAT=ACCEPTED"))
    assert again.outcome is Outcome.UNCHANGED


def test_who_is_not_invited_can_t_answer() -> None:
    stored = calendar(event(ANN, CAT))
    assert to_ann(stored, event(BEN + ";PARTSTAT=ACCEPTED")).outcome is Outcome.REFUSED


def test_nobody_answers_for_others() -> None:
    stored = calendar(event(ANN, BEN, CAT))
    answer = event(BEN + ";PARTSTAT=DECLINED")
    assert to_ann(stored, answer, sender="cat@there.example").outcome is Outcome.REFUSED


def test_answers_to_what_was_changed_since_are_stale() -> None:
    stored = calendar(event(ANN, BEN, sequence=2))
    answer = event(BEN + ";PARTSTAT=ACCEPTED", sequence=1)
    assert to_ann(stored, answer).outcome is Outcome.STALE


def test_the_newer_answer_counts() -> None:
    stored = calendar(event(ANN, BEN))
    newer = event(BEN + ";PARTSTAT=DECLINED").replace("20260101T0", "20260102T0")
    stored = text(to_ann(stored, newer))
    assert to_ann(stored, event(BEN + ";PARTSTAT=ACCEPTED")).outcome is Outcome.STALE


@pytest.mark.parametrize("value", ["MAYBE", "COMPLETED", "X"])
def test_answers_that_there_are_not(value: str) -> None:
    stored = calendar(event(ANN, BEN))
    assert to_ann(stored, event(BEN + f";PARTSTAT={value}")).outcome is Outcome.REFUSED


def test_an_answer_for_an_instance_makes_it_one_of_its_own() -> None:
    stored = calendar(event(ANN, BEN, extra=DAILY, alarm=True))
    answer = event(BEN + ";PARTSTAT=DECLINED", extra=INSTANCE)
    found = text(to_ann(stored, answer))
    made = found[found.rindex("BEGIN:VEVENT") :]
    assert "RECURRENCE-ID:20260303T100000Z" in made
    assert "DTEND:20260303T110000Z" in made
    assert "RRULE" not in made
    assert "PARTSTAT=DECLINED" in made
    assert "DECLINED" not in found[: found.rindex("BEGIN:VEVENT")]


@pytest.mark.parametrize("when", ["20260303T110000Z", "20270303T100000Z"])
def test_an_answer_for_what_is_no_instance_makes_none(when: str) -> None:
    stored = calendar(event(ANN, BEN, extra=DAILY))
    answer = event(BEN + ";PARTSTAT=DECLINED", extra=f"RECURRENCE-ID:{when}\n")
    assert to_ann(stored, answer).outcome is Outcome.NOT_FOUND


def test_an_answer_for_all_is_one_for_instances_that_were_answered_alike() -> None:
    stored = calendar(
        event(ANN, BEN, extra=DAILY),
        event(ANN, BEN, start="20260303T150000Z", extra=INSTANCE),
        event(
            ANN,
            BEN + ";PARTSTAT=DECLINED",
            start="20260304T150000Z",
            extra="RECURRENCE-ID:20260304T100000Z\n",
        ),
    )
    found = text(to_ann(stored, event(BEN + ";PARTSTAT=ACCEPTED")))
    assert found.count("PARTSTAT=ACCEPTED") == 2
    assert found.count("PARTSTAT=DECLINED") == 1


def test_counter_proposals_and_questions() -> None:
    stored = calendar(event(ANN, BEN))
    counter = calendar(event(ANN, BEN, start="20260301T150000Z"), method="COUNTER")
    assert applied(stored, counter, ANN_IS, "ben@here.example").outcome is Outcome.FOR_PEOPLE
    assert applied(stored, counter, ANN_IS, "cat@there.example").outcome is Outcome.REFUSED
    refresh = calendar(event(BEN), method="REFRESH")
    assert applied(stored, refresh, ANN_IS, "ben@here.example").resend
    assert not applied(stored, refresh, ANN_IS, "cat@there.example").resend
    declined = to_ben(stored, event(BEN), method="DECLINECOUNTER")
    assert declined.outcome is Outcome.FOR_PEOPLE


@pytest.mark.parametrize(
    "message",
    [
        calendar(event(ANN, BEN)),
        calendar(event(ANN, BEN), method="X-OTHER"),
        calendar(event(ANN, BEN, organizer=None), method="REQUEST"),
        calendar(event(ANN, BEN, organizer="urn:x"), method="REQUEST"),
        calendar(event(ANN, BEN), method="REPLY"),
        calendar(event(), method="REPLY"),
        calendar(event(BEN), event(BEN, uid="other"), method="REQUEST"),
        calendar(method="REQUEST"),
        calendar(event(BEN), event(BEN), method="REQUEST"),
        "BEGIN:VCALENDAR\n",
    ],
)
def test_what_is_no_message(message: str) -> None:
    with pytest.raises(GrammarError):
        read_message(message.encode())


def test_what_was_declined_and_deleted_is_not_put_back() -> None:
    found = to_ben(None, event(ANN, BEN + ";PARTSTAT=DECLINED", extra="LOCATION:x\n"))
    assert found.outcome is Outcome.FOR_PEOPLE


def test_a_proposal_declined_of_a_meeting_that_is_not_here_is_for_nobody() -> None:
    assert to_ben(None, event(ANN, BEN), method="DECLINECOUNTER").outcome is Outcome.NOT_FOUND


def test_an_answer_without_its_organizer_is_one() -> None:
    stored = calendar(event(ANN, BEN))
    assert "PARTSTAT=ACCEPTED" in text(
        to_ann(stored, event(BEN + ";PARTSTAT=ACCEPTED", organizer=None))
    )
    assert (
        to_ann(stored, event(CAT + ";PARTSTAT=ACCEPTED", organizer=None)).outcome is Outcome.REFUSED
    )


CLAIMED = BEN + ";PARTSTAT=ACCEPTED"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (event(CLAIMED), event(CLAIMED, start="20260301T120000Z")),
        (event(CLAIMED), event(CLAIMED, extra=DAILY)),
        (event(CLAIMED, extra=DAILY), event(CLAIMED, extra="RRULE:FREQ=DAILY;UNTIL=20300101\n")),
        (event(CLAIMED, extra="STATUS:CANCELLED\n"), event(CLAIMED)),
        (event(CLAIMED, extra=DAILY), event(CLAIMED, start="20260303T120000Z", extra=INSTANCE)),
    ],
)
def test_who_decides_is_asked_about_all_that_is_new(before: str, after: str) -> None:
    def told(stored: str | None, one: str) -> Applied:
        message = read_message(calendar(one, method="REQUEST").encode())
        known = None if stored is None else parse_calendar(stored.encode())
        return apply(known, message, BEN_IS, "ann@here.example", decides=True)

    first = told(None, before)
    assert first.asks
    assert "PARTSTAT=NEEDS-ACTION" in text(first)
    accepted = text(first).replace("NEEDS-ACTION", "ACCEPTED")
    assert told(accepted, after).asks
    same = told(accepted, before.replace("SUMMARY:Meeting", "SUMMARY:Other"))
    assert not same.asks
    assert "PARTSTAT=ACCEPTED" in text(same)


def test_who_decides_is_not_kept_free_by_others() -> None:
    message = read_message(
        calendar(event(BEN, extra="TRANSP:TRANSPARENT\n"), method="REQUEST").encode()
    )
    assert "TRANSP" not in text(apply(None, message, BEN_IS, "ann@here.example", decides=True))
