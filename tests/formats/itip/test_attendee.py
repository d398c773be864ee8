"""What attendees may change of a meeting, and what they answer."""

import pytest

from kit.meetings import ANN, BEN, CAT, NOW, calendar, event
from pillarbox.formats.ical.component import parse_calendar
from pillarbox.formats.itip.address import Identity
from pillarbox.formats.itip.changes import Role, changes
from pillarbox.formats.itip.model import NotAllowed, Scheduled, Status

ME = Identity(("ben@here.example",))
YES = BEN + ";PARTSTAT=ACCEPTED"
NO = BEN + ";PARTSTAT=DECLINED"
INSTANCE = "RECURRENCE-ID:20260303T100000Z\n"


def change(old: str | None, new: str | None, **more: object) -> Scheduled:
    role, found = changes(
        None if old is None else parse_calendar(old.encode()),
        None if new is None else parse_calendar(new.encode()),
        ME,
        NOW,
        **more,  # type: ignore[arg-type]
    )
    assert role is Role.ATTENDEE
    return found


def one(*people: str, **more: object) -> str:
    return calendar(event(*people, **more))  # type: ignore[arg-type]


def series(*people: str, extra: str = "", others: tuple[str, ...] = ()) -> str:
    return calendar(event(*people, extra="RRULE:FREQ=DAILY;COUNT=5\n" + extra), *others)


def reply(found: Scheduled) -> str:
    assert len(found.messages) == 1
    assert found.messages[0].recipients == ("ann@here.example",)
    text = found.messages[0].calendar.written().decode()
    assert "METHOD:REPLY\r\n" in text
    return text


def test_accepting_is_an_answer_of_oneself_alone() -> None:
    found = change(one(ANN, BEN, CAT, sequence=3), one(ANN, YES, CAT, sequence=3))
    text = reply(found)
    assert "PARTSTAT=ACCEPTED:mailto:Ben@Here.example" in text
    assert text.count("ATTENDEE") == 1
    assert "cat@" not in text
    assert "SEQUENCE:3" in text
    assert "REQUEST-STATUS:2.0;Success" in text
    stored = found.stored.written().decode()  # type: ignore[union-attr]
    assert "ORGANIZER;SCHEDULE-STATUS=1.1" in stored


def test_what_is_one_s_own_is_told_to_nobody() -> None:
    found = change(one(ANN, YES), one(ANN, YES, alarm=True, extra="TRANSP:TRANSPARENT\nX-A:b\n"))
    assert not found.messages
    assert found.as_sent


@pytest.mark.parametrize(
    "new",
    [
        one(ANN, YES, start="20260301T120000Z"),
        one(ANN, YES, extra="LOCATION:elsewhere\n"),
        one(ANN, YES, CAT),
        one(YES),
        one(ANN, YES, extra="RRULE:FREQ=DAILY\n"),
        one(ANN, CAT),
        one(ANN, YES, organizer="mailto:cat@there.example"),
        one(ANN, YES, organizer="mailto:ben@here.example"),
        one(ANN, YES, extra="STATUS:CANCELLED\n"),
        one(ANN, YES).replace("SUMMARY:Meeting", "SUMMARY:Other"),
        one(ANN, YES, organizer=None),
    ],
)
def test_what_is_the_organizer_s_stays(new: str) -> None:
    with pytest.raises(NotAllowed) as caught:
        change(one(ANN, BEN), new)
    assert caught.value.rule == "allowed-attendee-scheduling-object-change"


def test_other_spellings_of_the_same_are_no_change() -> None:
    old = one(ANN, BEN, extra="DESCRIPTION:a b\\nc\n")
    new = one(ANN, YES, extra="DESCRIPTION:a  b c\nCATEGORIES:x\n").replace(
        "DTEND:20260301T110000Z", "DTEND:20260301T110000Z"
    )
    assert change(old, new).messages


def test_what_others_answered_is_put_back() -> None:
    old = one(ANN, BEN, CAT + ";PARTSTAT=DECLINED", sequence=2)
    new = one(ANN, YES, CAT + ";PARTSTAT=NEEDS-ACTION", sequence=7)
    found = change(old, new)
    stored = found.stored.written().decode()  # type: ignore[union-attr]
    assert "PARTSTAT=DECLINED" in stored
    assert "SEQUENCE:2" in stored
    assert not found.as_sent


