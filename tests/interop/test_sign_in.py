"""Other people's SASL: GNU SASL (gsasl, mutt), Cyrus SASL (mbsync), scramp, curl.

GNU SASL binds channels by tls-exporter alone, which the server does not have, so gsasl is told not
to bind. scramp binds by tls-server-end-point, with a DER reader of its own.
"""

import base64
import imaplib
import smtplib
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from scramp import ScramClient
from scramp.utils import ScramException

from interop.programs import ALICE, HOST, PROGRAM_S, certificate, messages, needs, run
from kit.live import LiveServer
from kit.wire import trusting_context

SASL_MODULES = Path("/usr/lib").glob("*/sasl2/libscram.so*")
needs_cyrus_scram = pytest.mark.skipif(not list(SASL_MODULES), reason="needs libsasl2-modules")

MBSYNC = """
IMAPAccount alice
Host localhost
Port {port}
User {user}
Pass "{password}"
SSLType IMAPS
AuthMechs {mechanism}
SystemCertificates no
CertificateFile {certificate}

IMAPStore far
Account alice

MaildirStore near
Path {maildir}/
Inbox {maildir}/INBOX

Channel both
Far :far:
Near :near:
Patterns INBOX
Create Near
SyncState *
"""


@pytest.fixture(scope="module")
def token(server: LiveServer) -> str:
    """A token of alice."""
    return server.command("token", "mint", ALICE).strip()


class TestGnuSasl:
    pytestmark = needs("gsasl")

    def gsasl(self, server: LiveServer, folder: Path, face: str, password: str) -> str:
        port = server.port("IMAP" if face == "imap" else "SUBMISSION")
        return run(
            *("gsasl", f"--{face}", "--starttls", "--no-cb", "--mechanism=SCRAM-SHA-256"),
            *(f"--connect={HOST}:{port}", f"--x509-ca-file={certificate(server, folder)}"),
            *(f"--authentication-id={ALICE}", f"--password={password}"),
            status=None,
        )

    @pytest.mark.parametrize("face", ["imap", "smtp"])
    def test_scram(self, server: LiveServer, tmp_path: Path, face: str) -> None:
        said = self.gsasl(server, tmp_path, face, server.password)
        assert "Client authentication finished (server trusted)" in said

    def test_wrong_password(self, server: LiveServer, tmp_path: Path) -> None:
        said = self.gsasl(server, tmp_path, "imap", "wrong")
        assert "NO [AUTHENTICATIONFAILED]" in said
        assert "finished" not in said


class TestMutt:
    pytestmark = needs("mutt")

    @pytest.mark.parametrize("mechanism", ["scram-sha-256", "oauthbearer", "xoauth2", "plain"])
    def test_sends_and_files(
        self, server: LiveServer, tmp_path: Path, token: str, mechanism: str
    ) -> None:
        """One login to send, by SMTP, and one to keep a copy, by IMAP."""
        imaps = f"imaps://{quote(ALICE)}@{HOST}:{server.port('IMAPS')}"
        command = tmp_path / "token"
        command.write_text(f"#!/bin/sh\necho {token}\n")
        command.chmod(0o700)
        password = "none" if "oauth" in mechanism else server.password
        settings = tmp_path / "muttrc"
        settings.write_text(
            f'set imap_pass="{password}" smtp_pass="{password}"\n'
            f'set imap_authenticators="{mechanism}" smtp_authenticators="{mechanism}"\n'
            f'set imap_oauth_refresh_command="{command}" smtp_oauth_refresh_command="{command}"\n'
            f'set smtp_url="smtps://{quote(ALICE)}@{HOST}:{server.port("SMTPS")}"\n'
            f'set from="{ALICE}" use_from=yes hostname="example.test"\n'
            f'set record="{imaps}/Sent" copy=yes header_cache=""\n'
            f"set ssl_force_tls=yes ssl_verify_host=no\n"
            f'set certificate_file="{certificate(server, tmp_path)}"\n'
        )
        env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TERM": "xterm"}
        subject = f"signed in by {mechanism}"
        options = ("-n", "-F", str(settings), "-d", "2", "-s", subject)
        run("mutt", *options, "--", ALICE, input="Hello.\n", env=env)
        log = (tmp_path / ".muttdebug0").read_text(errors="replace").upper()
        assert f"AUTH {mechanism.upper()}" in log
        # Of commands with a token mutt writes nothing down; it had no password to send instead.
        assert password == "none" or f"AUTHENTICATE {mechanism.upper()}" in log
        assert len(messages(server, ALICE, subject)) == 1
        assert len(messages(server, ALICE, subject, "Sent")) == 1


class TestCyrusSasl:
    pytestmark = [needs("mbsync"), needs_cyrus_scram]  # noqa: RUF012

    def mbsync(self, server: LiveServer, folder: Path, password: str, status: int) -> str:
        settings = folder / "mbsyncrc"
        (folder / "mail").mkdir()
        settings.write_text(
            MBSYNC.format(
                port=server.port("IMAPS"),
                user=ALICE,
                password=password,
                mechanism="SCRAM-SHA-256",
                maildir=folder / "mail",
                certificate=certificate(server, folder),
            )
        )
        return run("mbsync", "-D", "-c", str(settings), "both", status=status)

    def test_scram(self, server: LiveServer, tmp_path: Path) -> None:
        assert "AUTHENTICATE SCRAM-SHA-256" in self.mbsync(server, tmp_path, server.password, 0)

    def test_wrong_password(self, server: LiveServer, tmp_path: Path) -> None:
        assert "[AUTHENTICATIONFAILED]" in self.mbsync(server, tmp_path, "wrong", 1)


