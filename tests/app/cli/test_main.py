"""The command line, from arguments to output and exit code."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kit.cli import Cli
from pillarbox.app.cli.main import COMMANDS, run
from pillarbox.net import certs
from pillarbox.pipeline.passwords import PasswordHasher

PASSWORD = "correct horse"


@pytest.fixture
def filled(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """With the domain example.org and the user ann, whose password was cheap to hash."""
    monkeypatch.setattr(PasswordHasher, "hash", lambda self, plain: "hash of " + plain)
    assert cli("domain", "add", "example.org").code == 0
    added = cli("user", "add", "Ann@example.org", "--password", PASSWORD, "--name", "Ann Lee")
    assert (added.code, added.out) == (0, "Added user ann@example.org.\n")
    return cli


class TestDomains:
    def test_how_calendars_are_found_is_told(self, cli: Cli) -> None:
        told = cli("domain", "add", "example.org").err
        assert "_caldavs._tcp.example.org. IN SRV 0 1 443 " in told
        assert '_carddavs._tcp.example.org. IN TXT "path=/dav/"' in told
        assert "_caldav" not in cli("domain", "add", "backup.test", "--relay").err

    def test_a_life(self, cli: Cli) -> None:
        assert cli("domain", "add", "bücher.example").out == "Added domain xn--bcher-kva.example.\n"
        assert cli("domain", "catch-all", "bücher.example", "x@elsewhere.net").code == 0
        assert cli("domain", "disable", "bücher.example").code == 0
        assert cli("domain", "list", "--json").rows == [
            {
                "name": "xn--bcher-kva.example",
                "enabled": False,
                "relay": False,
                "catch_all": "x@elsewhere.net",
            }
        ]
        assert cli("domain", "catch-all", "bücher.example", "--off").code == 0
        assert cli("domain", "enable", "bücher.example").code == 0
        lines = cli("domain", "list").out.splitlines()
        assert [line.split() for line in lines] == [
            ["NAME", "ENABLED", "RELAY", "CATCH", "ALL"],
            ["xn--bcher-kva.example", "yes", "no", "-"],
        ]
        assert cli("domain", "remove", "bücher.example", "--yes").code == 0
        assert cli("domain", "list", "--json").rows == []

    def test_refusals(self, filled: Cli) -> None:
        again = filled("domain", "add", "Example.org")
        assert (again.code, again.err) == (1, "Error: The domain example.org exists already\n")
        assert filled("domain", "remove", "example.org", "--yes").code == 1
        assert filled("domain", "remove", "example.org").code == 2  # nobody to ask
        assert filled("domain", "disable", "example.net").code == 1
        assert filled("domain", "catch-all", "example.org").code == 2
        assert filled("domain", "remove", "example.org", "--yes", "--force").code == 0
        assert filled("user", "list", "--json").rows == []


class TestGroups:
    def test_a_life(self, filled: Cli) -> None:
        made = filled("group", "add", "Team@example.org", "ann@example.org", "--quota", "1G")
        assert made.out.startswith("Added group team@example.org.")
        (row,) = filled("group", "list", "--json").rows
        assert row["members"] == ["ann@example.org"]
        assert (row["quota"], row["used_messages"]) == ("1G", 0)
        assert filled("group", "quota", "team@example.org", "2G").out == (
            "team@example.org: 0 of 2G used.\n"
        )
        assert "of no limit" in filled("group", "quota", "team@example.org", "none").out
        assert filled("group", "quota", "ann@example.org").code == 1
        assert filled("group", "member-remove", "team@example.org", "ann@example.org").code == 0
        gone = filled("group", "member-remove", "team@example.org", "ann@example.org")
        assert (gone.code, "is not a member" in gone.err) == (1, True)
        assert filled("group", "member-add", "team@example.org", "ann@example.org").code == 0
        assert "ann@example.org" in filled("group", "list", "example.org").out
        assert filled("group", "add", "team@example.org").code == 1
        assert filled("group", "add", "new@example.org", "nobody@example.org").code == 1
        assert len(filled("group", "list", "--json").rows) == 1
        assert filled("group", "remove", "team@example.org").code == 2
        assert filled("group", "remove", "team@example.org", "--yes").code == 0
        assert filled("group", "list", "--json").rows == []

    def test_domains_take_them_along(self, filled: Cli) -> None:
        filled("group", "add", "team@example.org")
        assert filled("domain", "remove", "example.org", "--yes").code == 1
        assert filled("domain", "remove", "example.org", "--force", "--yes").code == 0


class TestAccessLists:
    def test_a_life(self, filled: Cli) -> None:
        filled("group", "add", "team@example.org")
        assert filled("acl", "set", "ann@example.org", "INBOX", "anyone", "lrs").code == 0
        assert filled("acl", "set", "ann@example.org", "inbox", "anyone", "+d").code == 0
        taken = filled("acl", "set", "--", "ann@example.org", "INBOX", "-anyone", "t")
        assert taken.code == 0, taken.err
        assert filled("acl", "list", "ann@example.org", "INBOX", "--json").rows == [
            {"mailbox": "INBOX", "who": "ann@example.org", "rights": "lrswipkxtea"},
            {"mailbox": "INBOX", "who": "-anyone", "rights": "t"},
            {"mailbox": "INBOX", "who": "anyone", "rights": "lrste"},
        ]
        assert filled("acl", "remove", "ann@example.org", "INBOX", "anyone").code == 0
        assert len(filled("acl", "list", "ann@example.org", "INBOX", "--json").rows) == 2
        rows = filled("acl", "list", "team@example.org", "--json").rows
        assert {row["who"] for row in rows} == {"group:team@example.org"}
        assert {row["rights"] for row in rows} == {"lrswipkte"}

    def test_faults(self, filled: Cli) -> None:
        for arguments, code in (
            (("ann@example.org", "INBOX", "anyone", "lq"), 2),
            (("ann@example.org", "Nothing", "anyone", "l"), 1),
            (("bob@example.org", "INBOX", "anyone", "l"), 1),
            (("ann@example.org", "INBOX", "bob@example.org", "l"), 1),
            (("ann@example.org", "INBOX", "ann@example.org", "l"), 1),
        ):
            found = filled("acl", "set", *arguments)
            assert (found.code, found.err != "") == (code, True)


class TestUsers:
    def test_listing(self, filled: Cli) -> None:
        (row,) = filled("user", "list", "--json").rows
        assert row["address"] == "ann@example.org"
        assert row["name"] == "Ann Lee"
        assert row["role"] == "user"
        assert row["quota_bytes"] == 1 << 30
        assert "ann@example.org" in filled("user", "list", "example.org").out
        assert filled("user", "list", "example.net").code == 1

    def test_changes(self, filled: Cli) -> None:
        assert filled("user", "quota", "ann@example.org", "5G").out == (
            "ann@example.org: 0 of 5G used.\n"
        )
        assert filled("user", "quota", "ann@example.org", "none").code == 0
        assert "no limit" in filled("user", "quota", "ann@example.org").out
        assert filled("user", "quota", "ann@example.org", "much").code == 2
        assert filled("user", "disable", "ann@example.org").code == 0
        assert filled("user", "list", "--json").rows[0]["enabled"] is False
        assert filled("user", "enable", "ann@example.org").code == 0
        assert filled("user", "remove", "ann@example.org", "-y").code == 0
        assert filled("user", "remove", "ann@example.org", "-y").err == (
            "Error: There is no user ann@example.org\n"
        )

    def test_an_admin(self, filled: Cli) -> None:
        arguments = ("root@example.org", "--password", PASSWORD, "--admin", "--quota", "0")
        assert filled("user", "add", *arguments).code == 0
        rows = filled("user", "list", "--json").rows
        assert [row["role"] for row in rows] == ["user", "admin"]

    def test_what_to_do_next(self, filled: Cli) -> None:
        found = filled("user", "add", "ann@example.net", "--password", PASSWORD)
        assert found.code == 1
        assert "pillarbox domain add example.net" in found.err

    def test_passwords_from_a_file(self, filled: Cli, tmp_path: Path) -> None:
        file = tmp_path / "secret"
        file.write_text("another horse\nnot this\n")
        assert filled("user", "passwd", "ann@example.org", "--password-file", str(file)).code == 0
        assert filled("user", "passwd", "ann@example.org", "--password-file", "nowhere").code == 1

    @pytest.mark.parametrize(
        ("options", "code", "text"),
        [
            (("--password", "short"), 1, "8 to 128"),
            (("--password", "has\tcontrols"), 1, "control characters"),
            (("--password", PASSWORD, "--password-file", "x"), 2, "not both"),
            ((), 2, "--password-file"),
        ],
    )
    def test_passwords_that_are_refused(
        self, filled: Cli, options: tuple[str, ...], code: int, text: str
    ) -> None:
        found = filled("user", "passwd", "ann@example.org", *options)
        assert found.code == code
        assert text in found.err


class TestAliases:
    def test_a_life(self, filled: Cli) -> None:
        added = filled("alias", "add", "info@example.org", "ann@example.org", "X@elsewhere.net")
        assert added.out == "Added alias info@example.org to ann@example.org, X@elsewhere.net.\n"
        assert filled("alias", "disable", "info@example.org").code == 0
        assert filled("alias", "list", "--json").rows == [
            {
                "address": "info@example.org",
                "enabled": False,
                "targets": ["ann@example.org", "X@elsewhere.net"],
            }
        ]
        assert filled("alias", "enable", "info@example.org").code == 0
        assert filled("alias", "set", "info@example.org", "y@elsewhere.net").code == 0
        assert "y@elsewhere.net" in filled("alias", "list", "example.org").out
        assert filled("alias", "remove", "info@example.org").code == 0
        assert filled("alias", "remove", "info@example.org").code == 1
        assert filled("alias", "add", "info@example.org").code == 2


class TestOthers:
    def test_queue_and_bans_are_empty(self, cli: Cli) -> None:
        assert cli("queue", "list", "--json").rows == []
        assert cli("queue", "remove", "7", "--yes").code == 1
        assert cli("ban", "list", "--json").rows == []
        assert cli("ban", "release", "192.0.2.1").code == 1

    def test_versions(self, cli: Cli) -> None:
        assert cli("--version").out == cli("version").out
        assert cli("version").out.startswith("pillarbox ")

    def test_help_names_every_command(self, cli: Cli) -> None:
        text = cli("--help").out
        for name, (_, what) in COMMANDS.items():
            assert name in text
            assert what in text
        assert cli("user", "add", "--help").code == 0

    def test_what_is_no_command(self, cli: Cli) -> None:
        assert cli("wat").code == 2
        assert cli("user", "add").code == 2


class TestConfig:
    def test_show(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PILLARBOX_SMTP_PORT", "2525")
        text = cli("config", "show").out
        lines = {line.split(" = ")[0]: line for line in text.splitlines()}
        assert lines["SMTP_PORT"].split() == ["SMTP_PORT", "=", "2525", "#", "environment"]
        assert lines["IMAP_PORT"].endswith("# default")
        assert "********" in lines["ENCRYPTION_KEY"]
        rows = {row["key"]: row for row in cli("config", "show", "--json").rows}
        assert str(rows["ENCRYPTION_KEY"]["source"]).startswith("pillarbox.conf:")
        assert rows["ENCRYPTION_KEY"]["value"] == "********"

    def test_check(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        found = cli("config", "check")
        assert found.code == 0
        assert "the settings are good" in found.out
        monkeypatch.setenv("PILLARBOX_SMTP_PORT", "abc")
        found = cli("config", "check")
        assert found.code == 78
        assert found.err.splitlines()[0] == (
            'environment: PILLARBOX_SMTP_PORT = "abc": must be a whole number from 0 to 65535'
        )

    def test_a_first_command_makes_everything(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = tmp_path / "new" / "data"
        assert run(["--data", str(folder), "domain", "add", "example.org"]) == 0
        assert "Wrote" in capsys.readouterr().err
        assert (folder / "pillarbox.conf").exists()
        assert (folder / "pillarbox.db").exists()

    def test_a_folder_that_can_not_be_made(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "file").touch()
        assert run(["--data", str(tmp_path / "file" / "data"), "domain", "list"]) != 0
        assert "Traceback" not in capsys.readouterr().err


def test_what_commands_make_is_for_nobody_else(tmp_path: Path) -> None:
    """The database holds password hashes, and the first command may make it, not the server."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    command = [sys.executable, "-m", "pillarbox", "--data", str(folder), "domain", "add", "a.test"]
    subprocess.run(command, check=True, capture_output=True, umask=0o022)
    made = [path for path in folder.rglob("*") if path.is_file()]
    assert folder / "pillarbox.db" in made
    assert [path for path in made if path.stat().st_mode & 0o077] == []


def test_config_check_finds_a_key_that_is_not_the_certificate_s(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [certs.make(("mx.test",), datetime.now(UTC)) for _ in range(2)]
    monkeypatch.setenv("PILLARBOX_TLS_MODE", "file")
    for name, content in (("CERT", pairs[0].chain), ("KEY", pairs[1].key)):
        path = tmp_path / name
        path.write_bytes(content)
        monkeypatch.setenv(f"PILLARBOX_TLS_{name}", str(path))
    found = cli("config", "check")
    assert found.code == 78
    assert "the key is not that of the certificate" in found.err
    (tmp_path / "KEY").write_bytes(pairs[0].key)
    assert cli("config", "check").code == 0
