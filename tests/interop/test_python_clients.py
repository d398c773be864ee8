"""The clients of Python's standard library, imapclient and aiosmtplib."""

import asyncio
import gc
import imaplib
import smtplib
from email import policy
from email.message import EmailMessage

import aiosmtplib
import imapclient
import pytest

from interop.programs import ALICE, BOB, HOST, messages
from kit.live import LiveServer
from kit.wire import trusting_context


def letter(subject: str, sender: str = ALICE, to: str = BOB) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, to, subject
    made["Message-ID"] = f"<{subject.replace(' ', '.')}@example.test>"
    made.set_content("Grüße aus dem Norden\n")
    made.add_attachment(b"\0\1\2" * 1000, "application", "x-bits", filename="Lösung.bin")
    return made


def test_smtplib_and_imaplib(server: LiveServer) -> None:
    with smtplib.SMTP(HOST, server.port("SUBMISSION"), timeout=30) as smtp:
        smtp.starttls(context=trusting_context())
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login(ALICE, "wrong")
        smtp.login(ALICE, server.password)
        assert smtp.send_message(letter("by smtplib")) == {}
    with imaplib.IMAP4(HOST, server.port("IMAP"), timeout=30) as client:
        with pytest.raises(imaplib.IMAP4.error):
            client.login(BOB, server.password)  # not before TLS
        client.starttls(trusting_context())
        client.login(BOB, server.password)
        assert client.select("INBOX")[0] == "OK"
        _, found = client.search(None, "SUBJECT", '"by smtplib"')
        (number,) = found[0].split()
        assert client.store(number, "+FLAGS", r"(\Flagged)")[0] == "OK"
        assert client.copy(number, "Archive")[0] == "OK"
        assert client.store(number, "+FLAGS", r"(\Deleted)")[0] == "OK"
        assert client.expunge()[0] == "OK"
    assert messages(server, BOB, "by smtplib") == []
    assert len(messages(server, BOB, "by smtplib", "Archive")) == 1


# The client leaves its TLS transport half closed, and the loop ends before the rest.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_aiosmtplib_and_imapclient(server: LiveServer) -> None:
    port = server.port("SMTPS")
    sending = aiosmtplib.send(
        letter("by aiosmtplib"),
        hostname=HOST,
        port=port,
        use_tls=True,
        tls_context=trusting_context(),
        username=ALICE,
        password=server.password,
    )
    errors, _ = asyncio.run(sending)
    gc.collect()
    assert errors == {}
    port = server.port("IMAPS")
    with imapclient.IMAPClient(HOST, port, ssl_context=trusting_context(), timeout=30) as client:
        client.login(BOB, server.password)
        client.select_folder("INBOX")
        (uid,) = client.search(["SUBJECT", "by aiosmtplib"])
        found = client.fetch([uid], ["ENVELOPE", "BODYSTRUCTURE", "RFC822.SIZE", "BODY[1]"])[uid]
        assert found[b"ENVELOPE"].subject == b"by aiosmtplib"
        assert found[b"BODYSTRUCTURE"].is_multipart
        client.create_folder("Kästchen")
        client.move([uid], "Kästchen")
        assert client.search(["SUBJECT", "by aiosmtplib"]) == []
        client.select_folder("Kästchen")
        (uid,) = client.search()
        assert len(client.fetch([uid], ["RFC822"])[uid][b"RFC822"]) == found[b"RFC822.SIZE"]
        client.idle()
        _deliver(server, "while idle")
        assert client.idle_check(timeout=0.2) == []  # another mailbox is selected
        client.idle_done()
        client.select_folder("INBOX")
        client.idle()
        _deliver(server, "while idle")
        assert any(b"EXISTS" in line for line in client.idle_check(timeout=20))
        client.idle_done()


def _deliver(server: LiveServer, subject: str) -> None:
    with smtplib.SMTP(HOST, server.port("SMTP"), timeout=30) as smtp:
        smtp.send_message(letter(subject, "someone@outside.test", BOB))


def test_fifty_recipients_and_smtputf8(server: LiveServer) -> None:
    with smtplib.SMTP(HOST, server.port("SMTP"), timeout=30) as smtp:
        recipients = [f"bob+{number}@example.test" for number in range(50)]
        sent = letter("to fifty", "jürgen@outside.test", "bob@example.test")
        assert smtp.send_message(sent, "jürgen@outside.test", recipients) == {}
        text = letter("eight bit").as_bytes(policy=policy.SMTP)
        assert smtp.sendmail("a@outside.test", [BOB], text, ["BODY=8BITMIME"]) == {}
    assert len(messages(server, BOB, "to fifty")) == 1