def test_deleting_declines_once() -> None:
    assert "PARTSTAT=DECLINED" in reply(change(one(ANN, YES), None))
    assert not change(one(ANN, NO), None).messages
    assert not change(one(ANN, YES), None, reply=False).messages
    assert not change(one(ANN, YES, extra="STATUS:CANCELLED\n"), None).messages


@pytest.mark.parametrize("agent", ["CLIENT", "NONE"])
def test_the_server_keeps_out_of_what_the_client_does(agent: str) -> None:
    def mine(*people: str) -> str:
        return one(*people).replace("ORGANIZER", f"ORGANIZER;SCHEDULE-AGENT={agent}")

    assert not change(mine(ANN, BEN), mine(ANN, YES)).messages
    assert not change(mine(ANN, YES), None).messages
    moved = mine(ANN, YES).replace("T10", "T09")
    assert change(mine(ANN, BEN), moved).as_sent


def test_one_instance_is_answered_alone() -> None:
    mine = event(ANN, NO, extra=INSTANCE, start="20260303T100000Z")
    text = reply(change(series(ANN, YES), series(ANN, YES, others=(mine,))))
    assert text.count("BEGIN:VEVENT") == 1
    assert "RECURRENCE-ID:20260303T100000Z" in text
    assert "PARTSTAT=DECLINED" in text
    assert "RRULE" not in text


def test_an_instance_made_for_an_alarm_is_no_answer() -> None:
    mine = event(ANN, YES, extra=INSTANCE, start="20260303T100000Z", alarm=True)
    assert not change(series(ANN, YES), series(ANN, YES, others=(mine,))).messages


def test_an_instance_can_t_be_moved() -> None:
    mine = event(ANN, YES, extra=INSTANCE, start="20260303T120000Z")
    with pytest.raises(NotAllowed):
        change(series(ANN, YES), series(ANN, YES, others=(mine,)))


def test_an_instance_that_is_deleted_is_declined() -> None:
    text = reply(change(series(ANN, YES), series(ANN, YES, extra="EXDATE:20260303T100000Z\n")))
    assert "RECURRENCE-ID:20260303T100000Z" in text
    assert "PARTSTAT=DECLINED" in text
    assert "RRULE" not in text
    assert "DTEND" not in text


def test_instances_can_t_be_added() -> None:
    old = series(ANN, YES, extra="EXDATE:20260303T100000Z\n")
    with pytest.raises(NotAllowed):
        change(old, series(ANN, YES))


def test_an_instance_may_be_put_back_only_if_nothing_of_the_organizer_is_lost() -> None:
    answered = event(ANN, NO, extra=INSTANCE, start="20260303T100000Z")
    moved = event(ANN, NO, extra=INSTANCE, start="20260303T150000Z")
    change(series(ANN, YES, others=(answered,)), series(ANN, YES))
    with pytest.raises(NotAllowed):
        change(series(ANN, YES, others=(moved,)), series(ANN, YES))


def test_a_meeting_that_came_by_mail_may_be_put_as_accepted() -> None:
    assert "ACCEPTED" in reply(change(None, one(ANN, YES)))
    assert not change(None, one(ANN, BEN)).messages


def test_an_answer_that_is_forced_is_sent_once() -> None:
    new = one(ANN, YES).replace("ORGANIZER", "ORGANIZER;SCHEDULE-FORCE-SEND=REPLY")
    found = change(one(ANN, YES), new)
    reply(found)
    assert "FORCE" not in found.stored.written().decode()  # type: ignore[union-attr]


def test_an_organizer_that_is_not_known_gets_nothing() -> None:
    reach = {"ann@here.example": Status.INVALID_USER}
    found = change(one(ANN, BEN), one(ANN, YES), reach=reach)
    assert not found.messages
    assert "SCHEDULE-STATUS=3.7" in found.stored.written().decode()  # type: ignore[union-attr]


def test_how_far_a_task_is_is_an_answer() -> None:
    def task(*people: str, extra: str = "") -> str:
        return one(*people, extra=extra).replace("VEVENT", "VTODO").replace("DTEND", "DUE")

    text = reply(change(task(ANN, YES), task(ANN, YES, extra="PERCENT-COMPLETE:50\n")))
    assert "PERCENT-COMPLETE:50" in text


def test_what_concerns_others_is_left_alone() -> None:
    stranger = one(ANN, CAT)
    role, found = changes(None, parse_calendar(stranger.encode()), ME, NOW)
    assert role is Role.NONE
    assert not found.messages
    assert found.as_sent
