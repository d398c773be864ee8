"""Certificates that are looked at though none is refused: what policies being tested are for."""

from dataclasses import replace
from pathlib import Path

import pytest

from kit.authority import Authority
from kit.letters import SINK_HOST, connections, hop, letter
from kit.sink import ALL_KEYWORDS, Drop, Say, Sink, running
from pillarbox.pipeline.outbound.model import Peer, Security, TlsDemand

CHECKED = TlsDemand(Security.OPPORTUNISTIC, (SINK_HOST,))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority()
    (tmp_path / "authority.pem").write_bytes(made.pem)
    return made


async def send(sink: Sink, folder: Path, demand: TlsDemand = CHECKED, letters: int = 1) -> Peer:
    """Hand letters over, each on a connection of its own; gives the last one's peer."""
    path = folder / "authority.pem"
    async with running(sink), connections(extra_ca=path, messages=1) as client:
        for _ in range(letters):
            sent = await client.send(replace(hop(sink), tls=demand), letter())
        return sent.peer


async def test_a_good_one(authority: Authority, tmp_path: Path) -> None:
    sink = Sink(ALL_KEYWORDS, tls=authority.issue(SINK_HOST).server_context())
    peer = await send(sink, tmp_path)
    assert peer.tls is not None
    assert (peer.tls.verified, peer.tls_result, peer.fallback) == ("pkix", "", "")
    assert sink.sessions == 1


@pytest.mark.parametrize("security", [Security.OPPORTUNISTIC, Security.ENCRYPTED])
@pytest.mark.parametrize(
    "result", ["certificate-host-mismatch", "certificate-expired", "certificate-not-trusted"]
)
async def test_bad_ones(
    authority: Authority, tmp_path: Path, result: str, security: Security
) -> None:
    """The mail goes all the same, by TLS; and not each time is it tried in vain before."""
    shown = {
        "certificate-host-mismatch": authority.issue("other.test"),
        "certificate-expired": authority.expired(SINK_HOST),
        "certificate-not-trusted": Authority("Stranger").issue(SINK_HOST),
    }[result]
    sink = Sink(ALL_KEYWORDS, tls=shown.server_context())
    peer = await send(sink, tmp_path, TlsDemand(security, (SINK_HOST,)), letters=3)
    assert peer.tls is not None
    assert (peer.tls.verified, peer.tls_result) == ("", result)
    assert (sink.messages, sink.sessions) == (3, 4)


async def test_without_tls(tmp_path: Path, authority: Authority) -> None:
    peer = await send(Sink(), tmp_path)
    assert (peer.tls, peer.tls_result) == (None, "starttls-not-supported")
    refusing = Sink(ALL_KEYWORDS, tls=authority.issue(SINK_HOST).server_context())
    refusing.on("STARTTLS", Say("454 4.7.0 Not now"))
    peer = await send(refusing, tmp_path)
    assert (peer.tls, peer.tls_result) == (None, "starttls-not-supported")


async def test_what_only_a_checked_handshake_minds(tmp_path: Path, authority: Authority) -> None:
    """To look at the certificate must not end in mail in clear that else had gone by TLS."""
    context = authority.issue(SINK_HOST).server_context()
    sink = Sink(ALL_KEYWORDS, tls=context).on("TLS", Drop(), times=1)
    peer = await send(sink, tmp_path)
    assert (peer.tls is not None, peer.tls_result) == (True, "validation-failure")
    (tmp_path / "authority.pem").write_bytes(b"no authority")
    peer = await send(Sink(ALL_KEYWORDS, tls=context), tmp_path)
    assert (peer.tls is not None, peer.tls_result) == (True, "validation-failure")


async def test_a_handshake_that_fails(tmp_path: Path, authority: Authority) -> None:
    context = authority.issue(SINK_HOST).server_context()
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")  # its key is of another kind
    context.maximum_version = context.minimum_version
    peer = await send(Sink(ALL_KEYWORDS, tls=context), tmp_path)
    assert (peer.tls, peer.tls_result) == (None, "validation-failure")
    assert peer.fallback
