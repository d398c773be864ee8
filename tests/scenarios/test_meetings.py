"""Meetings by real mail: what other products send, and what is forged."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit.app import AppUnderTest
from kit.clock import FakeClock
from kit.collections import put_card
from kit.nameserver import NameServer
from kit.office import Office
from kit.sink import Sink, running
from kit.wire import SmtpWire
from pillarbox.domain.accounts import aliases
from pillarbox.domain.accounts.model import TOPIC as DIRECTORY
from pillarbox.domain.policy import policies
from pillarbox.domain.policy.model import TOPIC as POLICIES
from pillarbox.formats.mailauth.keys import KeyAlgorithm, key_record, new_key
from pillarbox.formats.mailauth.message import read_message
from pillarbox.formats.mailauth.sign import Signer, sign
from pillarbox.formats.mime.date import format_date
from pillarbox.storage.tx import Tx

KEY = new_key(KeyAlgorithm.ED25519)
HOSTS = {"sender.test": "192.0.2.7", "evil.test": "203.0.113.9"}
EVE, MALLORY, ALICE = "eve@sender.test", "mallory@evil.test", "alice@example.test"
_ZONE = """
    @ MX 10 mx
    @ TXT "v=spf1 ip4:{ip} -all"
    mx A {ip}
    _dmarc TXT "v=DMARC1; p={policy}"
    ed._domainkey TXT "{key}"
"""


def zones(policy: str = "none") -> dict[str, str]:
    record = key_record(KeyAlgorithm.ED25519, KEY.public())
    made = {name: _ZONE.format(ip=ip, policy=policy, key=record) for name, ip in HOSTS.items()}
    lists = ("zen.spamhaus.org", "spamcop.net", "dnswl.org", "dbl.spamhaus.org", "surbl.org")
    made["friend.test"] = "@ MX 10 mx\nmx A 127.0.0.1"
    return made | dict.fromkeys((*lists, "test"), "@ TXT none")


def meeting(
    *lines: str, method: str = "REQUEST", organizer: str = f"ORGANIZER:mailto:{EVE}"
) -> str:
    whole = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//test//EN",
        f"METHOD:{method}",
        "BEGIN:VEVENT",
        "UID:one@sender.test",
        "DTSTAMP:20260101T000000Z",
        "DTSTART:20990301T100000Z",
        "DTEND:20990301T110000Z",
        "SEQUENCE:0",
        "SUMMARY:Lunch",
        *([organizer] if organizer else []),
        *lines,
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{line}\r\n" for line in whole)


INVITED = f"ATTENDEE;RSVP=TRUE;PARTSTAT=NEEDS-ACTION:mailto:{ALICE}"


@dataclass
class House:
    server: AppUnderTest
    clock: FakeClock
    office: Office
    sink: Sink
    sent: int = 0

    async def know(self, *addresses: str) -> None:
        """Alice has them in her address book."""
        account = (await self.office.principal("alice")).account_id

        def add(tx: Tx) -> None:
            for number, address in enumerate(addresses):
                put_card(tx, self.server.services.keys, account, f"card{number}", address)

        await self.server.services.database.write(add)

    async def send(
        self,
        text: str,
        sender: str = EVE,
        to: tuple[str, ...] = (ALICE,),
        *,
        author: str = "",
        fields: str = "",
        method: str = "REQUEST",
    ) -> int:
        """A mail with a calendar from the host of its reverse-path's domain, signed by that."""
        self.sent += 1
        domain = sender.rpartition("@")[2]
        content = (
            f"From: {author or f'<{sender}>'}\r\n{fields}To: {ALICE}\r\nSubject: Lunch\r\n"
            f"Date: {format_date(self.clock.now())}\r\nMessage-ID: <{self.sent}@{domain}>\r\n"
            "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
            "--b\r\nContent-Type: text/plain\r\n\r\nShall we have lunch?\r\n"
            f'--b\r\nContent-Type: text/calendar; charset="UTF-8"; method={method}\r\n\r\n'
            f"{text}--b--\r\n"
        ).encode()
        seal = sign(
            read_message(content), (Signer(domain, "ed", KEY),), self.clock.now_ms() // 1000
        )
        smtp = await SmtpWire.open(self.server.ports["smtp"], ip=HOSTS[domain])
        async with smtp.wire:
            code, _ = await smtp.data(sender, to, seal + content)
        await self.office.work()
        return int(code)

    async def invite(self, guest: str = EVE) -> str:
        """A meeting of Alice with somebody elsewhere."""
        own = f"ORGANIZER:mailto:{ALICE}"
        text = meeting(f"ATTENDEE:mailto:{guest}", organizer=own)
        await self.office.put("alice", text.replace("METHOD:REQUEST\r\n", ""))
        return own


