"""Meetings between users of one server, and with people elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from kit.app import DOMAIN, AppUnderTest
from kit.meetings import calendar, event
from kit.office import TRAP, Office
from pillarbox.domain.accounts import aliases, users
from pillarbox.domain.accounts.resources import AutoAccept
from pillarbox.domain.scheduling import loops, messages
from pillarbox.domain.scheduling.model import SchedulingDenied
from pillarbox.storage.tx import Tx

ANN = f"mailto:ann@{DOMAIN}"
ANN_LINE, BEN_LINE = f"ATTENDEE:{ANN}", f"ATTENDEE:mailto:ben@{DOMAIN}"
EVE_LINE = "ATTENDEE;CN=Eve:mailto:eve@elsewhere.example"
DAILY = "RRULE:FREQ=DAILY;COUNT=5\n"
# In the future of any run: what was over long ago is removed without a word.
START = "20990301T100000Z"


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with AppUnderTest(tmp_path, trap=f"{TRAP}@{DOMAIN}") as app:
        await app.add_users("ann", "ben", "cat", TRAP)
        yield Office(app)


def meeting(*people: str, start: str = START, **more: object) -> str:
    return calendar(event(ANN_LINE, *people, start=start, organizer=ANN, **more))  # type: ignore[arg-type]


def person(name: str, answer: str = "") -> str:
    said = f";PARTSTAT={answer}" if answer else ""
    return f"ATTENDEE{said}:mailto:{name}@{DOMAIN}"


async def test_an_invitation_an_answer_and_what_the_others_see(office: Office) -> None:
    stored = await office.put("ann", meeting(person("ben"), person("cat")))
    assert not stored.as_sent
    assert (await office.copy("ann")).count("SCHEDULE-STATUS=1.2") == 2
    for name in ("ben", "cat"):
        assert "METHOD" not in await office.copy(name)
        (message,) = await office.inbox(name)
        assert "METHOD:REQUEST" in message
    mine = (await office.copy("ben")).replace(
        f"ATTENDEE:mailto:ben@{DOMAIN}", f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:ben@{DOMAIN}"
    )
    tag = (await office.item("ann")).schedule_tag
    href = (await office.item("ben")).href
    await office.put("ben", mine, href)
    assert "ORGANIZER;" in await office.copy("ben")
    seen = await office.copy("ann")
    assert "PARTSTAT=ACCEPTED" in seen
    assert "SCHEDULE-STATUS=2.0" in seen
    assert (await office.item("ann")).schedule_tag == tag
    assert "METHOD:REPLY" in (await office.inbox("ann"))[0]
    await office.work()
    assert "PARTSTAT=ACCEPTED" in await office.copy("cat")
    assert len(await office.inbox("cat")) == 1


async def test_a_meeting_that_goes_is_cancelled_for_all(office: Office) -> None:
    await office.put("ann", meeting(person("ben")))
    await office.delete("ann")
    assert "STATUS:CANCELLED" in await office.copy("ben")
    assert "METHOD:CANCEL" in (await office.inbox("ben"))[1]


async def test_what_is_long_over_goes_without_a_word(office: Office) -> None:
    past = "20200301T100000Z"
    await office.put("ann", meeting(person("ben"), start=past))
    await office.delete("ann")
    assert "CANCELLED" not in await office.copy("ben")


async def test_deleting_declines_but_with_schedule_reply_f(office: Office) -> None:
    await office.put("ann", meeting(person("ben"), person("cat")))
    await office.delete("ben", (await office.item("ben")).href)
    assert (await office.copy("ann")).count("PARTSTAT=DECLINED") == 1
    await office.delete("cat", (await office.item("cat")).href, reply=False)
    assert (await office.copy("ann")).count("PARTSTAT=DECLINED") == 1
    await office.work()
    assert await office.calendar("ben") == {}


async def test_nothing_is_put_back_that_was_declined(office: Office) -> None:
    await office.put("ann", meeting(person("ben")))
    await office.delete("ben", (await office.item("ben")).href)
    changed = (await office.copy("ann")).replace("SUMMARY:Meeting", "SUMMARY:Other")
    await office.put("ann", changed)
    assert await office.calendar("ben") == {}
    assert len(await office.inbox("ben")) == 2


async def test_an_attendee_can_t_change_a_meeting(office: Office) -> None:
    await office.put("ann", meeting(person("ben")))
    moved = (await office.copy("ben")).replace("T100000Z", "T090000Z")
    with pytest.raises(SchedulingDenied) as caught:
        await office.put("ben", moved, (await office.item("ben")).href)
    assert caught.value.rule == "allowed-attendee-scheduling-object-change"


async def test_a_meeting_is_in_one_calendar_once(office: Office) -> None:
    await office.put("ann", meeting(person("ben")))
    with pytest.raises(Exception, match=r".") as caught:
        await office.put("ann", meeting(person("ben")), "other.ics")
    assert "UID" in str(caught.value) or "another" in str(caught.value)


async def test_who_is_elsewhere_gets_a_mail(office: Office) -> None:
    await office.put("ann", meeting(EVE_LINE))
    assert "SCHEDULE-STATUS=1.1" in await office.copy("ann")
    (raw,) = await office.mail()
    mail = message_from_bytes(raw, policy=default)
    assert mail["from"].addresses[0].addr_spec == f"ann@{DOMAIN}"
    assert mail["to"].addresses[0].addr_spec == "eve@elsewhere.example"
    kinds = [part.get_content_type() for part in mail.walk()]
    assert "text/calendar" in kinds
    assert "application/ics" in kinds
    await office.delete("ann")
    assert len(await office.mail()) == 2


async def test_nobody_of_that_name_is_told_at_once(office: Office) -> None:
    await office.put("ann", meeting(person("nobody")))
    assert "SCHEDULE-STATUS=3.7" in await office.copy("ann")


async def test_an_alias_is_who_it_leads_to(office: Office) -> None:
    def add(tx: Tx) -> None:
        aliases.create(tx, f"benny@{DOMAIN}", [f"ben@{DOMAIN}"])

    await office.services.database.write(add)
    await office.put("ann", meeting(person("benny")))
    mine = (await office.copy("ben")).replace(
        "ATTENDEE:mailto:benny", "ATTENDEE;PARTSTAT=TENTATIVE:mailto:benny"
    )
    await office.put("ben", mine, (await office.item("ben")).href)
    assert "PARTSTAT=TENTATIVE" in await office.copy("ann")


async def test_an_update_keeps_the_alarms_of_attendees(office: Office) -> None:
    await office.put("ann", meeting(person("ben")))
    alarm = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VEVENT"
    await office.put(
        "ben",
        (await office.copy("ben")).replace("END:VEVENT", alarm),
        (await office.item("ben")).href,
    )
    await office.put("ann", (await office.copy("ann")).replace("SUMMARY:Meeting", "SUMMARY:Other"))
    found = await office.copy("ben")
    assert "VALARM" in found
    assert "SUMMARY:Other" in found


async def test_a_room_accepts_when_it_is_free(office: Office) -> None:
    await office.room("attic")
    await office.put("ann", meeting(person("attic")))
    await office.work()
    assert "PARTSTAT=ACCEPTED" in await office.copy("ann")
    assert await office.inbox("attic") == []
    other = meeting(person("attic"), uid="meeting-2", start="20990301T103000Z")
    await office.put("ann", other, "other.ics")
    await office.work()
    assert "PARTSTAT=DECLINED" in (await office.calendar("ann"))["other.ics"]
    later = meeting(person("attic"), uid="meeting-3", start="20990301T110000Z")
    await office.put("ann", later, "later.ics")
    await office.work()
    assert "PARTSTAT=ACCEPTED" in (await office.calendar("ann"))["later.ics"]


async def test_of_two_who_book_at_once_one_gets_the_room(office: Office) -> None:
    await office.room("attic")
    await asyncio.gather(
        *(
            office.put("ann", meeting(person("attic"), uid=f"m{number}"), f"{number}.ics")
            for number in range(4)
        )
    )
    await office.work()
    found = "".join((await office.calendar("ann")).values())
    assert found.count("PARTSTAT=ACCEPTED") == 1
    assert found.count("PARTSTAT=DECLINED") == 3


async def test_a_room_whose_managers_decide_says_nothing(office: Office) -> None:
    await office.room("attic", AutoAccept.MANUAL)
    await office.put("ann", meeting(person("attic")))
    await office.work()
    assert "PARTSTAT" not in await office.copy("ann")
    assert len(await office.inbox("attic")) == 1


async def test_a_series_in_a_room_is_looked_at_as_a_whole(office: Office) -> None:
    await office.room("attic")
    await office.put("ann", meeting(person("attic"), start="20990303T100000Z"))
    await office.put("ann", meeting(person("attic"), uid="m2", extra=DAILY), "series.ics")
    await office.work()
    assert "PARTSTAT=DECLINED" in (await office.calendar("ann"))["series.ics"]


async def test_many_answers_are_shown_to_the_others_once(office: Office) -> None:
    names = [f"u{number}" for number in range(8)]
    await office.app.add_users(*names)
    await office.put("ann", meeting(*map(person, names)))
    before = (await office.item("u7")).modseq
    for name in names[:7]:
        mine = (await office.copy(name)).replace(
            f"ATTENDEE:mailto:{name}@", f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{name}@"
        )
        await office.put(name, mine, (await office.item(name)).href)
    await office.work()
    assert (await office.copy("u7")).count("PARTSTAT=ACCEPTED") == 7
    # One change for all of them, beside the mail with the invitation: seven were noted once.
    assert (await office.item("u7")).modseq <= before + 3


async def test_what_a_killed_process_left_is_delivered(office: Office) -> None:
    place = await office.place("ann")
    owner = place.owner
    plan = await office.scheduling.plan(owner, None, meeting(person("ben")).encode())

    def noted(tx: Tx) -> None:
        office.scheduling.note(tx, owner, plan)

    await office.services.database.write(noted)
    await office.work()
    assert await office.calendar("ben") == {}  # its own process still has the time
    await office.services.database.write(messages.release, owner)
    await office.work()
    assert "SUMMARY:Meeting" in await office.copy("ben")


async def test_each_message_is_delivered_once(office: Office) -> None:
    place = await office.place("ann")
    plan = await office.scheduling.plan(place.owner, None, meeting(EVE_LINE).encode())
    await office.services.database.write(lambda tx: office.scheduling.note(tx, place.owner, plan))
    await asyncio.gather(*(office.scheduling.settle(place.owner) for _ in range(5)))
    await office.work()
    assert len(await office.mail()) == 1


async def test_answers_of_the_server_itself_are_bounded(office: Office) -> None:
    account = (await office.principal("ann")).account_id

    def ask(tx: Tx) -> bool:
        return loops.may_answer(tx, office.services.keys, account, "eve@elsewhere.example")

    told = [await office.services.database.write(ask) for _ in range(loops.ANSWERS_A_DAY + 3)]
    assert told.count(True) == loops.ANSWERS_A_DAY


async def test_objects_that_are_no_meetings_cost_nothing(office: Office) -> None:
    place = await office.place("ann")
    plain = calendar(event(organizer=None)).encode()
    plan = await office.scheduling.plan(place.owner, None, plain)
    assert plan.content is plain
    assert not plan.is_scheduled


async def test_what_waits_goes_with_the_account(office: Office) -> None:
    place = await office.place("ann")
    plan = await office.scheduling.plan(place.owner, None, meeting(EVE_LINE).encode())

    def note_and_go(tx: Tx) -> list[int]:
        office.scheduling.note(tx, place.owner, plan)
        users.delete(tx, users.require(tx, f"ann@{DOMAIN}").account_id)
        return [int(one) for one in messages.due(tx, 10)]

    assert await office.services.database.write(note_and_go) == []


async def test_a_large_meeting_is_told_in_bounded_time(office: Office) -> None:
    people = [f"ATTENDEE:mailto:p{number}@elsewhere.example" for number in range(199)]
    loop = asyncio.get_running_loop()
    began = loop.time()
    await office.put("ann", meeting(*people))
    assert loop.time() - began < 10
    await office.work()
    assert len(await office.mail()) <= 199
