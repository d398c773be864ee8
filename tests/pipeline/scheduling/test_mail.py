"""Messages about meetings that come by mail (RFC 6047): who is believed, and what is done."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.app import DOMAIN, AppUnderTest
from kit.collections import put_card
from kit.meetings import NOW, calendar, event
from kit.office import TRAP, Office
from pillarbox.domain.accounts.model import LocalTarget
from pillarbox.domain.accounts.resources import AutoAccept
from pillarbox.domain.sending import counts
from pillarbox.domain.sending.model import Sending, SendingLimits
from pillarbox.formats.ical.component import parse_calendar
from pillarbox.formats.imip import Posting, build_mail
from pillarbox.formats.mailauth.dmarc.evaluate import DmarcResult
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.pipeline.inbound.checks.arrival import Arrival, Peer, Results
from pillarbox.pipeline.inbound.message import Envelope, Fate, Origin, Recipient
from pillarbox.pipeline.scheduling.mail import MeetingMail, author, is_proved
from pillarbox.storage.tx import Tx

EVE = "eve@elsewhere.example"
EVE_URI = f"mailto:{EVE}"
START = "20990301T100000Z"
DAILY = "RRULE:FREQ=DAILY;COUNT=5\n"


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with AppUnderTest(tmp_path, trap=f"{TRAP}@{DOMAIN}") as app:
        await app.add_users("ann", "ben", TRAP)
        yield Office(app)


def passed(domain: str = "elsewhere.example") -> Arrival:
    dmarc = DmarcResult(Status.PASS, domain)
    return Arrival(Peer("192.0.2.1", True), results=Results(dmarc=dmarc))


def by_mail(text: str, sender: str = EVE, recipient: str = f"ben@{DOMAIN}") -> bytes:
    about = Posting(sender, "", recipient, "", "id@elsewhere.example", NOW)
    return build_mail(parse_calendar(text.encode()), about)


def invitation(**more: object) -> str:
    people = (f"ATTENDEE:mailto:ben@{DOMAIN}", f"ATTENDEE:{EVE_URI}")
    more.setdefault("start", START)
    return calendar(event(*people, organizer=EVE_URI, **more), method="REQUEST")  # type: ignore[arg-type]


async def take(
    office: Office,
    raw: bytes,
    arrival: Arrival | None = None,
    name: str = "ben",
    fate: Fate = Fate.INBOX,
    submitted_by: str = "",
) -> int:
    principal = await office.principal(name)
    target = LocalTarget(principal.account_id, principal.address, None)
    envelope = Envelope(Origin("", "", "ESMTP"), EVE, (Recipient(principal.address, (target,)),))
    taker = MeetingMail(office.services.database, office.services.keys)
    fates = {principal.account_id: fate}
    noted = await taker.take(envelope, raw, arrival, fates, submitted_by)
    await office.work()
    return noted


async def know(office: Office, name: str, address: str) -> None:
    account = (await office.principal(name)).account_id

    def add(tx: Tx) -> None:
        put_card(tx, office.services.keys, account, "card", address)

    await office.services.database.write(add)


async def test_an_invitation_of_a_contact_comes_into_the_calendar(office: Office) -> None:
    await know(office, "ben", EVE)
    assert await take(office, by_mail(invitation()), passed()) == 1
    assert "SUMMARY:Meeting" in await office.copy("ben")
    assert "METHOD:REQUEST" in (await office.inbox("ben"))[0]


async def test_an_invitation_of_a_stranger_stays_in_the_mail(office: Office) -> None:
    await take(office, by_mail(invitation()), passed())
    assert await office.calendar("ben") == {}
    assert await office.inbox("ben") == []


async def test_whom_one_has_written_to_is_no_stranger(office: Office) -> None:
    ben = await office.principal("ben")

    def write(tx: Tx) -> None:
        sent = Sending(ben.account_id, ben.domain_id, 1, (EVE,))
        counts.count(tx, office.services.keys, SendingLimits(), sent)

    await office.services.database.write(write)
    await take(office, by_mail(invitation()), passed())
    assert "SUMMARY:Meeting" in await office.copy("ben")


@pytest.mark.parametrize(
    "arrival",
    [
        None,
        Arrival(Peer("192.0.2.1", True)),
        passed("other.example"),
        Arrival(
            Peer("192.0.2.1", True),
            results=Results(dmarc=DmarcResult(Status.FAIL, "elsewhere.example")),
        ),
    ],
)
async def test_who_is_not_proved_changes_nothing(office: Office, arrival: Arrival | None) -> None:
    await know(office, "ben", EVE)
    assert await take(office, by_mail(invitation()), arrival) == 0
    assert await office.calendar("ben") == {}


@pytest.mark.parametrize("fate", [Fate.JUNK, Fate.QUARANTINE])
async def test_junk_changes_nothing(office: Office, fate: Fate) -> None:
    await know(office, "ben", EVE)
    assert await take(office, by_mail(invitation()), passed(), fate=fate) == 0


async def test_nobody_invites_in_another_s_name(office: Office) -> None:
    await know(office, "ben", EVE)
    forged = by_mail(invitation(), sender="mallory@evil.example")
    assert await take(office, forged, passed("evil.example")) == 0


async def test_a_user_here_is_proved_by_the_login(office: Office) -> None:
    text = invitation().replace("eve@elsewhere.example", f"ann@{DOMAIN}")
    raw = by_mail(text, sender=f"ann@{DOMAIN}")
    assert await take(office, raw, None, submitted_by=f"ann@{DOMAIN}") == 1
    assert "SUMMARY:Meeting" in await office.copy("ben")


async def test_an_answer_from_elsewhere_is_noted(office: Office) -> None:
    await office.put(
        "ann",
        calendar(event(f"ATTENDEE:{EVE_URI}", start=START, organizer=f"mailto:ann@{DOMAIN}")),
    )
    reply = calendar(
        event(
            f"ATTENDEE;PARTSTAT=ACCEPTED:{EVE_URI}",
            start=START,
            organizer=f"mailto:ann@{DOMAIN}",
        ),
        method="REPLY",
    )
    forged = by_mail(reply, sender="mallory@evil.example")
    assert await take(office, forged, passed("evil.example"), "ann") == 0
    assert "ACCEPTED" not in await office.copy("ann")
    sent = len(await office.mail())
    for _ in range(3):
        await take(office, by_mail(reply), passed(), "ann")
    found = await office.copy("ann")
    assert "PARTSTAT=ACCEPTED" in found
    assert "SCHEDULE-STATUS=2.0" in found
    # Nobody elsewhere hears of it: answers make no mail.
    assert len(await office.mail()) == sent
    assert len(await office.inbox("ann")) == 1


async def test_an_answer_of_the_uninvited_is_not_noted(office: Office) -> None:
    await office.put(
        "ann",
        calendar(
            event(f"ATTENDEE:mailto:ben@{DOMAIN}", start=START, organizer=f"mailto:ann@{DOMAIN}")
        ),
    )
    reply = calendar(
        event(
            f"ATTENDEE;PARTSTAT=ACCEPTED:{EVE_URI}",
            start=START,
            organizer=f"mailto:ann@{DOMAIN}",
        ),
        method="REPLY",
    )
    await take(office, by_mail(reply), passed(), "ann")
    assert "eve@" not in await office.copy("ann")


async def test_a_question_is_answered_some_times_a_day(office: Office) -> None:
    await office.put(
        "ann",
        calendar(event(f"ATTENDEE:{EVE_URI}", start=START, organizer=f"mailto:ann@{DOMAIN}")),
    )
    refresh = calendar(
        event(f"ATTENDEE:{EVE_URI}", start=START, organizer=f"mailto:ann@{DOMAIN}"),
        method="REFRESH",
    )
    before = len(await office.mail())
    for _ in range(53):
        await take(office, by_mail(refresh), passed(), "ann")
    assert len(await office.mail()) - before == 50


async def test_a_room_is_not_booked_by_strangers(office: Office) -> None:
    await office.room("attic", AutoAccept.ALWAYS)
    text = invitation().replace(f"mailto:ben@{DOMAIN}", f"mailto:attic@{DOMAIN}")
    before = len(await office.mail())
    await take(office, by_mail(text), passed(), "attic")
    assert await office.calendar("attic") == {}
    assert len(await office.mail()) == before


@pytest.mark.parametrize(
    "rule", ["FREQ=SECONDLY", "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYDAY=53MO"]
)
async def test_a_hostile_rule_costs_little(office: Office, rule: str) -> None:
    await office.room("attic")
    await know(office, "attic", EVE)
    text = invitation(extra=f"RRULE:{rule}\n").replace(f"ben@{DOMAIN}", f"attic@{DOMAIN}")
    began_s = time.process_time()
    assert await take(office, by_mail(text), passed(), "attic") == 1
    assert time.process_time() - began_s < 5
    assert "PARTSTAT=NEEDS-ACTION" not in "".join((await office.calendar("attic")).values())


async def test_it_is_read_on_the_way_in(office: Office) -> None:
    """Through the whole of inbound mail: what is believed is noted, what is not is mail alone."""
    await know(office, "ben", EVE)
    inbound = office.services.inbound
    recipient = await inbound.recipient(f"ben@{DOMAIN}")
    envelope = Envelope(Origin("127.0.0.1", "x", "ESMTP"), EVE, (recipient,))
    await inbound.receive(envelope, by_mail(invitation()))
    await office.work()
    assert len(await office.mail("ben")) == 1
    assert await office.calendar("ben") == {}


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        (b"From: Eve <Eve@Elsewhere.example>\r\n\r\n", EVE),
        (b"From: a@b.example, c@d.example\r\n\r\n", ""),
        (b"From: a@b.example\r\nFrom: c@d.example\r\n\r\n", ""),
        (b"Subject: x\r\n\r\n", ""),
    ],
)
def test_there_is_one_author(fields: bytes, found: str) -> None:
    assert author(fields) == found


def signed(domain: str) -> Arrival:
    result = SignatureResult(Status.PASS, "", domain)
    return Arrival(Peer("192.0.2.1", True), results=Results(dkim=(result,)))


def test_a_signature_of_the_domain_proves_it() -> None:
    assert is_proved(EVE, signed("elsewhere.example"))
    assert is_proved(EVE, signed("mail.elsewhere.example"))
    assert not is_proved(EVE, signed("example"))
    assert not is_proved(EVE, signed("other.example"))


async def test_what_a_user_sends_by_mail_is_applied_here(office: Office) -> None:
    ann = await office.actor("ann")
    text = invitation().replace(EVE, f"ann@{DOMAIN}")
    submission = office.services.submission
    recipient = await submission.recipient(f"ben@{DOMAIN}")
    envelope = Envelope(Origin("127.0.0.1", "x", "ESMTPSA"), ann.address, (recipient,))
    await submission.submit(ann, envelope, by_mail(text, sender=ann.address))
    await office.work()
    assert "SUMMARY:Meeting" in await office.copy("ben")
    assert len(await office.mail("ben")) == 1
