"""Meetings as CalDAV clients make them: what each side's PUT and DELETE does to the others'."""

import asyncio
import re

from kit.app import DOMAIN, AppUnderTest
from kit.dav import C, D, Dav, event, names_of, wrapped
from kit.wire import ANSWER_S

CALENDAR, INBOX = "~cal/personal/", "~cal/inbox/"
ALICE, BOB = f"mailto:alice@{DOMAIN}", f"mailto:bob@{DOMAIN}"
ORGANIZER = f"ORGANIZER:{ALICE}"
HEAD = ("BEGIN:VEVENT", "UID:m", "DTSTAMP:20290101T000000Z")
START = "20290105T100000Z"


def meeting(*lines: str, guests: tuple[str, ...] = (BOB,), start: str = START) -> bytes:
    """A meeting of alice's."""
    people = (f"ATTENDEE;PARTSTAT=ACCEPTED:{ALICE}", *map(guest, guests))
    lines = lines or ("SUMMARY:Plan",)
    return wrapped(
        *HEAD, f"DTSTART:{start}", "DURATION:PT1H", ORGANIZER, *people, *lines, "END:VEVENT"
    )


def guest(address: str) -> str:
    return f"ATTENDEE;RSVP=TRUE;PARTSTAT=NEEDS-ACTION:{address}"


def unfolded(content: bytes) -> str:
    return re.sub(r"\r?\n[ \t]", "", content.decode())


async def objects(client: Dav, path: str = CALENDAR) -> dict[str, str]:
    """What is in a collection, unfolded, by name."""
    answer = await client.propfind(path, "getetag", depth="1")
    found = {}
    for href in answer.rows:
        if not href.endswith("/"):
            got = await client.ask("GET", href.replace(" ", "%20"))
            if got.status == 200:
                found[href] = unfolded(got.heard.body)
    return found


async def until(client: Dav, *texts: str, path: str = CALENDAR, gone: bool = False) -> str:
    """Wait until one object fits all these patterns, or with `gone` none; gives its path."""
    async with asyncio.timeout(ANSWER_S):
        while True:
            found = await objects(client, path)
            fits = [
                one for one, text in found.items() if all(re.search(part, text) for part in texts)
            ]
            if bool(fits) is not gone:
                return "" if gone else fits[0]
            await asyncio.sleep(0.02)


def accepted(text: str, address: str, answer: str = "ACCEPTED") -> bytes:
    """An object in which somebody has answered."""
    lines = []
    for line in text.splitlines():
        if line.startswith("ATTENDEE") and address in line:
            line = f"ATTENDEE;PARTSTAT={answer}:{address}"
        lines.append(line + "\r\n")
    return "".join(lines).encode()


