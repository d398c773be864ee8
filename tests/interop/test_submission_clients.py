"""What clients submit, as Postfix gets it in the end: by swaks, mutt, msmtp, curl and Python's."""

import asyncio
import email
import email.policy
import os
import smtplib
import ssl
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

import aiosmtplib
import pytest

from interop.programs import HOST, needs, run
from interop.test_swaks import needs_tls
from kit.app import PASSWORD
from kit.far import Arrived, Far, needs_postfix
from kit.sender import ALICE, Sender
from kit.wire import trusting_context
from pillarbox.domain.queue.model import Status

pytestmark = needs_postfix

ANN, BEN = "ann@tls.test", "ben@plain.test"
TEXT = "Grüße\n.\n..\nFrom me\n the end\n"


async def program(*command: str, input: str = "", env: dict[str, str] | None = None) -> str:
    """Run a program beside the server."""
    return await asyncio.to_thread(lambda: run(*command, input=input, env=env))


def read(taken: Arrived) -> EmailMessage:
    """A message as Python's `email` reads it."""
    found: EmailMessage = email.message_from_bytes(taken.content, policy=email.policy.default)
    assert not found.defects
    return found


def text(message: EmailMessage) -> str:
    body = message.get_body()
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def repaired(message: EmailMessage) -> None:
    """What every message has when it leaves, whatever the client left out."""
    for name in ("From", "Date", "Message-ID"):
        assert len(message.get_all(name, [])) == 1, name
    assert message["Bcc"] is None


@needs("swaks")
@needs_tls
@pytest.mark.parametrize(
    ("listener", "options"),
    [("submission", ("--tls", "--pipeline")), ("smtps", ("--tlsc",))],
    ids=["submission", "smtps"],
)
async def test_swaks(sender: Sender, far: Far, listener: str, options: tuple[str, ...]) -> None:
    login = ("--auth", "PLAIN", "--auth-user", ALICE, "--auth-password", PASSWORD)
    where = ("--server", HOST, "--port", str(sender.app.ports[listener]), "--helo", "client.test")
    mail = ("--from", ALICE, "--to", f"{ANN},{BEN}", "--header", "Subject: by swaks")
    body = ("--add-header", "Bcc: secret@plain.test", "--body", TEXT.replace("\n", "\\n"))
    await program("swaks", *where, *options, *login, *mail, *body)
    for recipient in (ANN, BEN):
        taken = await far.message(recipient)
        assert taken.sender == ALICE
        message = read(taken)
        repaired(message)
        assert message["Subject"] == "by swaks"
        assert taken.content.partition(b"\r\n\r\n")[2].startswith(
            TEXT.replace("\n", "\r\n").encode()
        )
    assert far.kept("secret@plain.test") == []


@needs("mutt")
async def test_mutt(sender: Sender, far: Far, tmp_path: Path) -> None:
    port = sender.app.ports["smtps"]
    shown = await asyncio.to_thread(ssl.get_server_certificate, (HOST, port))
    (tmp_path / "server.pem").write_text(shown)
    (tmp_path / "note.txt").write_text("attached\n")
    (tmp_path / "muttrc").write_text(
        f'set smtp_url="smtps://{quote(ALICE)}@{HOST}:{port}" smtp_pass="{PASSWORD}"\n'
        f'set from="{ALICE}" realname="Älice" use_from=yes hostname="example.test" copy=no\n'
        f'set ssl_force_tls=yes ssl_verify_host=no certificate_file="{tmp_path}/server.pem"\n'
    )
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    await program(
        *("mutt", "-n", "-F", str(tmp_path / "muttrc"), "-s", "Grüße by mutt"),
        *("-a", str(tmp_path / "note.txt"), "-b", BEN, "--", ANN),
        input=TEXT,
        env=env,
    )
    for recipient in (ANN, BEN):
        message = read(await far.message(recipient))
        repaired(message)
        assert message["Subject"] == "Grüße by mutt"
        assert message["To"] == ANN
        assert text(message) == TEXT
        (attached,) = message.iter_attachments()
        assert attached.get_content().split() == ["attached"]


@needs("msmtp")
async def test_msmtp(sender: Sender, far: Far, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    await program(
        *("msmtp", f"--host={HOST}", f"--port={sender.app.ports['submission']}", "--tls=on"),
        *("--tls-certcheck=off", "--auth=scram-sha-256", f"--user={ALICE}", f"--from={ALICE}"),
        *(f"--passwordeval=cat {tmp_path}/password", "--dsn-return=hdrs"),
        *("--dsn-notify=success,failure", "--", ANN, BEN),
        input=f"From: {ALICE}\nTo: {ANN}, {BEN}\nSubject: by msmtp\n\n{TEXT}",
    )
    for recipient in (ANN, BEN):
        message = read(await far.message(recipient))
        repaired(message)
        assert message["Subject"] == "by msmtp"
        assert message.get_payload(decode=True) == TEXT.replace("\n", "\r\n").encode()
    async with asyncio.timeout(30):
        while len(found := await sender.inbox()) < 2:  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.05)
    assert all(b"Action: delivered" in one for one in found)


