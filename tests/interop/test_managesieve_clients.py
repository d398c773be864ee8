"""sievelib and sieve-connect manage scripts; scramp logs in."""

import asyncio
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from scramp import ScramClient
from sievelib.managesieve import Client

from interop.programs import ALICE, BOB, certificate, needs, run
from kit.live import LiveServer
from kit.wire import ManageSieveWire

NAME = "localhost"  # one of those that the certificate is for
FILING = 'require "fileinto";\r\nif header :is "subject" "x" {\r\n  fileinto "Archive";\r\n}\r\n'
WRONG = 'require "fileinto";\r\n\r\nfleinto "Archive";\r\n'


async def forget_all(server: LiveServer, *users: str) -> None:
    for user in users:
        port = server.port("MANAGESIEVE")
        sieve = await ManageSieveWire.open(port, user, server.password, tls=True)
        await sieve.ok('SETACTIVE ""')
        for name in await sieve.names():
            await sieve.ok(f'DELETESCRIPT "{name}"')
        await sieve.logout()


@pytest.fixture(autouse=True)
def no_scripts(server: LiveServer) -> None:
    """Each test begins with users who have no scripts."""
    asyncio.run(forget_all(server, ALICE, BOB))


class TestSievelib:
    @pytest.fixture(autouse=True)
    def trust(self, server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate(server, tmp_path)))

    def client(self, server: LiveServer) -> Client:
        return Client(NAME, server.port("MANAGESIEVE"))

    def connected(self, server: LiveServer, mechanism: str | None = "PLAIN") -> Client:
        client = self.client(server)
        assert client.connect(ALICE, server.password, starttls=True, authmech=mechanism)
        return client

    def test_the_life_of_a_script(self, server: LiveServer) -> None:
        client = self.connected(server)
        assert client.get_implementation() == "pillarbox"
        assert "fileinto" in client.get_sieve_capabilities()
        assert client.havespace("filing", len(FILING))
        assert client.listscripts() == (None, [])
        assert client.checkscript(FILING)
        assert client.putscript("filing", FILING)
        assert client.setactive("filing")
        assert client.putscript("clever script", "keep;")
        assert client.listscripts() == ("filing", ["clever script"])
        assert client.getscript("filing") == FILING.replace("\r\n", "\n").rstrip("\n")
        assert client.renamescript("filing", "kept")
        assert not client.deletescript("kept")
        assert client.errcode == b"ACTIVE"
        assert client.setactive("")
        assert client.deletescript("kept")
        assert client.listscripts() == (None, ["clever script"])
        client.logout()

    def test_what_is_wrong_is_told(self, server: LiveServer) -> None:
        client = self.connected(server)
        for done in (client.checkscript(WRONG), client.putscript("a", WRONG)):
            assert not done
            assert b"line 3, column 1: " in client.errmsg
        assert not client.putscript("a", "#" * 40_000)
        assert client.errcode == b"QUOTA/MAXSIZE"
        assert not client.havespace("a", 40_000)
        assert client.getscript("none") is None
        assert client.errcode == b"NONEXISTENT"
        client.logout()

    @pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
    def test_mechanisms(self, server: LiveServer, mechanism: str) -> None:
        self.connected(server, mechanism).logout()
        client = self.client(server)
        assert not client.connect(ALICE, "wrong", starttls=True, authmech=mechanism)

    def test_a_token(self, server: LiveServer) -> None:
        token = server.command("token", "mint", ALICE, "--label", "sieve").strip()
        client = self.client(server)
        assert client.connect(ALICE, token, starttls=True, authmech="OAUTHBEARER")
        assert client.listscripts() == (None, [])
        client.logout()

    def test_without_tls(self, server: LiveServer) -> None:
        client = self.client(server)
        with pytest.warns(UserWarning, match="unencrypted"):
            assert not client.connect(ALICE, server.password, authmech="PLAIN")
        assert client.errmsg == b"No suitable mechanism found"


@needs("sieve-connect")
class TestSieveConnect:
    def sieve(
        self,
        server: LiveServer,
        folder: Path,
        *options: str,
        mechanism: str = "PLAIN",
        password: str = "",
        status: int = 0,
    ) -> str:
        return run(
            "sieve-connect",
            *("--server", NAME, "--port", str(server.port("MANAGESIEVE")), "--nosrv", "--4"),
            *("--tlscafile", str(certificate(server, folder)), "--user", BOB),
            *("--authmech", mechanism, "--passwordfd", "0", *options),
            input=(password or server.password) + "\n",
            status=status,
        )

    def test_the_life_of_a_script(self, server: LiveServer, tmp_path: Path) -> None:
        script, back = tmp_path / "filing", tmp_path / "back"
        script.write_text(FILING, newline="")
        upload = ("--localsieve", str(script), "--remotesieve", "filing")
        self.sieve(server, tmp_path, *upload, "--upload")
        self.sieve(server, tmp_path, "--remotesieve", "filing", "--activate")
        assert '"filing" ACTIVE' in self.sieve(server, tmp_path, "--list")
        self.sieve(
            server, tmp_path, "--remotesieve", "filing", "--localsieve", str(back), "--download"
        )
        assert back.read_text() == FILING.replace("\r\n", "\n")
        self.sieve(server, tmp_path, *upload, "--checkscript")
        said = self.sieve(server, tmp_path, "--remotesieve", "filing", "--delete", status=None)
        assert "is active" in said
        self.sieve(server, tmp_path, "--deactivate")
        self.sieve(server, tmp_path, "--remotesieve", "filing", "--delete")
        assert "filing" not in self.sieve(server, tmp_path, "--list")

    def test_what_is_wrong_is_told(self, server: LiveServer, tmp_path: Path) -> None:
        script = tmp_path / "wrong"
        script.write_text(WRONG, newline="")
        said = self.sieve(server, tmp_path, "--localsieve", str(script), "--upload", status=None)
        assert "line 3, column 1: " in said
        assert "wrong" not in self.sieve(server, tmp_path, "--list")

    def test_wrong_password(self, server: LiveServer, tmp_path: Path) -> None:
        said = self.sieve(server, tmp_path, "--list", password="wrong", status=None)
        assert "Authentication refused by server" in said


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
async def test_scramp(server: LiveServer, mechanism: str) -> None:
    sieve = await ManageSieveWire.open(server.port("MANAGESIEVE"), tls=True)
    tls = sieve.wire.writer.get_extra_info("ssl_object")
    binding = ("tls-server-end-point", tls) if mechanism.endswith("PLUS") else None
    client = ScramClient([mechanism], ALICE, server.password, channel_binding=binding)
    first = quoted(client.get_client_first())
    await sieve.wire.send(f'AUTHENTICATE "{mechanism}" {first}\r\n'.encode())
    client.set_server_first(unquoted(await sieve.wire.line()))
    _, answer = await sieve.ask(quoted(client.get_client_final()))
    assert answer.startswith(b"OK (SASL ")
    client.set_server_final(unquoted(answer))
    assert await sieve.names() == {}
    await sieve.logout()


def quoted(message: str) -> str:
    return f'"{b64encode(message.encode()).decode()}"'


def unquoted(line: bytes) -> str:
    return b64decode(line.split(b'"')[1]).decode()
