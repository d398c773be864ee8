"""The command line of Sieve: keeping scripts, and trying them out."""

import io
import json
from pathlib import Path

import pytest

from kit.cli import Cli
from kit.mail import MailAccount
from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.config.options import Options
from pillarbox.app.foundation import blob_store, key_ring
from pillarbox.cluster.bus import Bus
from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Role
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.sharing import groups
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

ANN, TEAM = "ann@example.org", "team@example.org"
SCRIPT = b"""require ["fileinto", "imap4flags", "mailbox"];
if mailboxexists "Lists" {
    fileinto :flags "\\\\Seen" "Lists";
} else {
    keep;
}
"""
BAD = 'keep;\r\n# übung\r\n\tif "漢字"  foo { }\r\n'
MESSAGE = b"From: bob@example.net\nTo: ann@example.org\nSubject: hello\n\nhi\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Scripts and a message."""
    (tmp_path / "good.sieve").write_bytes(SCRIPT)
    (tmp_path / "bad.sieve").write_text(BAD, "utf-8", newline="")
    (tmp_path / "keep.sieve").write_bytes(b"keep;\n")
    (tmp_path / "m.eml").write_bytes(MESSAGE)
    return tmp_path


@pytest.fixture
def directory(cli: Cli) -> None:
    def fill(tx: Tx) -> None:
        domains.create(tx, "example.org")
        users.create(tx, ANN, "x", "Ann", Role.USER, 0)
        groups.create(tx, TEAM)

    Invocation(None, cli.folder).write(fill)


def test_check(cli: Cli, place: Path) -> None:
    out = cli.printed("sieve", "check", str(place / "good.sieve"))
    assert out == "The script is good. It requires fileinto, imap4flags, mailbox.\n"
    assert cli.printed("sieve", "check", str(place / "keep.sieve")) == "The script is good.\n"
    assert cli("sieve", "check", str(place / "none.sieve")).code == 2


def test_check_points_at_problems(cli: Cli, place: Path) -> None:
    (place / "x.sieve").write_text('keep;\n# é\nif 漢 "字"  { }\nif\tnot  frob "漢" {}\n', "utf-8")
    err = cli.printed("sieve", "check", str(place / "x.sieve"), code=1)
    lines = err.splitlines()
    assert lines[-1].endswith("problems") or lines[-1] == "1 problem"
    for at in range(0, len(lines) - 1, 3):
        name, line, column, _ = lines[at].split(":", 3)
        assert name == str(place / "x.sieve")
        assert lines[at + 2].strip() == "^"
        assert lines[at + 2].index("^") >= 4 + int(column) - 1
        assert line in ("3", "4")
    assert any("frob" in line for line in lines)


def test_the_caret_is_below_the_problem(cli: Cli, place: Path) -> None:
    (place / "x.sieve").write_bytes(b"keep;\n" + b" " * 200 + b"frob;\n")
    lines = cli.printed("sieve", "check", str(place / "x.sieve"), code=1).splitlines()
    assert lines[0].startswith(f"{place / 'x.sieve'}:2:201: ")
    assert lines[1][lines[2].index("^") :].startswith("frob;")
    (row,) = cli("sieve", "check", "--json", str(place / "x.sieve")).rows
    assert (row["line"], row["column"]) == (2, 201)
    assert cli("sieve", "check", "--json", str(place / "keep.sieve")).rows == []


