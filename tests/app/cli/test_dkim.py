"""`pillarbox dkim`."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from kit.cli import Cli
from pillarbox.formats.mailauth.keys import KeyAlgorithm, load_pem, new_key, parse_key_record


class Dkim:
    """The command line, and what it says of keys."""

    def __init__(self, cli: Cli) -> None:
        self._cli = cli

    def __call__(self, *arguments: str, code: int = 0) -> str:
        outcome = self._cli(*arguments)
        self.out, self.err = outcome.out, outcome.err
        assert outcome.code == code, outcome
        return self.out

    def rows(self, domain: str = "example.org") -> dict[str, dict[str, Any]]:
        found = json.loads(self("dkim", "show", domain, "--all", "--json"))
        return {row["selector"]: row for row in found}

    def states(self) -> dict[str, str]:
        return {selector: row["state"] for selector, row in self.rows().items()}


@pytest.fixture
def cli(cli: Cli) -> Dkim:
    """With the domain example.org."""
    made = Dkim(cli)
    made("domain", "add", "example.org")
    return made


def test_a_new_domain_has_keys_and_is_told_what_to_publish(cli: Dkim) -> None:
    assert "pillarbox dkim show example.org" in cli.err
    assert cli.states() == {"mail": "active", "mail-ed25519": "active"}
    text = cli("dkim", "show", "example.org")
    assert text.count("MISSING in the DNS") == 2
    for row in cli.rows().values():
        assert row["value"] in text
        assert row["zone"] in text
        parse_key_record(row["value"])
    zone = cli("dkim", "show", "example.org", "--zone").splitlines()
    assert len(zone) == 2
    assert max(len(part) for line in zone for part in line.split('"')[1::2]) <= 255
    assert zone[0].startswith("mail._domainkey.example.org. 3600 IN TXT (")
    assert "PRIVATE" not in text


@pytest.mark.parametrize(
    ("algo", "selectors"), [("ed25519", ["key1"]), ("none", []), ("rsa4096", ["key1"])]
)
def test_settings(
    cli: Dkim, monkeypatch: pytest.MonkeyPatch, algo: str, selectors: list[str]
) -> None:
    monkeypatch.setenv("PILLARBOX_DKIM_ALGO", algo)
    monkeypatch.setenv("PILLARBOX_DKIM_SELECTOR", "Key1")
    cli("domain", "add", "other.test")
    assert list(cli.rows("other.test")) == selectors
    if not selectors:
        assert "is not signed" in cli("dkim", "show", "other.test")
    cli("domain", "add", "relay.test", "--relay")
    assert cli.rows("relay.test") == {}


def test_a_rotation_by_hand(cli: Dkim) -> None:
    cli("dkim", "rotate", "example.org", "--algorithm", "ed25519")
    (new,) = set(cli.states()) - {"mail", "mail-ed25519"}
    assert new.startswith("mail-ed25519-20")
    assert cli.states()[new] == "prepared"
    cli("dkim", "rotate", "example.org", code=1)
    assert "waits to come into use" in cli.err
    cli("dkim", "activate", "example.org", new, code=2)  # it is not published; nobody to ask
    cli("dkim", "activate", "example.org", new, "--yes")
    assert cli.states() == {"mail": "active", new: "active", "mail-ed25519": "retiring"}
    cli("dkim", "retire", "example.org", new)
    cli("dkim", "retire", "example.org", "mail")
    assert set(cli.states().values()) == {"retiring"}
    cli("dkim", "rotate", "example.org", code=1)
    cli("dkim", "remove", "example.org", "mail", code=2)
    cli("dkim", "remove", "example.org", "mail", "--yes")
    assert "mail" not in cli.states()


def test_generating(cli: Dkim) -> None:
    cli("dkim", "generate", "example.org")
    (new,) = set(cli.states()) - {"mail", "mail-ed25519"}
    assert (new[:7], cli.states()[new]) == ("mail-20", "prepared")
    cli("dkim", "generate", "example.org", "--selector", "s1", "--activate")
    assert cli.states()["s1"] == "active"
    assert cli.states()["mail"] == "retiring"
    cli("dkim", "generate", "example.org", "--selector", "S1", code=1)
    cli("dkim", "generate", "example.org", "--selector", "a b", code=1)
    cli("dkim", "generate", "elsewhere.net", code=1)


def test_keys_of_other_programs(cli: Dkim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = new_key(KeyAlgorithm.RSA, 1024)
    file = tmp_path / "key.pem"
    file.write_text(key.pem())
    cli("dkim", "import", "example.org", str(file), "--selector", "mail", code=1)
    cli("dkim", "import", "example.org", str(file), "--selector", "mail", "--replace")
    assert "only 1024 bits" in cli.err
    assert cli.states()["mail"] == "active"  # it took the place of the one that was active
    exported = cli("dkim", "export", "example.org", "mail", "--yes")
    assert load_pem(exported.encode()).public() == key.public()
    assert "Keep this secret" in cli.err
    cli("dkim", "export", "example.org", "mail", code=2)
    cli("dkim", "import", "example.org", str(file), "--selector", "second")
    assert cli.states()["second"] == "prepared"
    file.write_text("hello")
    cli("dkim", "import", "example.org", str(file), "--selector", "third", code=1)
    assert "no private key" in cli.err


def test_encrypted_keys(cli: Dkim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
    )

    key = new_key(KeyAlgorithm.RSA, 1024)
    locked = key.private.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    file, password = tmp_path / "key.pem", tmp_path / "password"
    file.write_bytes(locked)
    take = ("dkim", "import", "example.org", str(file), "--selector", "old")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    cli(*take, code=2)
    password.write_text("wrong\n")
    cli(*take, "--password-file", str(password), code=1)
    assert "password is wrong" in cli.err
    password.write_text("secret\n")
    cli(*take, "--password-file", str(password))
    assert cli.rows()["old"]["bits"] == 1024


def test_keys_go_with_the_domain(cli: Dkim) -> None:
    cli("domain", "remove", "example.org", "--yes")
    cli("dkim", "show", "example.org", code=1)


def test_asking_name_servers_that_do_not_answer(cli: Dkim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILLARBOX_DNS_PRIMARY", "127.0.0.1")  # nothing listens there
    cli("dkim", "show", "example.org", "--check")
    assert "can't be asked for" in cli.err
    assert all(row["checked"] is None for row in cli.rows().values())
