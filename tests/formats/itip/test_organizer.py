"""What an organizer's change means to whom they invite."""

import pytest

from kit.meetings import ANN, BEN, CAT, DAN, NOW, calendar, event
from pillarbox.formats.ical.component import parse_calendar
from pillarbox.formats.itip.address import Identity
from pillarbox.formats.itip.changes import Role, changes
from pillarbox.formats.itip.model import Method, NotAllowed, Scheduled, Status

ME = Identity(("ann@here.example", "a.nn@here.example"))


def change(old: str | None, new: str | None, **more: object) -> Scheduled:
    role, found = changes(
        None if old is None else parse_calendar(old.encode()),
        None if new is None else parse_calendar(new.encode()),
        ME,
        NOW,
        **more,  # type: ignore[arg-type]
    )
    assert role is Role.ORGANIZER
    return found


def stored(found: Scheduled) -> str:
    assert found.stored is not None
    return found.stored.written().decode()


def told(found: Scheduled) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.method.value, tuple(sorted(one.recipients))) for one in found.messages]


def one(*people: str, **more: object) -> str:
    return calendar(event(*people, **more))


def series(*people: str, extra: str = "", others: tuple[str, ...] = ()) -> str:
    return calendar(event(*people, extra="RRULE:FREQ=DAILY;COUNT=5\n" + extra), *others)


def test_a_new_meeting_is_a_request_for_all_but_the_organizer() -> None:
    found = change(None, one(ANN, BEN, CAT))
    assert told(found) == [("REQUEST", ("ben@here.example", "cat@there.example"))]
    text = found.messages[0].calendar.written().decode()
    assert "METHOD:REQUEST\r\n" in text
    assert f"DTSTAMP:{NOW:%Y%m%dT%H%M%SZ}" in text
    text = stored(found)
    assert "METHOD" not in text
    assert text.count("SCHEDULE-STATUS=1.1") == 2


def test_what_is_private_stays_here() -> None:
    new = one(
        ANN,
        BEN.replace("ATTENDEE", "ATTENDEE;SCHEDULE-AGENT=SERVER;X-A=1"),
        extra="X-MOZ-LASTACK:20260101T000000Z\nX-ALT-DESC:<b>\n",
        alarm=True,
    )
    found = change(None, new)
    text = found.messages[0].calendar.written().decode()
    for hidden in ("VALARM", "X-MOZ", "SCHEDULE-", "X-A="):
        assert hidden not in text
    assert "X-ALT-DESC" in text
    assert "VALARM" in stored(found)


@pytest.mark.parametrize("agent", ["CLIENT", "NONE"])
def test_the_server_keeps_out_of_what_the_client_does(agent: str) -> None:
    new = one(ANN, BEN.replace("ATTENDEE", f"ATTENDEE;SCHEDULE-AGENT={agent}"))
    found = change(None, new)
    assert not found.messages
    assert found.as_sent


def test_unknown_users_are_marked_and_get_nothing() -> None:
    reach = {"ben@here.example": Status.INVALID_USER, "cat@there.example": Status.SENT}
    found = change(None, one(ANN, BEN, CAT), reach=reach)
    assert told(found) == [("REQUEST", ("cat@there.example",))]
    assert "SCHEDULE-STATUS=3.7" in stored(found)


def test_a_change_that_nobody_has_to_know_is_told_to_nobody() -> None:
    old = one(ANN, BEN)
    found = change(old, one(ANN, BEN, alarm=True, extra="TRANSP:TRANSPARENT\nX-A:b\n"))
    assert not found.messages
    assert found.as_sent


def test_a_new_place_is_told_and_asks_nobody_anew() -> None:
    old = one(ANN, BEN + ";PARTSTAT=ACCEPTED")
    new = one(ANN, BEN + ";PARTSTAT=ACCEPTED", extra="LOCATION:Attic\n")
    found = change(old, new)
    assert told(found) == [("REQUEST", ("ben@here.example",))]
    assert "PARTSTAT=ACCEPTED" in found.messages[0].calendar.written().decode()


def test_a_new_time_asks_anew_and_raises_the_sequence() -> None:
    old = one(ANN + ";PARTSTAT=ACCEPTED", BEN + ";PARTSTAT=ACCEPTED")
    new = one(ANN + ";PARTSTAT=ACCEPTED", BEN + ";PARTSTAT=ACCEPTED", start="20260301T120000Z")
    found = change(old, new)
    text = found.messages[0].calendar.written().decode()
    assert "SEQUENCE:1" in text
    assert text.count("NEEDS-ACTION") == 1
    assert text.count("PARTSTAT=ACCEPTED") == 1
    assert not found.as_sent


def test_a_sequence_that_the_client_raised_is_enough() -> None:
    found = change(one(ANN, BEN), one(ANN, BEN, start="20260301T120000Z", sequence=4))
    assert "SEQUENCE:4" in stored(found)


