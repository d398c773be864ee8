"""Signing in to the composed server: every face, with TLS, and one connection for several users."""

import ssl
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from kit.app import DOMAIN, PASSWORD, AppUnderTest
from kit.sasl import ScramClientSide
from kit.wire import ImapWire, Wire
from pillarbox.net.end_point import end_point

ALICE, BOB = f"alice@{DOMAIN}", f"bob@{DOMAIN}"


async def scram(wire: Wire, begin: str, user: str, *, bound: bool) -> bytes:
    """Log in on a face whose challenges begin with a word; gives the last line."""
    binding = b""
    if bound:
        tls = wire.writer.get_extra_info("ssl_object")
        shown = ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True))
        binding = end_point(shown.encode()) or b""
        assert len(binding) == 32
    header = "p=tls-server-end-point,," if bound else "n,,"
    side = ScramClientSide(user, PASSWORD, header=header)
    await wire.send(f"{begin} SCRAM-SHA-256{'-PLUS' if bound else ''}\r\n".encode())
    assert (await wire.line()).split() in ([b"+"], [b"334"])
    await wire.send(b64encode(side.first()) + b"\r\n")
    challenge = b64decode((await wire.line()).split()[1])
    await wire.send(b64encode(side.final(challenge, binding)) + b"\r\n")
    assert side.is_servers(b64decode((await wire.line()).split()[1]))
    await wire.send(b"\r\n")
    return await wire.line()


@pytest.mark.parametrize("bound", [False, True], ids=["SCRAM", "PLUS"])
async def test_scram_on_every_face(tmp_path: Path, bound: bool) -> None:
    settings = {"POP3_ENABLED": "true", "POP3S_ENABLED": "true"}
    settings["SUBMISSION_CHANNEL_BINDING"] = "true"
    async with AppUnderTest(tmp_path, settings) as app:
        await app.add_users("alice")
        async with await Wire.open(app.ports["imaps"], tls=True) as wire:
            assert b"AUTH=SCRAM-SHA-256-PLUS" in await wire.line()
            assert (await scram(wire, "a AUTHENTICATE", ALICE, bound=bound)).startswith(b"a OK")
        async with await Wire.open(app.ports["smtps"], tls=True) as wire:
            await wire.line()
            await wire.send(b"EHLO client.example\r\n")
            while (await wire.line())[3:4] == b"-":
                pass
            assert (await scram(wire, "AUTH", ALICE, bound=bound)).startswith(b"235")
        async with await Wire.open(app.ports["pop3s"], tls=True) as wire:
            await wire.line()
            assert (await scram(wire, "AUTH", ALICE, bound=bound)).startswith(b"+OK")


async def test_one_connection_for_two_users(tmp_path: Path) -> None:
    """RFC 8437 §3: compression stays, all else is the next user's."""
    async with AppUnderTest(tmp_path) as app:
        await app.add_users("alice", "bob")
        imap = await ImapWire.open(app.ports["imaps"], ALICE, PASSWORD, tls=True)
        async with imap.wire:
            await imap.append("INBOX", b"Subject: for alice\r\n\r\n")
            await imap.ok("ENABLE QRESYNC")
            await imap.ok("COMPRESS DEFLATE")
            imap.wire.start_compression()
            await imap.ok("SELECT INBOX")
            await imap.ok("UNAUTHENTICATE")
            assert (await imap.do("SELECT INBOX"))[1].startswith(b"BAD")
            last = await scram(imap.wire, "x AUTHENTICATE", BOB, bound=True)
            assert last.startswith(b"x OK")
            assert [b"* 0 EXISTS"] in await imap.ok("SELECT INBOX")
            assert (await imap.do("COMPRESS DEFLATE"))[1].startswith(b"NO [COMPRESSIONACTIVE]")
