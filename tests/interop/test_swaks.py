"""swaks sends, in every way it can."""

import shutil
import subprocess

import pytest

from interop.programs import ALICE, BOB, HOST, messages, needs, run
from kit.live import LiveServer
from kit.proxy import PROXY

pytestmark = needs("swaks")
needs_tls = pytest.mark.skipif(
    subprocess.run(["perl", "-MNet::SSLeay", "-e", "1"], capture_output=True).returncode != 0
    if shutil.which("perl")
    else True,
    reason="needs libnet-ssleay-perl",
)

OUTSIDE = "someone@outside.test"
CLOSED, RECIPIENT_REFUSED, LOGIN_FAILED, SENDER_REFUSED = 6, 24, 28, 23


def swaks(server: LiveServer, listener: str, *options: str, status: int = 0) -> str:
    address = ("--server", HOST, "--port", str(server.port(listener)), "--helo", "client.test")
    return run("swaks", *address, *options, status=status)


def mail(subject: str, sender: str = OUTSIDE, to: str = ALICE) -> tuple[str, ...]:
    return ("--from", sender, "--to", to, "--header", f"Subject: {subject}", "--body", "Grüße\\n.")


def login(server: LiveServer, kind: str = "PLAIN") -> tuple[str, ...]:
    return ("--auth", kind, "--auth-user", ALICE, "--auth-password", server.password)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--pipeline",),
        ("--protocol", "SMTP"),
        pytest.param(("--tls",), marks=needs_tls),
        pytest.param(("--tls", "--pipeline"), marks=needs_tls),
    ],
    ids=" ".join,
)
def test_mail_from_outside(server: LiveServer, options: tuple[str, ...]) -> None:
    subject = f"outside {options}".replace("'", "")
    swaks(server, "SMTP", *mail(subject), *options)
    (found,) = messages(server, ALICE, subject)
    assert found.rstrip().endswith("Grüße\r\n.".encode())


def test_lmtp(server: LiveServer) -> None:
    swaks(server, "LMTP", *mail("by lmtp", to=f"{ALICE},{BOB}"), "--protocol", "LMTP")
    assert len(messages(server, ALICE, "by lmtp")) == len(messages(server, BOB, "by lmtp")) == 1


@needs_tls
@pytest.mark.parametrize("kind", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize(("listener", "tls"), [("SUBMISSION", "--tls"), ("SMTPS", "--tlsc")])
def test_submission(server: LiveServer, listener: str, tls: str, kind: str) -> None:
    subject = f"{kind} on {listener}"
    swaks(server, listener, tls, *mail(subject, ALICE, BOB), *login(server, kind))
    assert len(messages(server, BOB, subject)) == 1


def test_attachment(server: LiveServer) -> None:
    options = ("--attach-type", "text/csv", "--attach-name", "a.csv", "--attach", "1;2")
    swaks(server, "SMTP", *mail("attached"), *options)
    (found,) = messages(server, ALICE, "attached")
    assert b"a.csv" in found


@needs_tls
def test_wrong_password(server: LiveServer) -> None:
    options = ("--auth", "PLAIN", "--auth-user", ALICE, "--auth-password", "wrong")
    output = swaks(
        server, "SUBMISSION", "--tls", *mail("no", ALICE, BOB), *options, status=LOGIN_FAILED
    )
    assert "535 5.7.8" in output


def test_login_in_clear_is_not_offered(server: LiveServer) -> None:
    swaks(server, "SUBMISSION", *mail("no", ALICE, BOB), *login(server), status=LOGIN_FAILED)


def test_no_relay(server: LiveServer) -> None:
    options = mail("relayed", to="friend@elsewhere.test")
    assert "550 5.7.1" in swaks(server, "SMTP", *options, status=RECIPIENT_REFUSED)


@needs_tls
def test_submission_needs_login(server: LiveServer) -> None:
    swaks(server, "SUBMISSION", "--tls", *mail("no", ALICE, BOB), status=SENDER_REFUSED)


@needs_tls
def test_sender_must_be_ones_own(server: LiveServer) -> None:
    options = (*mail("no", BOB, ALICE), *login(server))
    swaks(server, "SUBMISSION", "--tls", *options, status=SENDER_REFUSED)


def test_unknown_user(server: LiveServer) -> None:
    options = mail("no", to="nobody@example.test")
    assert "550 5.1.1" in swaks(server, "SMTP", *options, status=RECIPIENT_REFUSED)


def proxied(version: str, family: str) -> tuple[str, ...]:
    return (
        "--local-interface", PROXY, "--proxy-version", version, "--proxy-family", family,
        "--proxy-source", "192.0.2.7", "--proxy-source-port", "40000",
        "--proxy-dest", HOST, "--proxy-dest-port", "25",
    )  # fmt: skip


@pytest.mark.parametrize(("version", "family"), [("1", "TCP4"), ("2", "AF_INET")])
def test_through_a_proxy(server: LiveServer, version: str, family: str) -> None:
    subject = f"through a proxy by version {version}"
    server.command("policy", "set", "example.test", "greylist_enabled=false")
    swaks(server, "SMTP", *mail(subject), *proxied(version, family))
    (found,) = messages(server, ALICE, subject)
    assert b"[192.0.2.7]" in found


def test_bad_proxy_header(server: LiveServer) -> None:
    options = ("--local-interface", PROXY, "--proxy", "TCP4 2001:db8::1 192.0.2.1 1 2")
    swaks(server, "SMTP", *mail("no"), *options, status=CLOSED)
