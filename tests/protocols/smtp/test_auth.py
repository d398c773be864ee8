"""AUTH by mechanisms of several steps: where they are offered, and how they end early."""

from base64 import b64decode, b64encode

import pytest

from kit.connection import FakeConnection
from kit.sasl import ScramClientSide
from kit.smtp import HOSTNAME, House, Talk, TalkTo
from pillarbox.protocols.smtp.policy import Role, SmtpOptions

ALICE = "alice@example.test"
PASSWORD = "correct horse"


def base64(data: bytes) -> str:
    return b64encode(data).decode()


async def test_binding_where_there_is_a_certificate(house: House) -> None:
    connection = FakeConnection(tls=True, end_point=b"certificate")
    options = SmtpOptions(HOSTNAME, channel_binding=True)
    talk = Talk(connection, Role.SUBMISSION, house.services(options))
    await talk.hear()
    offered = "250 AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 OAUTHBEARER XOAUTH2 PLAIN LOGIN"
    assert (await talk.lines("EHLO c.test"))[-1] == offered
    side = ScramClientSide(ALICE, PASSWORD, header="p=tls-server-end-point,,")
    (said,) = await talk.lines(f"AUTH SCRAM-SHA-256-PLUS {base64(side.first())}")
    (said,) = await talk.lines(base64(side.final(b64decode(said[4:]), b"certificate")))
    assert side.is_servers(b64decode(said[4:]))
    assert (await talk.lines(""))[0].startswith("235 2.7.0")
    assert "AUTH" not in " ".join(await talk.lines("EHLO c.test"))
    await talk.hang_up()


async def test_binding_only_if_it_is_wanted(house: House) -> None:
    """mutt chooses what it can't do, and then does not send."""
    connection = FakeConnection(tls=True, end_point=b"certificate")
    talk = Talk(connection, Role.SUBMISSION, house.services())
    await talk.hear()
    assert "PLUS" not in " ".join(await talk.lines("EHLO c.test"))
    assert (await talk.lines("AUTH SCRAM-SHA-256-PLUS"))[0].startswith("504")
    # One that can bind and says so is no victim then.
    side = ScramClientSide(ALICE, PASSWORD, header="y,,")
    assert (await talk.lines(f"AUTH SCRAM-SHA-256 {base64(side.first())}"))[0].startswith("334")
    await talk.hang_up()


@pytest.mark.parametrize("role", [Role.MX, Role.LMTP])
async def test_not_for_other_servers(talk: TalkTo, role: Role) -> None:
    session = await talk(role, tls=True)
    hello = "LHLO" if role is Role.LMTP else "EHLO"
    assert "AUTH" not in " ".join(await session.lines(f"{hello} c.test"))
    assert (await session.lines("AUTH SCRAM-SHA-256"))[0].startswith("502")


@pytest.mark.parametrize(
    ("line", "code"), [("*", "501 5.7.0"), ("#", "501 5.5.2"), ("A" * 13_000, "500 5.5.6")]
)
async def test_an_exchange_ends_early(talk: TalkTo, line: str, code: str) -> None:
    session = await talk(Role.SUBMISSION, tls=True)
    await session.lines("EHLO c.test")
    side = ScramClientSide(ALICE, PASSWORD)
    (said,) = await session.lines(f"AUTH SCRAM-SHA-256 {base64(side.first())}")
    final = base64(side.final(b64decode(said[4:])))
    assert (await session.lines(line))[0].startswith(code)
    # What comes now is a command, and no response any more.
    assert (await session.lines(final))[0].startswith("500")
    assert (await session.lines(f"MAIL FROM:<{ALICE}>"))[0].startswith("530")


async def test_refusals_end_the_session(talk: TalkTo) -> None:
    session = await talk(Role.SUBMISSION, SmtpOptions(HOSTNAME, max_failed_logins=2), tls=True)
    await session.lines("EHLO c.test")
    claim = base64(b"n,,\1auth=Bearer pbt_bad\1\1")
    for last in (False, True):
        assert (await session.lines(f"AUTH OAUTHBEARER {claim}"))[0].startswith("334")
        answer = await session.lines("AQ==")
        assert answer[0].startswith("535 5.7.8")
        assert bool(answer[1:]) == last
    await session.task