def test_settings_hold_for_check(cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILLARBOX_SIEVE_EXTENSIONS_OFF", "fileinto")
    err = cli.printed("sieve", "check", str(place / "good.sieve"), code=1)
    assert ":1:" in err
    assert "fileinto" in err
    monkeypatch.setenv("PILLARBOX_SIEVE_EXTENSIONS_OFF", "no-such")
    assert cli("sieve", "check", str(place / "keep.sieve")).code == 78


def test_standard_input(cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def give(content: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    give(b"frob;")
    assert "<stdin>:1:1:" in cli.printed("sieve", "check", "-", code=1)
    give(SCRIPT)
    assert "'Lists'" in cli.printed("sieve", "test", "-", str(place / "m.eml"))
    give(MESSAGE)
    assert "'Lists'" in cli.printed("sieve", "test", str(place / "good.sieve"), "-")
    assert cli("sieve", "test", "-", "-").code == 2


@pytest.mark.usefixtures("directory")
def test_scripts_of_a_user(cli: Cli, place: Path) -> None:
    out = cli.printed("sieve", "put", ANN, "rules", str(place / "good.sieve"))
    assert "does not run" in out
    assert cli.printed("sieve", "show", ANN, "rules").encode() == SCRIPT
    cli.printed("sieve", "activate", ANN, "rules")
    out = cli.printed("sieve", "put", ANN, "away", str(place / "keep.sieve"), "--activate")
    assert out == f"The script away of {ANN} runs.\n"
    rows = cli("sieve", "list", ANN, "--json").rows
    assert [(row["name"], row["active"], row["bytes"]) for row in rows] == [
        ("away", True, 6),
        ("rules", False, len(SCRIPT)),
    ]
    err = cli.printed("sieve", "delete", ANN, "away", code=1)
    assert "is active" in err
    cli.printed("sieve", "rename", ANN, "away", "gone")
    cli.printed("sieve", "activate", ANN, "--none")
    cli.printed("sieve", "delete", ANN, "gone")
    assert "gone" not in cli.printed("sieve", "list", ANN)
    assert cli("sieve", "activate", ANN).code == 2
    assert cli("sieve", "activate", ANN, "x", "--none").code == 2
    assert "no script" in cli.printed("sieve", "activate", ANN, "gone", code=1)
    assert "no user, group or resource" in cli.printed("sieve", "list", "eve@example.org", code=1)
    cli.printed("sieve", "put", TEAM, "rules", str(place / "keep.sieve"))


@pytest.mark.usefixtures("directory")
def test_what_can_not_be_compiled_is_not_kept(cli: Cli, place: Path) -> None:
    err = cli.printed("sieve", "put", ANN, "rules", str(place / "bad.sieve"), code=1)
    assert "bad.sieve:3:" in err
    assert "^" in err
    assert cli("sieve", "list", ANN, "--json").rows == []
    err = cli.printed("sieve", "site", "put", "rules", str(place / "bad.sieve"), code=1)
    assert "bad.sieve:3:" in err
    (place / "include.sieve").write_bytes(b'require "include"; include "other";')
    outcome = cli("sieve", "put", ANN, "rules", str(place / "include.sieve"))
    assert outcome.code == 0
    assert "Warning: There is no personal script 'other' to include" in outcome.err


@pytest.mark.usefixtures("directory")
def test_an_empty_file_takes_no_scripts_place(cli: Cli, place: Path) -> None:
    (place / "empty.sieve").write_bytes(b"")
    for command in (("put", ANN, "main"), ("site", "put", "main")):
        cli.printed("sieve", *command, str(place / "keep.sieve"))
        err = cli.printed("sieve", *command, str(place / "empty.sieve"), code=1)
        assert "empty.sieve is empty" in err
    assert cli.printed("sieve", "show", ANN, "main") == "keep;\n"
    assert cli.printed("sieve", "site", "show", "main") == "keep;\n"


@pytest.mark.usefixtures("directory")
def test_scripts_that_do_not_run_are_not_said_to(
    cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = ("sieve", "put", ANN, "main", str(place / "keep.sieve"))
    assert cli(*put, "--activate").err == ""
    monkeypatch.setenv("PILLARBOX_SIEVE_ENABLED", "false")
    for command in (
        put,
        ("sieve", "activate", ANN, "main"),
        ("sieve", "site", "put", "main", str(place / "keep.sieve")),
        ("sieve", "site", "enable", "main"),
        ("forward", "set", ANN, "bob@example.net"),
    ):
        outcome = cli(*command)
        assert outcome.code == 0
        assert "SIEVE_ENABLED is false" in outcome.err


@pytest.mark.usefixtures("directory")
def test_names_of_others_are_no_commands_of_the_terminal(cli: Cli, place: Path) -> None:
    cli.printed("sieve", "put", ANN, "a\u202eb", str(place / "keep.sieve"))
    cli.printed("sieve", "put", ANN, "c", str(place / "keep.sieve"))
    err = cli.printed("sieve", "rename", ANN, "c", "a\u202eb", code=1)
    assert err == "Error: There is a script a b already\n"


@pytest.mark.usefixtures("directory")
def test_scripts_of_the_site(cli: Cli, place: Path) -> None:
    keep = str(place / "keep.sieve")
    out = cli.printed("sieve", "site", "put", "first", keep)
    assert out == "The script first of the server runs before those of users.\n"
    cli.printed("sieve", "site", "put", "last", keep, "--phase", "after")
    cli.printed(
        "sieve", "site", "put", "own", keep, "--phase", "include", "--domain", "Example.ORG"
    )
    rows = cli("sieve", "site", "list", "--json").rows
    assert [(row["domain"], row["phase"], row["name"]) for row in rows] == [
        (None, "before", "first"),
        (None, "after", "last"),
        ("example.org", "include", "own"),
    ]
    assert cli.printed("sieve", "site", "disable", "last").endswith("is disabled.\n")
    # Put anew, it stays where it was and as it was.
    assert "disabled" in cli.printed("sieve", "site", "put", "last", str(place / "good.sieve"))
    (row,) = cli("sieve", "site", "list", "--phase", "after", "--json").rows
    assert (row["enabled"], row["bytes"]) == (False, len(SCRIPT))
    assert cli.printed("sieve", "site", "show", "last").encode() == SCRIPT
    cli.printed("sieve", "site", "enable", "last")
    cli.printed("sieve", "site", "delete", "own", "--domain", "example.org")
    assert "own" not in cli.printed("sieve", "site", "list")
    assert "of the server" in cli.printed("sieve", "site", "delete", "own", code=1)
    err = cli.printed("sieve", "site", "list", "--domain", "example.com", code=1)
    assert "not served" in err


def test_a_dry_run(cli: Cli, place: Path) -> None:
    files = (str(place / "good.sieve"), str(place / "m.eml"))
    out = cli.printed("sieve", "test", *files)
    assert out.startswith("From <bob@example.net> to <ann@example.org>\n")
    assert "Assumed:\n  the mailbox 'Lists' is there\n" in out
    assert "file it into 'Lists' with \\Seen (line 3)\n" in out
    assert "Steps:\n  line " in out
    outcome = cli("sieve", "test", *files, "--json", "--from", "", "--to", "x@example.org")
    found = json.loads(outcome.out)
    assert [(one["action"], one["mailbox"]) for one in found["actions"]] == [("fileinto", "Lists")]
    assert found["failure"] is None
    assert found["instructions"] > 0
    assert found["steps"]


def test_a_run_that_fails(cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "x.sieve").write_bytes(
        b'redirect "a@b.example";\nredirect "c@d.example";\nredirect "e@f.example";\n'
    )
    monkeypatch.setenv("PILLARBOX_SIEVE_MAX_REDIRECTS", "2")
    outcome = cli("sieve", "test", str(place / "x.sieve"), str(place / "m.eml"))
    assert outcome.code == 1
    assert "was stopped: line 3" in outcome.out
    assert "keep it" in outcome.out
    assert "redirect it" not in outcome.out


@pytest.mark.usefixtures("directory")
def test_as_a_user(cli: Cli, place: Path) -> None:
    files = (str(place / "good.sieve"), str(place / "m.eml"))
    out = cli.printed("sieve", "test", *files, "--as", ANN)
    assert f"As it is for {ANN} now:\n  the mailbox 'Lists' is not there\n" in out
    assert "keep it in the inbox" in out
    (place / "main.sieve").write_bytes(b'require "include"; include "other";')
    (place / "other.sieve").write_bytes(b"discard;")
    files = (str(place / "main.sieve"), str(place / "m.eml"))
    assert "was stopped" in cli("sieve", "test", *files, "--as", ANN).out
    cli.printed("sieve", "put", ANN, "other", str(place / "other.sieve"))
    assert "discard it" in cli.printed("sieve", "test", *files, "--as", ANN)
    assert "no user" in cli.printed("sieve", "test", *files, "--as", "eve@example.org", code=1)


def test_rehearse_of_an_empty_mailbox(cli: Cli, place: Path, directory: None) -> None:
    out = cli.printed("sieve", "rehearse", ANN, str(place / "good.sieve"))
    assert out == "0 of 0 messages of INBOX would not just be kept.\n"
    assert cli.printed("sieve", "rehearse", ANN, str(place / "good.sieve"), "--json") == "[]\n"
    err = cli.printed(
        "sieve", "rehearse", ANN, str(place / "good.sieve"), "--mailbox", "No", code=1
    )
    assert "no such mailbox" in err


def test_rehearse(cli: Cli, place: Path, directory: None) -> None:
    async def fill(options: Options, database: Database, bus: Bus) -> None:
        store = ContentStore(key_ring(options), blob_store(options))
        ann = await database.read(users.get, ANN)
        assert ann is not None
        account = MailAccount(database, store, ann.account_id)
        for word in (b"hello", b"a sale \x1b[31m"):
            await account.put(b"From: bob@example.net\r\nSubject: " + word + b"\r\n\r\nhi\r\n")

    Invocation(None, cli.folder).work(fill)
    script = place / "sale.sieve"
    script.write_bytes(b'if header :contains "subject" "sale" { discard; }\n')
    rehearse = ("sieve", "rehearse", ANN, str(script))
    head, action, total = cli.printed(*rehearse).splitlines()
    assert head.endswith("bob@example.net  a sale  [31m")
    assert action == "    discard it, and tell nobody (line 1)"
    assert total == "1 of 2 messages of INBOX would not just be kept."
    assert cli.printed(*rehearse, "--all").count("\n") == 5
    (row,) = cli(*rehearse, "--json").rows
    assert (row["uid"], row["subject"]) == (2, "a sale \x1b[31m")
    assert [one["uid"] for one in cli(*rehearse, "--json", "--all").rows] == [2, 1]