@needs("curl")
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_curl(sender: Sender, far: Far, tmp_path: Path, scheme: str) -> None:
    port = sender.app.ports["submission" if scheme == "smtp" else "smtps"]
    letter = f"From: <{ALICE}>\nTo: <{ANN}>\nSubject: by curl\n\n{TEXT}".replace("\n", "\r\n")
    (tmp_path / "letter").write_text(letter, newline="")
    await program(
        *("curl", "--silent", "--show-error", "--insecure", "--ssl-reqd"),
        *("--user", f"{ALICE}:{PASSWORD}", f"{scheme}://{HOST}:{port}/client.test"),
        *("--mail-from", ALICE, "--mail-rcpt", ANN, "--mail-rcpt", BEN),
        *("--upload-file", str(tmp_path / "letter")),
    )
    for recipient in (ANN, BEN):
        taken = await far.message(recipient)
        repaired(read(taken))
        assert taken.content.endswith(letter.encode())


async def connected(sender: Sender) -> aiosmtplib.SMTP:
    client = aiosmtplib.SMTP(
        hostname=HOST,
        port=sender.app.ports["smtps"],
        use_tls=True,
        tls_context=trusting_context(),
        username=ALICE,
        password=PASSWORD,
    )
    await client.connect()
    return client


async def test_aiosmtplib_with_addresses_and_header_beyond_ascii(sender: Sender, far: Far) -> None:
    made = EmailMessage(email.policy.SMTPUTF8)
    made["From"], made["To"] = ALICE, "Bøb <bøb@tls.test>"
    made["Subject"] = "Grüße by aiosmtplib"
    made.set_content(TEXT, cte="8bit")
    client = await connected(sender)
    async with client:
        await client.send_message(made, mail_options=["BODY=8BITMIME"])
    taken = await far.message("bøb@tls.test")
    assert "with UTF8SMTPS id" in taken.trace
    assert "\r\nSubject: Grüße by aiosmtplib\r\n".encode() in taken.content
    assert "\r\nTo: Bøb <bøb@tls.test>\r\n".encode() in taken.content
    assert text(read(taken)) == TEXT


async def test_aiosmtplib_asks_for_reports(sender: Sender, far: Far) -> None:
    content = f"From: {ALICE}\r\nSubject: with options\r\n\r\nx\r\n".encode()
    client = await connected(sender)
    async with client:
        await client.sendmail(
            ALICE,
            [ANN],
            content,
            mail_options=["RET=HDRS", "ENVID=QQ+2B1"],
            rcpt_options=["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;Ann@tls.test"],
        )
    await far.message(ANN)
    report = await sender.mail()
    assert b"Original-Envelope-Id: QQ+1\r\n" in report
    assert b"Original-Recipient: rfc822;Ann@tls.test\r\n" in report
    assert b"Action: delivered\r\n" in report


@pytest.mark.parametrize("size", [10, 300_000])
async def test_binary_content(sender: Sender, far: Far, size: int) -> None:
    """By BDAT and BINARYMIME, which Postfix does not take: it comes as Base64 and is the same."""
    data = (bytes(range(256)) + b"\n.\n\r\r\n") * (size // 256 + 1)
    content = (
        f"From: {ALICE}\r\nTo: {ANN}\r\nSubject: bits\r\nMIME-Version: 1.0\r\n"
        "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    ).encode() + data

    def submit() -> None:
        port = sender.app.ports["smtps"]
        with smtplib.SMTP_SSL(HOST, port, context=trusting_context(), timeout=30) as smtp:
            smtp.login(ALICE, PASSWORD)
            assert smtp.has_extn("binarymime")
            assert smtp.mail(ALICE, ["BODY=BINARYMIME"])[0] == 250
            assert smtp.rcpt(ANN)[0] == 250
            for at in range(0, len(content), 100_000):
                chunk = content[at : at + 100_000]
                last = " LAST" if at + 100_000 >= len(content) else ""
                smtp.send(f"BDAT {len(chunk)}{last}\r\n".encode() + chunk)
                assert smtp.getreply()[0] == 250

    await asyncio.to_thread(submit)
    message = read(await far.message(ANN))
    repaired(message)
    assert message["Content-Transfer-Encoding"] == "base64"
    assert message.get_content() == data


@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable", "base64", "8bit"])
async def test_encodings_stay_as_they_are(sender: Sender, far: Far, encoding: str) -> None:
    made = EmailMessage(email.policy.SMTP)
    made["From"], made["To"], made["Subject"] = ALICE, ANN, "encoded"
    made.set_content("Words\n" if encoding == "7bit" else TEXT, cte=encoding)
    made.add_attachment(bytes(range(256)), "application", "x-bits", filename="Lösung.bin")
    written = made.as_bytes()
    client = await connected(sender)
    async with client:
        await client.sendmail(ALICE, [ANN], written, mail_options=["BODY=8BITMIME"])
    taken = await far.message(ANN)
    assert taken.content.endswith(written)
    await sender.stands(ANN, Status.DELIVERED)
