"""The verified name of the peer in the trace of real sessions (RFC 5321 §4.4)."""

from dataclasses import replace

import pytest

from kit.clock import FakeClock
from kit.connection import FakeConnection
from kit.dns import FakeDns, Zone
from kit.smtp import HOSTNAME, House, Talk
from pillarbox.protocols.smtp.policy import Role, SmtpOptions

IP = "192.0.2.7"
NAME = "mx.elsewhere.test"
MESSAGE = (
    b"MAIL FROM:<a@b.test>\r\n",
    b"RCPT TO:<alice@example.test>\r\n",
    b"DATA\r\n",
    b"Subject: x\r\n\r\n.\r\n",
)


@pytest.fixture
def dns(clock: FakeClock) -> FakeDns:
    return FakeDns(Zone({NAME: (IP,)}, {IP: (NAME,)}), clock)


def session(
    house: House, dns: FakeDns, role: Role = Role.MX, ip: str = IP, *, trusted: bool = False
) -> Talk:
    """A session whose peer has this address."""
    connection = FakeConnection(tls=True)
    connection.peer_ip, connection.trusted = ip, trusted
    options = SmtpOptions(HOSTNAME, peer_name_wait_s=0.01)
    return Talk(connection, role, replace(house.services(options), resolver=dns))


async def send(talk: Talk, hello: bytes = b"EHLO") -> None:
    """Send one message."""
    for line in (hello + b" c.test\r\n", *MESSAGE):
        answer = await talk.say(line)
    assert answer.startswith(b"250 2.6.0")


async def traces(house: House) -> list[bytes]:
    """The first lines of the Received fields that alice's messages have."""
    contents = await house.contents("alice@example.test")
    return [content.split(b"\r\n")[1] for content in contents]


async def test_it_is_named(house: House, dns: FakeDns) -> None:
    talk = session(house, dns)
    await send(talk)
    await talk.hang_up()
    assert await traces(house) == [b"Received: from c.test (mx.elsewhere.test [192.0.2.7])"]


async def test_it_is_looked_up_once_while_the_client_speaks(
    house: House, dns: FakeDns, clock: FakeClock
) -> None:
    dns.zone.slow[IP] = 3.0
    talk = session(house, dns)
    await talk.hear()
    assert dns.asked == [IP]
    clock.advance(seconds=3)
    await send(talk)
    await send(talk)
    assert dns.asked == [IP, NAME]
    assert [b"(mx.elsewhere.test [192.0.2.7])" in trace for trace in await traces(house)] == [
        True,
        True,
    ]
    await talk.hang_up()


async def test_mail_does_not_wait_for_it_long(house: House, dns: FakeDns) -> None:
    dns.zone.slow[IP] = 3.0
    talk = session(house, dns)
    await send(talk)
    assert await traces(house) == [b"Received: from c.test ([192.0.2.7])"]
    await talk.hang_up()


async def test_it_is_looked_up_no_more_when_the_session_is_over(
    house: House, dns: FakeDns, clock: FakeClock
) -> None:
    dns.zone.slow[IP] = 3.0
    talk = session(house, dns)
    await talk.hear()
    await talk.hang_up()
    clock.advance(seconds=3)
    await talk.connection.settled(talk.task)
    assert dns.asked == [IP]


async def test_a_failure_leaves_the_address(house: House, dns: FakeDns) -> None:
    dns.zone.failing.add(IP)
    talk = session(house, dns)
    await send(talk)
    await talk.hang_up()
    assert await traces(house) == [b"Received: from c.test ([192.0.2.7])"]


@pytest.mark.parametrize(
    ("role", "ip", "trusted"),
    [
        (Role.MX, IP, True),
        (Role.MX, "127.0.0.1", False),
        (Role.MX, "10.0.0.7", False),
        (Role.LMTP, IP, False),
        (Role.SUBMISSION, IP, False),
    ],
)
async def test_of_whom_nobody_is_asked(
    house: House, dns: FakeDns, role: Role, ip: str, trusted: bool
) -> None:
    dns.zone.reverse[ip] = (NAME,)
    talk = session(house, dns, role, ip, trusted=trusted)
    await talk.hear()
    if role is not Role.SUBMISSION:
        await send(talk, b"LHLO" if role is Role.LMTP else b"EHLO")
        assert await traces(house) == [b"Received: from c.test ([%s])" % ip.encode()]
    await talk.hang_up()
    assert dns.asked == []