async def test_an_invitation_and_its_answers(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        made = await alice.put(CALENDAR + "m.ics", meeting())
        assert made.status == 201
        path = await until(bob, "SUMMARY:Plan", "PARTSTAT=NEEDS-ACTION")
        await until(bob, "METHOD:REQUEST", path=INBOX)
        sent = await until(alice, "SCHEDULE-STATUS=1.2")
        assert sent == alice.path(CALENDAR + "m.ics")
        for answer in ("TENTATIVE", "ACCEPTED", "DECLINED"):
            theirs = (await objects(bob))[path]
            put = await bob.put(path, accepted(theirs, BOB, answer))
            assert put.status == 204, put.heard.text
            await until(alice, f"PARTSTAT={answer}")
        await until(alice, "METHOD:REPLY", path=INBOX)
        assert names_of((await alice.propfind(CALENDAR, "getetag", depth="1")).rows) == [
            "m.ics", "personal",
        ]  # fmt: skip
        # The organizer moves it: it has to be answered anew.
        mine = (await objects(alice))[sent]
        moved = mine.replace(f"DTSTART:{START}", "DTSTART:20290106T100000Z")
        assert (await alice.put(sent, moved.encode())).status == 204
        await until(bob, "DTSTART:20290106T100000Z", "PARTSTAT=NEEDS-ACTION")
        assert (await alice.ask("DELETE", sent)).status == 204
        await until(bob, "METHOD:CANCEL", path=INBOX)
        await until(bob, "STATUS:CANCELLED")


async def test_occurrences(server: AppUnderTest) -> None:
    """Left out, changed and declined one by one."""
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        series = meeting("SUMMARY:Plan", "RRULE:FREQ=DAILY;COUNT=5")
        assert (await alice.put(CALENDAR + "m.ics", series)).status == 201
        path = await until(bob, "RRULE:FREQ=DAILY;COUNT=5")
        # Bob declines one: only of that one alice is told.
        theirs = (await objects(bob))[path]
        one = (
            "BEGIN:VEVENT\r\nUID:m\r\nDTSTAMP:20290101T000000Z\r\n"
            "RECURRENCE-ID:20290106T100000Z\r\nDTSTART:20290106T100000Z\r\nDURATION:PT1H\r\n"
            f"SUMMARY:Plan\r\n{ORGANIZER}\r\nATTENDEE;PARTSTAT=ACCEPTED:{ALICE}\r\n"
            f"ATTENDEE;PARTSTAT=DECLINED:{BOB}\r\nEND:VEVENT\r\nEND:VCALENDAR"
        )
        put = await bob.put(path, theirs.replace("END:VCALENDAR", one).encode())
        assert put.status == 204, put.heard.text
        told = await until(alice, "RECURRENCE-ID:20290106T100000Z", "PARTSTAT=DECLINED")
        text = (await objects(alice))[told]
        assert text.count("PARTSTAT=DECLINED") == 1
        assert text.count("BEGIN:VEVENT") == 2
        assert "PARTSTAT=NEEDS-ACTION" in text.partition("RECURRENCE-ID")[0]
        mine = (await objects(alice))[alice.path(CALENDAR + "m.ics")]
        without = mine.replace("RRULE:", "EXDATE:20290107T100000Z\r\nRRULE:", 1)
        assert (await alice.put(CALENDAR + "m.ics", without.encode())).status == 204
        await until(bob, "EXDATE:20290107T100000Z")


async def test_people_come_and_go(server: AppUnderTest) -> None:
    await server.add_users("carol")
    carols = f"mailto:carol@{DOMAIN}"
    async with (
        await Dav.open(server) as alice,
        await Dav.open(server, "bob") as bob,
        await Dav.open(server, "carol") as carol,
    ):
        await alice.put(CALENDAR + "m.ics", meeting())
        await until(bob, "SUMMARY:Plan")
        assert await objects(carol) == {}
        await alice.put(CALENDAR + "m.ics", meeting(guests=(BOB, carols)))
        path = await until(carol, "SUMMARY:Plan")
        await until(bob, "carol@")
        theirs = (await objects(carol))[path]
        assert (await carol.put(path, accepted(theirs, carols))).status == 204
        await until(alice, f"PARTSTAT=ACCEPTED.*:{carols}")
        await alice.put(CALENDAR + "m.ics", meeting(guests=(carols,)))
        await until(bob, "STATUS:CANCELLED")
        # Who deletes it has declined.
        assert (await carol.ask("DELETE", path)).status == 204
        await until(alice, "PARTSTAT=DECLINED")


async def test_what_attendees_and_strangers_may_not(server: AppUnderTest) -> None:
    await server.add_users("mallory")
    async with (
        await Dav.open(server) as alice,
        await Dav.open(server, "bob") as bob,
        await Dav.open(server, "mallory") as mallory,
    ):
        await alice.put(CALENDAR + "m.ics", meeting())
        path = await until(bob, "SUMMARY:Plan")
        theirs = (await objects(bob))[path]
        for old, new in (
            (f"DTSTART:{START}", "DTSTART:20290109T100000Z"),
            ("SUMMARY:Plan", "SUMMARY:Other"),
            ("ORGANIZER[^\r\n]*", f"ORGANIZER:{BOB}"),
        ):
            refused = await bob.put(path, re.sub(old, new, theirs).encode())
            assert refused.status == 403, new
            assert b"allowed-" in refused.heard.body
        # Alarms, colours and the like are one's own.
        alarm = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\n"
        own = theirs.replace("END:VEVENT", f"TRANSP:TRANSPARENT\r\n{alarm}END:VEVENT")
        assert (await bob.put(path, own.encode())).status == 204
        assert "VALARM" not in (await objects(alice))[alice.path(CALENDAR + "m.ics")]
        # The same UID in another's name reaches nobody's copy.
        forged = meeting("SUMMARY:Forged").replace(
            ORGANIZER.encode(), f"ORGANIZER:mailto:mallory@{DOMAIN}".encode()
        )
        await mallory.put(CALENDAR + "m.ics", forged)
        as_alice = await mallory.put(CALENDAR + "n.ics", meeting("SUMMARY:Forged"))
        assert as_alice.status in (201, 403, 409)
        await alice.put(CALENDAR + "m.ics", meeting("SUMMARY:Plan", "LOCATION:Here"))
        await until(bob, "LOCATION:Here")
        assert all("Forged" not in text for text in (await objects(bob)).values())
        assert all("Forged" not in text for text in (await objects(alice)).values())
        # A meeting is in one calendar of one's own, under one name.
        await bob.ask("MKCALENDAR", "~cal/work/")
        again = await bob.put("~cal/work/m.ics", (await objects(bob))[path].encode())
        assert again.status in (403, 409)
        assert C + "unique-scheduling-object-resource" in again.conditions


async def test_schedule_tags(server: AppUnderTest) -> None:
    """They stay the same while only answers come in, so that nobody's change is lost."""
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        plain = await alice.put(CALENDAR + "p.ics", event("p"))
        assert "schedule-tag" not in plain.fields
        made = await alice.put(CALENDAR + "m.ics", meeting())
        path = await until(bob, "SUMMARY:Plan")
        await until(alice, "SCHEDULE-STATUS")
        first = await alice.ask("GET", CALENDAR + "m.ics")
        tag = first.fields["schedule-tag"]
        assert made.fields.get("schedule-tag", tag) == tag
        theirs = (await objects(bob))[path]
        assert (await bob.put(path, accepted(theirs, BOB))).status == 204
        await until(alice, f"PARTSTAT=ACCEPTED.*:{BOB}")
        second = await alice.ask("GET", CALENDAR + "m.ics")
        assert second.fields["schedule-tag"] == tag
        assert second.etag != first.etag
        row = (await alice.propfind(CALENDAR + "m.ics", "C:schedule-tag")).only
        assert row.text(C + "schedule-tag") == tag
        wrong = await alice.put(CALENDAR + "m.ics", meeting(), If_Schedule_Tag_Match='"no"')
        assert wrong.status == 412
        old = unfolded(first.heard.body).replace("SUMMARY:Plan", "SUMMARY:Other").encode()
        put = await alice.put(CALENDAR + "m.ics", old, If_Schedule_Tag_Match=tag)
        assert put.status == 204
        # The answer that came in meanwhile is kept.
        await until(alice, "SUMMARY:Other", f"PARTSTAT=ACCEPTED.*:{BOB}")
        gone = await alice.ask("DELETE", CALENDAR + "m.ics", If_Schedule_Tag_Match='"no"')
        assert gone.status == 412


async def test_agents_and_strange_people(server: AppUnderTest) -> None:
    """Whom the client tells itself the server leaves alone; whoever is nobody is said to be."""
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        for uid, agent in (("c", "CLIENT"), ("n", "NONE")):
            content = meeting().replace(b"UID:m", f"UID:{uid}".encode())
            content = content.replace(b"RSVP=TRUE", f"SCHEDULE-AGENT={agent}".encode())
            assert (await alice.put(f"{CALENDAR}{uid}.ics", content)).status == 201
        await alice.put(CALENDAR + "m.ics", meeting(guests=(BOB, f"mailto:nobody@{DOMAIN}")))
        await until(bob, "UID:m")
        assert len(await objects(bob)) == 1
        path = await until(alice, "SCHEDULE-STATUS=3.7")
        assert "SCHEDULE-STATUS=1.2" in (await objects(alice))[path]


async def test_free_and_busy_by_the_outbox(server: AppUnderTest) -> None:
    asked = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:REQUEST\r\nBEGIN:VFREEBUSY\r\n"
        "UID:f\r\nDTSTAMP:20290101T000000Z\r\nDTSTART:20290105T000000Z\r\n"
        f"DTEND:20290106T000000Z\r\n{ORGANIZER}\r\nATTENDEE:{BOB}\r\nEND:VFREEBUSY\r\n"
        "END:VCALENDAR\r\n"
    )
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        await bob.put(CALENDAR + "b.ics", event("b", start=START))

        async def post(body: str, path: str = "~cal/outbox/") -> tuple[int, str]:
            answer = await alice.ask("POST", path, body, Content_Type="text/calendar")
            return answer.status, unfolded(answer.heard.body)

        status, text = await post(asked)
        assert status == 200
        assert "FREEBUSY:20290105T100000Z/" in text.replace(";FBTYPE=BUSY", "")
        # Not in free-busy: the calendar says so.
        transparent = (
            "<set><prop><C:schedule-calendar-transp><C:transparent/></C:schedule-calendar-transp>"
            "</prop></set>"
        )
        assert (await bob.proppatch(CALENDAR, transparent)).status == 207
        assert "20290105T100000Z/" not in (await post(asked))[1]
        for wrong in (
            "nonsense",
            asked.replace("METHOD:REQUEST\r\n", ""),
            asked.replace(ORGANIZER, f"ORGANIZER:{BOB}"),
            asked.replace(f"{ORGANIZER}\r\n", ""),
            asked.replace("METHOD:REQUEST", "METHOD:REPLY"),
        ):
            status, text = await post(wrong)
            assert status in (400, 403), wrong
        assert (await post(asked, bob.path("~cal/outbox/")))[0] == 403
        assert (await post(asked, CALENDAR))[0] in (403, 405)