class TestScramp:
    def messages(self, client: ScramClient) -> Callable[[bytes], bytes]:
        """What the client says to each challenge."""
        steps = iter(
            (
                lambda _: client.get_client_first(),
                lambda said: (client.set_server_first(said), client.get_client_final())[1],
                lambda said: (client.set_server_final(said), "")[1],
            )
        )
        return lambda challenge: next(steps)(challenge.decode()).encode()

    def imap(self, server: LiveServer, mechanism: str, *, bind: bool, password: str = "") -> None:
        port = server.port("IMAPS")
        with imaplib.IMAP4_SSL(
            HOST, port, ssl_context=trusting_context(), timeout=PROGRAM_S
        ) as connection:
            assert isinstance(connection.sock, ssl.SSLSocket)
            binding = ("tls-server-end-point", connection.sock) if bind else None
            client = ScramClient(
                [mechanism], ALICE, password or server.password, channel_binding=binding
            )
            connection.authenticate(mechanism, self.messages(client))
            assert connection.select("INBOX")[0] == "OK"

    def test_imap(self, server: LiveServer) -> None:
        self.imap(server, "SCRAM-SHA-256", bind=False)

    def test_imap_with_channel_binding(self, server: LiveServer) -> None:
        self.imap(server, "SCRAM-SHA-256-PLUS", bind=True)

    def test_a_client_that_was_told_of_no_binding(self, server: LiveServer) -> None:
        """scramp can bind, but uses the plain mechanism: it says `y`."""
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            self.imap(server, "SCRAM-SHA-256", bind=True)

    def test_wrong_password(self, server: LiveServer) -> None:
        for mechanism, bind in (("SCRAM-SHA-256", False), ("SCRAM-SHA-256-PLUS", True)):
            with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
                self.imap(server, mechanism, bind=bind, password="wrong")

    def test_the_server_proves_itself(self, server: LiveServer) -> None:
        """One who does not have the verifier can't make what the client checks at the end."""
        client = ScramClient(["SCRAM-SHA-256"], ALICE, server.password)
        first = client.get_client_first()
        nonce = first.rpartition("r=")[2]
        client.set_server_first(f"r={nonce}x,s={base64.b64encode(bytes(16)).decode()},i=4096")
        client.get_client_final()
        with pytest.raises(ScramException):
            client.set_server_final(f"v={base64.b64encode(bytes(32)).decode()}")

    def test_submission(self, server: LiveServer) -> None:
        mechanism = "SCRAM-SHA-256"
        with smtplib.SMTP(HOST, server.port("SUBMISSION"), timeout=PROGRAM_S) as smtp:
            smtp.starttls(context=trusting_context())
            smtp.ehlo()
            assert mechanism in smtp.esmtp_features["auth"].split()
            client = ScramClient([mechanism], ALICE, server.password)
            say = self.messages(client)

            def answer(challenge: bytes | None = None) -> str:
                return say(challenge or b"").decode()

            assert smtp.auth(mechanism, answer, initial_response_ok=False)[0] == 235


class TestCurl:
    pytestmark = needs("curl")

    def curl(self, token: str, *options: str, status: int = 0) -> str:
        bearer = ("--user", f"{ALICE}:", "--oauth2-bearer", token)
        return run("curl", "--silent", "-v", "--insecure", *bearer, *options, status=status)

    def test_oauthbearer(self, server: LiveServer, token: str) -> None:
        imaps = f"imaps://{HOST}:{server.port('IMAPS')}/"
        said = self.curl(token, imaps)
        assert "AUTHENTICATE OAUTHBEARER" in said
        assert '"/" "Sent"' in said

    def test_pop3(self, server: LiveServer, token: str) -> None:
        said = self.curl(token, f"pop3s://{HOST}:{server.port('POP3S')}/")
        assert "AUTH OAUTHBEARER" in said
        assert " messages (" in said

    def test_submission(self, server: LiveServer, token: str, tmp_path: Path) -> None:
        letter = tmp_path / "letter"
        letter.write_text(f"From: <{ALICE}>\r\nSubject: by token\r\n\r\nHello.\r\n", newline="")
        smtps = f"smtps://{HOST}:{server.port('SMTPS')}"
        addresses = ("--mail-from", ALICE, "--mail-rcpt", ALICE, "--upload-file", str(letter))
        assert "AUTH OAUTHBEARER" in self.curl(token, smtps, *addresses)

    def test_a_revoked_token(self, server: LiveServer) -> None:
        made = server.command("token", "mint", ALICE, "--label", "lost").strip()
        imaps = f"imaps://{HOST}:{server.port('IMAPS')}/"
        self.curl(made, imaps)
        rows = server.command("token", "list", ALICE).splitlines()
        (number,) = (row.split()[0] for row in rows if " lost " in row)
        server.command("token", "revoke", ALICE, number)
        said = self.curl(made, imaps, status=67)
        assert base64.b64encode(b'{"status": "invalid_token", "scope": "mail"}').decode() in said
        assert "NO [AUTHENTICATIONFAILED]" in said
