"""Logging in to a relay: which mechanism, and what comes of a refusal."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kit.letters import QUICK, connections, hop, letter
from kit.sink import Flood, Hang, Say, Sink, running
from pillarbox.domain.queue.model import Stage
from pillarbox.net import certs
from pillarbox.net.end_point import end_point
from pillarbox.pipeline.outbound.model import HostFailure, RelayLogin, Security, Transmitted
from pillarbox.wire.sasl.scram import make_verifier

LOGIN = RelayLogin("ann@relay.test", "s3cret, =ü")
TOKEN = RelayLogin("ann@relay.test", token="a.token")
LOGINS = {LOGIN.username: LOGIN.password}
ALL = ("LOGIN", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "XOAUTH2", "OAUTHBEARER")


@pytest.fixture(scope="module")
def pair() -> certs.KeyPair:
    return certs.make(("mx.sink.test",), datetime.now(UTC))


@pytest.fixture
def sink(pair: certs.KeyPair) -> Sink:
    return Sink(
        tls=certs.server_context(pair),
        logins=LOGINS,
        tokens={TOKEN.username: TOKEN.token},
        end_point=end_point(pair.chain),
        mechanisms=ALL,
    )


async def sent_with(sink: Sink, login: RelayLogin = LOGIN) -> Transmitted:
    async with running(sink), connections(QUICK) as client:
        return await client.send(hop(sink, Security.ENCRYPTED, login=login), letter())


async def failure_of(sink: Sink, login: RelayLogin = LOGIN) -> HostFailure:
    with pytest.raises(HostFailure) as failure:
        await sent_with(sink, login)
    assert failure.value.stage is Stage.AUTH
    assert not failure.value.permanent
    assert login.password not in str(failure.value) or not login.password
    assert sink.messages == 0
    return failure.value


def mechanisms_said(sink: Sink) -> list[str]:
    return [line.split()[1] for line in sink.commands if line.startswith("AUTH ")]


@pytest.mark.parametrize(
    ("login", "offered", "chosen"),
    [
        (LOGIN, ALL, "SCRAM-SHA-256-PLUS"),
        (LOGIN, ("PLAIN", "SCRAM-SHA-256"), "SCRAM-SHA-256"),
        (LOGIN, ("LOGIN", "PLAIN", "XOAUTH2"), "PLAIN"),
        (LOGIN, ("LOGIN",), "LOGIN"),
        (TOKEN, ALL, "OAUTHBEARER"),
        (TOKEN, ("PLAIN", "XOAUTH2"), "XOAUTH2"),
    ],
)
async def test_the_safest_is_taken(
    sink: Sink, login: RelayLogin, offered: tuple[str, ...], chosen: str
) -> None:
    sink.mechanisms = offered
    if "SCRAM-SHA-256-PLUS" not in offered:
        sink.end_point = None
    await sent_with(sink, login)
    assert mechanisms_said(sink) == [chosen]
    assert sink.taken[0].login == login.username


@pytest.mark.parametrize("mechanism", ALL[:4])
async def test_a_wrong_password_is_the_admins_to_put_right(sink: Sink, mechanism: str) -> None:
    sink.mechanisms = (mechanism,)
    failure = await failure_of(sink, replace(LOGIN, password="wrong-one"))
    assert failure.reply.enhanced == "4.7.8"
    assert "ann@relay.test" in failure.reply.text
    assert "check user name and password" in failure.reply.text


@pytest.mark.parametrize("mechanism", ALL[4:])
async def test_a_wrong_token(sink: Sink, mechanism: str) -> None:
    sink.mechanisms = (mechanism,)
    failure = await failure_of(sink, replace(TOKEN, token="another"))
    assert "invalid_token" in failure.reply.text


async def test_never_in_clear(sink: Sink) -> None:
    sink.tls = None
    async with running(sink), connections() as client:
        with pytest.raises(HostFailure) as failure:
            await client.send(hop(sink, login=LOGIN), letter())
    assert failure.value.stage is Stage.AUTH
    assert mechanisms_said(sink) == []


async def test_no_plain_connection_after_a_failed_handshake(sink: Sink) -> None:
    sink.on("TLS", Say("no TLS after all"))
    async with running(sink), connections(QUICK) as client:
        with pytest.raises(HostFailure) as failure:
            await client.send(hop(sink, login=LOGIN), letter())
    assert failure.value.stage is Stage.TLS
    assert sink.sessions == 1


async def test_nothing_that_fits_is_offered(sink: Sink) -> None:
    sink.mechanisms = ("CRAM-MD5", "GSSAPI")
    assert "CRAM-MD5" in (await failure_of(sink)).reply.text
    sink.logins, sink.tokens = {}, {}
    assert "no login" in (await failure_of(sink)).reply.text


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
async def test_a_server_must_prove_that_it_knows_the_password(sink: Sink, mechanism: str) -> None:
    right = make_verifier(LOGIN.password, b"some salt", 4096)
    sink.verifier = replace(right, server_key=bytes(32))
    sink.mechanisms = (mechanism,)
    sink.end_point = sink.end_point if mechanism.endswith("PLUS") else None
    assert "did not prove" in (await failure_of(sink)).reply.text
    assert sink.commands[-1].startswith("AUTH")


async def test_success_without_proof_is_none(sink: Sink) -> None:
    sink.mechanisms = ("SCRAM-SHA-256",)
    sink.on("AUTH", Say("235 2.7.0 Welcome"))
    assert "did not prove" in (await failure_of(sink)).reply.text


async def test_channel_binding_hidden_by_somebody_between(sink: Sink) -> None:
    """The server can bind, and sees from the flag that its offer was taken away (RFC 5802 §6)."""
    sink.mechanisms = ("SCRAM-SHA-256",)
    assert "hid" in (await failure_of(sink)).reply.text


@pytest.mark.parametrize(
    "act",
    [
        Say("334 " + "A" * 3000),
        Say("334 not base64!"),
        Say("334 cj1hLHM9QUFBQSxpPTQwOTY="),
        Say("334 "),
        Flood(b"334 \r\n"),
        Hang(),
        Say("421 4.3.2 Closing"),
        Say("454 4.7.0 Temporary"),
        Say("354 What"),
    ],
)
async def test_hostile_challenges(sink: Sink, act: Say | Flood | Hang) -> None:
    for mechanism in ("SCRAM-SHA-256", "PLAIN", "LOGIN"):
        sink.well()
        sink.mechanisms = (mechanism,)
        sink.on("AUTH", act)
        await failure_of(sink)


async def test_too_many_iterations_are_not_computed(sink: Sink) -> None:
    right = make_verifier(LOGIN.password, b"some salt", 4096)
    sink.verifier = replace(right, iterations=9_000_000)
    sink.end_point = None
    sink.mechanisms = ("SCRAM-SHA-256",)
    assert "out of bounds" in (await failure_of(sink)).reply.text