def test_a_sequence_never_falls() -> None:
    found = change(one(ANN, BEN, sequence=4), one(ANN, BEN, extra="LOCATION:x\n"))
    assert "SEQUENCE:4" in stored(found)


def test_who_is_removed_gets_a_cancel_and_the_others_a_minor_request() -> None:
    found = change(one(ANN, BEN, CAT), one(ANN, CAT))
    methods = {m.method: m for m in found.messages}
    cancel = methods[Method.CANCEL]
    assert cancel.recipients == ("ben@here.example",)
    text = cancel.calendar.written().decode()
    assert "STATUS:CANCELLED" in text
    assert "cat@" not in text
    assert methods[Method.REQUEST].is_minor


def test_who_is_added_gets_a_whole_request() -> None:
    found = change(one(ANN, BEN), one(ANN, BEN, CAT))
    kinds = {m.recipients: m.is_minor for m in found.messages}
    assert kinds == {("ben@here.example",): True, ("cat@there.example",): False}


def test_a_meeting_that_goes_is_cancelled_with_a_new_sequence() -> None:
    found = change(one(ANN, BEN, CAT, sequence=2), None)
    assert told(found) == [("CANCEL", ("ben@here.example", "cat@there.example"))]
    assert "SEQUENCE:3" in found.messages[0].calendar.written().decode()
    assert found.stored is None


def test_status_cancelled_is_a_cancel_and_then_nothing_more() -> None:
    over = one(ANN, BEN, extra="STATUS:CANCELLED\n")
    assert told(change(one(ANN, BEN), over)) == [("CANCEL", ("ben@here.example",))]
    assert told(change(over, None)) == []


def test_an_instance_that_is_left_out_is_cancelled_alone() -> None:
    found = change(series(ANN, BEN), series(ANN, BEN, extra="EXDATE:20260303T100000Z\n"))
    assert told(found) == [("CANCEL", ("ben@here.example",))]
    text = found.messages[0].calendar.written().decode()
    assert "RECURRENCE-ID:20260303T100000Z" in text
    assert "RRULE" not in text
    assert "SEQUENCE:1" in text


def test_an_instance_that_comes_back_is_asked_for() -> None:
    old = series(ANN, BEN + ";PARTSTAT=ACCEPTED", extra="EXDATE:20260303T100000Z\n")
    found = change(old, series(ANN, BEN + ";PARTSTAT=ACCEPTED"))
    assert told(found) == [("REQUEST", ("ben@here.example",))]
    assert "NEEDS-ACTION" in stored(found)


def test_a_series_that_ends_sooner_asks_nobody_anew() -> None:
    old = calendar(event(ANN, BEN + ";PARTSTAT=ACCEPTED", extra="RRULE:FREQ=DAILY\n"))
    new = calendar(
        event(ANN, BEN + ";PARTSTAT=ACCEPTED", extra="RRULE:FREQ=DAILY;UNTIL=20260401T000000Z\n")
    )
    found = change(old, new)
    assert told(found) == [("REQUEST", ("ben@here.example",))]
    assert "NEEDS-ACTION" not in stored(found)
    found = change(new, old)
    assert "NEEDS-ACTION" in stored(found)


def test_an_instance_that_moves_asks_about_that_one() -> None:
    moved = event(
        ANN,
        BEN + ";PARTSTAT=ACCEPTED",
        start="20260303T150000Z",
        extra="RECURRENCE-ID:20260303T100000Z\n",
    )
    old = series(ANN, BEN + ";PARTSTAT=ACCEPTED")
    found = change(old, series(ANN, BEN + ";PARTSTAT=ACCEPTED", others=(moved,)))
    text = stored(found)
    assert text.count("PARTSTAT=NEEDS-ACTION") == 1
    assert text.count("PARTSTAT=ACCEPTED") == 1
    assert told(found) == [("REQUEST", ("ben@here.example",))]


def test_who_is_invited_to_an_instance_gets_that_one_only() -> None:
    other = event(ANN, BEN, CAT, extra="RECURRENCE-ID:20260303T100000Z\n", start="20260303T100000Z")
    found = change(None, series(ANN, BEN, others=(other,)))
    by_person = {m.recipients: m.calendar.written().decode() for m in found.messages}
    cat = by_person[("cat@there.example",)]
    assert cat.count("BEGIN:VEVENT") == 1
    assert "RRULE" not in cat
    assert by_person[("ben@here.example",)].count("BEGIN:VEVENT") == 2


def test_who_is_not_part_of_an_instance_does_not_have_it() -> None:
    other = event(ANN, CAT, extra="RECURRENCE-ID:20260303T100000Z\n", start="20260303T100000Z")
    found = change(None, series(ANN, BEN, CAT, others=(other,)))
    by_person = {m.recipients: m.calendar.written().decode() for m in found.messages}
    ben = by_person[("ben@here.example",)]
    assert "EXDATE:20260303T100000Z" in ben
    assert ben.count("BEGIN:VEVENT") == 1


