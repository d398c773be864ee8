"""Logging in to a relay: which mechanism, and what comes of a refusal."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kit.authority import Authority, Issued
from kit.letters import QUICK, SINK_HOST, connections, hop, letter
from kit.sink import Flood, Hang, Say, Sink, running
from pillarbox.domain.queue.model import Stage
from pillarbox.net.end_point import end_point
from pillarbox.pipeline.outbound.model import (
    HostFailure,
    RelayLogin,
    Security,
    TlsDemand,
    Transmitted,
)
from pillarbox.wire.sasl.scram import make_verifier

LOGIN = RelayLogin("ann@relay.test", "s3cret, =ü")
TOKEN = RelayLogin("ann@relay.test", token="a.token")
LOGINS = {LOGIN.username: LOGIN.password}
ALL = ("LOGIN", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "XOAUTH2", "OAUTHBEARER")


@dataclass
class Relay(Sink):
    """A relay with a certificate of this authority."""

    authority: Path | None = None


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def issued(authority: Authority) -> Issued:
    return authority.issue(SINK_HOST)


@pytest.fixture(scope="module")
def believed(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("authority") / "authority.pem"
    path.write_bytes(authority.pem)
    return path


@pytest.fixture
def sink(issued: Issued, believed: Path) -> "Relay":
    return Relay(
        tls=issued.server_context(),
        logins=LOGINS,
        tokens={TOKEN.username: TOKEN.token},
        end_point=end_point(issued.pair.chain),
        mechanisms=ALL,
        authority=believed,
    )


async def sent_with(sink: Relay, login: RelayLogin = LOGIN) -> Transmitted:
    async with running(sink), connections(QUICK, extra_ca=sink.authority) as client:
        return await client.send(hop(sink, Security.VERIFIED, login=login), letter())


async def failure_of(sink: Relay, login: RelayLogin = LOGIN) -> HostFailure:
    with pytest.raises(HostFailure) as failure:
        await sent_with(sink, login)
    assert failure.value.stage is Stage.AUTH
    assert not failure.value.permanent
    assert login.password not in str(failure.value) or not login.password
    assert sink.messages == 0
    return failure.value


def mechanisms_said(sink: Relay) -> list[str]:
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
    sink: Relay, login: RelayLogin, offered: tuple[str, ...], chosen: str
) -> None:
    sink.mechanisms = offered
    if "SCRAM-SHA-256-PLUS" not in offered:
        sink.end_point = None
    await sent_with(sink, login)
    assert mechanisms_said(sink) == [chosen]
    assert sink.taken[0].login == login.username


@pytest.mark.parametrize("mechanism", ALL[:4])
async def test_a_wrong_password_is_the_admins_to_put_right(sink: Relay, mechanism: str) -> None:
    sink.mechanisms = (mechanism,)
    failure = await failure_of(sink, replace(LOGIN, password="wrong-one"))
    assert failure.reply.enhanced == "4.7.8"
    assert "ann@relay.test" in failure.reply.text
    assert "check user name and password" in failure.reply.text


@pytest.mark.parametrize("mechanism", ALL[4:])
async def test_a_wrong_token(sink: Relay, mechanism: str) -> None:
    sink.mechanisms = (mechanism,)
    failure = await failure_of(sink, replace(TOKEN, token="another"))
    assert "invalid_token" in failure.reply.text


async def test_never_in_clear(sink: Relay) -> None:
    sink.tls = None
    async with running(sink), connections() as client:
        with pytest.raises(HostFailure) as failure:
            await client.send(hop(sink, login=LOGIN), letter())
    assert failure.value.stage is Stage.AUTH
    assert mechanisms_said(sink) == []


@pytest.mark.parametrize("security", [Security.OPPORTUNISTIC, Security.ENCRYPTED])
@pytest.mark.parametrize("names", [(), (SINK_HOST,)], ids=["not looked at", "looked at"])
@pytest.mark.parametrize(
    ("login", "offered", "said"),
    [
        (LOGIN, ("PLAIN", "LOGIN"), []),
        (LOGIN, ("PLAIN", "SCRAM-SHA-256"), ["SCRAM-SHA-256"]),
        (TOKEN, ("OAUTHBEARER", "XOAUTH2"), []),
    ],
)
async def test_no_password_for_whom_nobody_vouches(
    sink: Relay,
    login: RelayLogin,
    offered: tuple[str, ...],
    said: list[str],
    names: tuple[str, ...],
    security: Security,
) -> None:
    sink.mechanisms, sink.end_point = offered, None
    async with running(sink), connections(QUICK) as client:
        way = replace(hop(sink, login=login), tls=TlsDemand(security, names))
        if said:
            assert (await client.send(way, letter())).answers[0].reply.is_success
        else:
            with pytest.raises(HostFailure) as failure:
                await client.send(way, letter())
            assert (failure.value.stage, failure.value.reply.enhanced) == (Stage.AUTH, "4.7.5")
    assert mechanisms_said(sink) == said


async def test_a_certificate_that_turns_out_good_is_good(sink: Relay) -> None:
    """TLS of a route need not be verified; where it is all the same, the password may go."""
    sink.mechanisms, sink.end_point = ("PLAIN",), None
    async with running(sink), connections(QUICK, extra_ca=sink.authority) as client:
        demand = TlsDemand(Security.ENCRYPTED, (SINK_HOST,))
        sent = await client.send(replace(hop(sink, login=LOGIN), tls=demand), letter())
        assert sent.answers[0].reply.is_success
    assert mechanisms_said(sink) == ["PLAIN"]


async def test_no_plain_connection_after_a_failed_handshake(sink: Relay) -> None:
    sink.on("TLS", Say("no TLS after all"))
    async with running(sink), connections(QUICK) as client:
        with pytest.raises(HostFailure) as failure:
            await client.send(hop(sink, login=LOGIN), letter())
    assert failure.value.stage is Stage.TLS
    assert sink.sessions == 1


async def test_nothing_that_fits_is_offered(sink: Relay) -> None:
    sink.mechanisms = ("CRAM-MD5", "GSSAPI")
    assert "CRAM-MD5" in (await failure_of(sink)).reply.text
    sink.logins, sink.tokens = {}, {}
    assert "no login" in (await failure_of(sink)).reply.text


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
async def test_a_server_must_prove_that_it_knows_the_password(sink: Relay, mechanism: str) -> None:
    right = make_verifier(LOGIN.password, b"some salt", 4096)
    sink.verifier = replace(right, server_key=bytes(32))
    sink.mechanisms = (mechanism,)
    sink.end_point = sink.end_point if mechanism.endswith("PLUS") else None
    assert "did not prove" in (await failure_of(sink)).reply.text
    assert sink.commands[-1].startswith("AUTH")


async def test_success_without_proof_is_none(sink: Relay) -> None:
    sink.mechanisms = ("SCRAM-SHA-256",)
    sink.on("AUTH", Say("235 2.7.0 Welcome"))
    assert "did not prove" in (await failure_of(sink)).reply.text


async def test_channel_binding_hidden_by_somebody_between(sink: Relay) -> None:
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
async def test_hostile_challenges(sink: Relay, act: Say | Flood | Hang) -> None:
    for mechanism in ("SCRAM-SHA-256", "PLAIN", "LOGIN"):
        sink.well()
        sink.mechanisms = (mechanism,)
        sink.on("AUTH", act)
        await failure_of(sink)


async def test_too_many_iterations_are_not_computed(sink: Relay) -> None:
    right = make_verifier(LOGIN.password, b"some salt", 4096)
    sink.verifier = replace(right, iterations=9_000_000)
    sink.end_point = None
    sink.mechanisms = ("SCRAM-SHA-256",)
    assert "out of bounds" in (await failure_of(sink)).reply.text