@pytest.fixture
async def house(
    tmp_path: Path, clock: FakeClock, database_settings: dict[str, str]
) -> AsyncIterator[House]:
    async with NameServer(zones()) as names, running(Sink()) as sink:
        settings = {
            **database_settings,
            "DNS_PRIMARY": "127.0.0.1",
            "DNS_PORT": str(names.port),
            "SMTP_TARPIT": "0",
            "OUTBOUND_INSIDE": "true",
            "OUTBOUND_PORT": str(sink.port),
            "DKIM_ALGO": "none",
        }
        async with AppUnderTest(tmp_path / "data", settings, clock=clock) as server:
            await server.add_users("alice", "bob")
            services = server.services
            await services.database.write(
                policies.set_values, "_default", {"greylist_enabled": "false"}
            )
            services.bus.publish(POLICIES)
            yield House(server, clock, Office(server), sink)


async def test_an_invitation_its_update_and_its_end(house: House) -> None:
    await house.know(EVE)
    assert await house.send(meeting(INVITED)) == 250
    assert "SUMMARY:Lunch" in await house.office.copy("alice")
    later = meeting(INVITED).replace("T10", "T14").replace("T11", "T15")
    await house.send(later.replace("SEQUENCE:0", "SEQUENCE:1"))
    assert "DTSTART:20990301T140000Z" in await house.office.copy("alice")
    gone = meeting(INVITED, "STATUS:CANCELLED", method="CANCEL").replace("SEQUENCE:0", "SEQUENCE:2")
    await house.send(gone, method="CANCEL")
    assert "STATUS:CANCELLED" in await house.office.copy("alice")
    assert len(await house.office.mail("alice")) == 3


FORGED = (
    ("", ""),
    (f"<{EVE}>", ""),
    (f"<{EVE}>, <{MALLORY}>", ""),
    (f"<{MALLORY}>, <{EVE}>", ""),
    (f"<{EVE}>\r\nFrom: <{MALLORY}>", ""),
    (f"<{MALLORY}>\r\nFrom: <{EVE}>", ""),
    (f'"{EVE}" <{MALLORY}>', ""),
    (f"<{MALLORY}>", f"Sender: <{EVE}>\r\nReply-To: <{EVE}>\r\n"),
    (f"<{EVE}>", f"Sender: <{MALLORY}>\r\n"),
)


@pytest.mark.parametrize(("author", "fields"), FORGED)
async def test_nobody_speaks_for_an_organizer(house: House, author: str, fields: str) -> None:
    """From a host that vouches for itself in every way, to who knows both."""
    await house.know(EVE, MALLORY)
    await house.send(meeting(INVITED))
    before = await house.office.copy("alice")
    for text in (
        meeting(INVITED).replace("Lunch", "Dinner").replace("SEQUENCE:0", "SEQUENCE:5"),
        meeting(INVITED, organizer=f'ORGANIZER;SENT-BY="mailto:{MALLORY}":mailto:{EVE}')
        .replace("Lunch", "Dinner")
        .replace("SEQUENCE:0", "SEQUENCE:5"),
        meeting(INVITED, organizer=f"ORGANIZER:mailto:{MALLORY}").replace("Lunch", "Dinner"),
        meeting(INVITED, method="CANCEL").replace("SEQUENCE:0", "SEQUENCE:9"),
    ):
        await house.send(text, MALLORY, author=author, fields=fields)
    assert await house.office.copy("alice") == before


@pytest.mark.parametrize(
    "method", ["REQUEST", "ADD", "CANCEL", "REPLY", "REFRESH", "COUNTER", "DECLINECOUNTER"]
)
async def test_strangers_get_nothing_into_calendar_or_inbox(house: House, method: str) -> None:
    own = f"ORGANIZER:mailto:{MALLORY}"
    if method in ("REPLY", "REFRESH", "COUNTER"):
        own = f"ORGANIZER:mailto:{ALICE}"
        text = meeting(f"ATTENDEE:mailto:{MALLORY}", organizer=own, method=method)
    else:
        text = meeting(INVITED, organizer=own, method=method)
    assert await house.send(text, MALLORY, method=method) == 250
    assert await house.office.calendar("alice") == {}
    assert await house.office.inbox("alice") == []
    assert len(await house.office.mail("alice")) == 1