async def test_the_default_calendar(server: AppUnderTest) -> None:
    """Invitations go to the calendar that the inbox names."""
    name = "schedule-default-calendar-URL"

    def named(path: str) -> str:
        return f"<set><prop><C:{name}><href>{path}</href></C:{name}></prop></set>"

    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        await bob.ask("MKCALENDAR", "~cal/work/")
        for wrong in (
            "~cal/none/",
            "~cal/inbox/",
            "~card/contacts/",
            alice.path(CALENDAR),
            "~cal/",
        ):
            answer = await bob.proppatch(INBOX, named(bob.path(wrong)))
            assert answer.status == 403 or answer.only.names() == set(), wrong
        answer = await bob.proppatch(INBOX, named(bob.path("~cal/work/")))
        assert C + name in answer.only.names()
        await alice.put(CALENDAR + "m.ics", meeting())
        await until(bob, "SUMMARY:Plan", path="~cal/work/")
        assert await objects(bob) == {}
        assert (await bob.ask("DELETE", "~cal/work/")).status in (204, 403)
        found = await bob.propfind(INBOX, f"C:{name}")
        (now,) = found.only.hrefs(C + name)
        assert (await bob.propfind(now, "resourcetype")).only.props[200][D + "resourcetype"]


async def test_private_things_stay_so(server: AppUnderTest) -> None:
    """Alarms and what the organizer's client noted for itself are not sent along."""
    alarm = ("BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x", "TRIGGER:-PT5M", "END:VALARM")
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        content = meeting("SUMMARY:Plan", "X-MY-NOTE:secret", *alarm)
        assert (await alice.put(CALENDAR + "m.ics", content)).status == 201
        path = await until(bob, "SUMMARY:Plan")
        text = (await objects(bob))[path]
        assert "VALARM" not in text
        assert "SCHEDULE-STATUS" not in text
        assert "X-MY-NOTE" not in text
        mine = (await objects(alice))[alice.path(CALENDAR + "m.ics")]
        assert "VALARM" in mine
        assert "X-MY-NOTE:secret" in mine
        assert all("VALARM" not in one for one in (await objects(bob, INBOX)).values())
