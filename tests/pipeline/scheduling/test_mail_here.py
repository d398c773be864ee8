"""Users here get invitations by mail as well: some look at nothing but their mail."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from kit.app import DOMAIN, AppUnderTest
from kit.meetings import calendar, event
from kit.office import TRAP, Office

ANN = f"mailto:ann@{DOMAIN}"
PEOPLE = (f"ATTENDEE:{ANN}", f"ATTENDEE:mailto:ben@{DOMAIN}")


@asynccontextmanager
async def opened(folder: Path, **settings: str) -> AsyncIterator[Office]:
    async with AppUnderTest(folder, trap=f"{TRAP}@{DOMAIN}", settings=settings) as app:
        await app.add_users("ann", "ben", TRAP)
        yield Office(app)


def meeting(*people: str, summary: str = "Meeting", sequence: int = 0) -> str:
    made = event(*PEOPLE, *people, start="20990301T100000Z", organizer=ANN, sequence=sequence)
    return calendar(made).replace("SUMMARY:Meeting", f"SUMMARY:{summary}")


async def test_who_is_invited_here_gets_mail_too(tmp_path: Path) -> None:
    async with opened(tmp_path) as office:
        await office.put("ann", meeting())
        await office.work()
        (first,) = await office.mail("ben")
        mail = message_from_bytes(first, policy=default)
        assert mail["From"].addresses[0].addr_spec == f"ann@{DOMAIN}"
        parts = {part.get_content_type(): part for part in mail.walk()}
        assert parts["text/calendar"].get_param("method") == "REQUEST"
        # What is in the mail is in the calendar once.
        assert len(await office.calendar("ben")) == 1
        assert len(await office.inbox("ben")) == 1
        assert await office.mail("ann") == []
        await office.delete("ann")
        await office.work()
        cancelled = message_from_bytes((await office.mail("ben"))[1], policy=default)
        methods = [part.get_param("method") for part in cancelled.walk()]
        assert "CANCEL" in methods


async def test_answers_are_not_mailed_to_users_here(tmp_path: Path) -> None:
    async with opened(tmp_path) as office:
        await office.put("ann", meeting())
        mine = (await office.copy("ben")).replace(
            f"ATTENDEE:mailto:ben@{DOMAIN}", f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:ben@{DOMAIN}"
        )
        await office.put("ben", mine, (await office.item("ben")).href)
        await office.work()
        assert "PARTSTAT=ACCEPTED" in await office.copy("ann")
        assert await office.mail("ann") == []
        assert len(await office.mail("ben")) == 1


async def test_rooms_get_none(tmp_path: Path) -> None:
    async with opened(tmp_path) as office:
        await office.room("attic")
        await office.put("ann", meeting(f"ATTENDEE:mailto:attic@{DOMAIN}"))
        await office.work()
        assert "PARTSTAT=ACCEPTED" in await office.copy("ann")
        assert await office.mail("attic") == []
        assert len(await office.mail("ben")) == 1


async def test_a_setting_ends_it(tmp_path: Path) -> None:
    async with opened(tmp_path, CALENDAR_INVITATION_MAIL="outside") as office:
        await office.put("ann", meeting("ATTENDEE:mailto:eve@elsewhere.example"))
        await office.work()
        assert len(await office.inbox("ben")) == 1
        assert await office.mail("ben") == []
        assert len(await office.mail()) == 1