def test_who_is_removed_from_an_instance_gets_a_cancel_of_it() -> None:
    with_cat = event(ANN, BEN, CAT, extra="RECURRENCE-ID:20260303T100000Z\n")
    without = event(ANN, BEN, extra="RECURRENCE-ID:20260303T100000Z\n")
    found = change(series(ANN, BEN, others=(with_cat,)), series(ANN, BEN, others=(without,)))
    cancel = next(m for m in found.messages if m.method is Method.CANCEL)
    assert cancel.recipients == ("cat@there.example",)
    assert "RECURRENCE-ID" in cancel.calendar.written().decode()


def test_a_request_that_is_forced_is_sent_once() -> None:
    new = one(ANN, BEN.replace("ATTENDEE", "ATTENDEE;SCHEDULE-FORCE-SEND=REQUEST"), CAT)
    found = change(one(ANN, BEN, CAT), new)
    assert told(found) == [("REQUEST", ("ben@here.example",))]
    assert "FORCE" not in stored(found)


def test_messages_that_are_alike_are_one() -> None:
    people = [f"ATTENDEE:mailto:p{number}@here.example" for number in range(150)]
    found = change(None, one(ANN, *people))
    assert len(found.messages) == 1
    assert len(found.messages[0].recipients) == 150


def test_too_many_attendees_are_refused() -> None:
    people = [f"ATTENDEE:mailto:p{number}@here.example" for number in range(201)]
    with pytest.raises(NotAllowed) as caught:
        change(None, one(ANN, *people))
    assert caught.value.rule == "max-attendees-per-instance"


def test_the_organizer_stays() -> None:
    with pytest.raises(NotAllowed) as caught:
        change(one(ANN, BEN), one(ANN, BEN, organizer=DAN))
    assert caught.value.rule == "allowed-organizer-scheduling-object-change"


def test_all_parts_have_one_organizer() -> None:
    other = event(ANN, BEN, extra="RECURRENCE-ID:20260303T100000Z\n", organizer=DAN)
    with pytest.raises(NotAllowed) as caught:
        change(None, series(ANN, BEN, others=(other,)))
    assert caught.value.rule == "same-organizer-in-all-components"


def test_an_alias_organizes_as_well() -> None:
    found = change(None, one(ANN, BEN, organizer="MAILTO:A.Nn@HERE.example"))
    assert told(found) == [("REQUEST", ("ben@here.example",))]


def test_a_meeting_that_is_no_longer_one_is_cancelled() -> None:
    plain = calendar(event(organizer=None))
    role, found = changes(
        parse_calendar(one(ANN, BEN).encode()), parse_calendar(plain.encode()), ME, NOW
    )
    assert role is Role.NONE
    assert told(found) == [("CANCEL", ("ben@here.example",))]
    assert found.stored is not None
    assert found.as_sent


def test_attachments_within_large_messages_are_left_out() -> None:
    inline = "ATTACH;VALUE=BINARY;ENCODING=BASE64:" + "A" * 1_500_000 + "\n"
    found = change(None, one(ANN, BEN, extra=inline))
    assert "ATTACH" not in found.messages[0].calendar.written().decode()
    with pytest.raises(NotAllowed):
        change(None, one(ANN, BEN, extra="DESCRIPTION:" + "A" * 1_500_000 + "\n"))


def test_tasks_are_scheduled_too() -> None:
    task = one(ANN, BEN).replace("VEVENT", "VTODO").replace("DTEND", "DUE")
    moved = task.replace("DUE:20260301T11", "DUE:20260301T13")
    found = change(task, moved)
    assert told(found) == [("REQUEST", ("ben@here.example",))]
    assert "SEQUENCE:1" in stored(found)


def test_who_is_elsewhere_gets_no_mail_for_each_who_is_invited() -> None:
    reach = {"ben@here.example": Status.DELIVERED, "cat@there.example": Status.SENT}
    new = one(ANN, BEN, CAT, "ATTENDEE:mailto:eve@here.example")
    found = change(one(ANN, BEN, CAT), new, reach=reach)
    assert sorted(found.messages[0].recipients + found.messages[1].recipients) == [
        "ben@here.example",
        "eve@here.example",
    ]


def test_an_answer_the_client_has_not_seen_stays() -> None:
    old = one(ANN, BEN + ";PARTSTAT=ACCEPTED;X-PILLARBOX-STAMP=20260101T000000Z")
    found = change(old, one(ANN, BEN, extra="LOCATION:x\n"))
    assert "PARTSTAT=ACCEPTED" in stored(found)
    found = change(old, one(ANN, BEN, extra="LOCATION:x\n", sequence=1))
    assert "PARTSTAT=ACCEPTED" not in stored(found)