EXCHANGE = """\
BEGIN:VCALENDAR
METHOD:REPLY
PRODID:Microsoft Exchange Server 2010
VERSION:2.0
BEGIN:VTIMEZONE
TZID:W. Europe Standard Time
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
ATTENDEE;PARTSTAT=ACCEPTED;CN=Eve:MAILTO:EVE@SENDER.TEST
COMMENT;LANGUAGE=en-US:\\n
UID:one@sender.test
SUMMARY;LANGUAGE=en-US:Accepted: Lunch
DTSTART;TZID=W. Europe Standard Time:20990301T110000
DTEND;TZID=W. Europe Standard Time:20990301T120000
CLASS:PUBLIC
PRIORITY:5
DTSTAMP:20260102T120000Z
TRANSP:OPAQUE
STATUS:CONFIRMED
SEQUENCE:0
LOCATION;LANGUAGE=en-US:
X-MICROSOFT-CDO-APPT-SEQUENCE:0
X-MICROSOFT-CDO-BUSYSTATUS:BUSY
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")
GOOGLE = meeting(
    f"ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;CN={EVE};X-NUM-\r\n"
    f" GUESTS=0:mailto:{EVE}",
    "CREATED:20260101T000000Z",
    "DESCRIPTION:",
    "LAST-MODIFIED:20260102T120000Z",
    "LOCATION:",
    "STATUS:CONFIRMED",
    "TRANSP:OPAQUE",
    organizer=f"ORGANIZER;CN={ALICE}:mailto:{ALICE}",
    method="REPLY",
)
APPLE = meeting(
    f'ATTENDEE;CN="Eve";CUTYPE=INDIVIDUAL;EMAIL="{EVE}";PARTSTAT=ACCEPTED:mailto:{EVE}',
    organizer=f'ORGANIZER;CN="Alice";EMAIL="{ALICE}":mailto:{ALICE}',
    method="REPLY",
)


@pytest.mark.parametrize("reply", [EXCHANGE, GOOGLE, APPLE])
async def test_answers_as_other_products_write_them(house: House, reply: str) -> None:
    await house.invite()
    fields = "Sender: Calendar <calendar-notification@sender.test>\r\n"
    assert await house.send(reply, fields=fields, method="REPLY") == 250
    assert "PARTSTAT=ACCEPTED" in await house.office.copy("alice")


async def test_answers_of_others_and_for_others_change_nothing(house: House) -> None:
    own = await house.invite()
    before = await house.office.copy("alice")
    for text in (
        meeting(f"ATTENDEE;PARTSTAT=DECLINED:mailto:{EVE}", organizer=own, method="REPLY"),
        meeting(f"ATTENDEE;PARTSTAT=DECLINED:mailto:{EVE}", organizer="", method="REPLY"),
        meeting(f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{MALLORY}", organizer="", method="REPLY"),
    ):
        await house.send(text, MALLORY, method="REPLY")
        await house.send(text, MALLORY, author=f"<{EVE}>", method="REPLY")
    assert await house.office.copy("alice") == before


async def test_a_script_that_drops_mail_drops_its_invitation(house: House) -> None:
    await house.know(EVE)
    actor = await house.office.actor("alice")
    scripts = house.server.services.scripts
    await scripts.put(actor, "mine", b"discard;", activate=True)
    await house.send(meeting(INVITED))
    assert await house.office.calendar("alice") == {}
    await scripts.put(actor, "mine", b'require "fileinto"; fileinto "Lunches";', activate=True)
    await house.send(meeting(INVITED))
    assert "SUMMARY:Lunch" in await house.office.copy("alice")


async def test_an_invitation_to_a_list_and_to_a_subaddress(house: House) -> None:
    def add(tx: Tx) -> None:
        aliases.create(tx, "all@example.test", [ALICE, "bob@example.test"])

    await house.server.services.database.write(add)
    house.server.services.bus.publish(DIRECTORY)
    await house.know(EVE)
    text = meeting("ATTENDEE:mailto:all@example.test")
    await house.send(text, to=("all@example.test",))
    assert "SUMMARY:Lunch" in await house.office.copy("alice")
    assert await house.office.calendar("bob") == {}  # who does not know Eve
    other = meeting("ATTENDEE:mailto:alice+work@example.test").replace("one@", "two@")
    await house.send(other, to=("alice+work@example.test",))
    assert len(await house.office.calendar("alice")) == 2


async def test_a_room_decides_itself_whatever_an_organizer_writes(house: House) -> None:
    await house.office.room("attic")
    account = (await house.office.principal("attic")).account_id

    def add(tx: Tx) -> None:
        put_card(tx, house.server.services.keys, account, "card", EVE)

    await house.server.services.database.write(add)
    room = "ATTENDEE;PARTSTAT=ACCEPTED:mailto:attic@example.test"
    to = ("attic@example.test",)
    await house.send(meeting(room), to=to)
    assert "PARTSTAT=ACCEPTED" in await house.office.copy("attic")
    other = meeting(room, "RRULE:FREQ=DAILY;COUNT=3").replace("one@", "two@")
    await house.send(other, to=to)
    (declined,) = [
        text for text in (await house.office.calendar("attic")).values() if "two@" in text
    ]
    assert "PARTSTAT=DECLINED" in declined


async def test_an_invitation_leaves(house: House) -> None:
    async with house.server.sending():
        await house.invite("friend@friend.test")
        await house.sink.wait_for(1)
