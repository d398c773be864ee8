"""The command line of the filter that learns."""

from pathlib import Path

import pytest

from kit.cli import Cli
from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.foundation import blob_store, key_ring
from pillarbox.base.ids import BlobId
from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Role
from pillarbox.domain.mail import append, mailboxes
from pillarbox.domain.mail.content import ContentStore, prepare
from pillarbox.domain.mail.model import FlagSet
from pillarbox.domain.spam import results
from pillarbox.domain.spam.model import Results
from pillarbox.storage.tx import Tx

ANN = "ann@example.org"
COUNT = 12


def letter(kind: str, number: int) -> bytes:
    words = "casino prize winner claim bonus" if kind == "spam" else "minutes agenda meeting room"
    return (
        f"From: {kind}{number}@x.test\nSubject: {words} {number}\n\n"
        f"{words} number{number}. Please see {words} today and tomorrow.\n"
    ).encode()


@pytest.fixture
def mails(tmp_path: Path) -> Path:
    """A folder of spam, an mbox of ham, and one file of each."""
    (tmp_path / "spam").mkdir()
    for number in range(COUNT):
        (tmp_path / "spam" / f"{number}.eml").write_bytes(letter("spam", number))
    with (tmp_path / "ham.mbox").open("wb") as box:
        for number in range(COUNT):
            box.write(b"From x@y.test Thu Jan  1 00:00:00 2026\n" + letter("ham", number) + b"\n")
    for kind in ("spam", "ham"):
        (tmp_path / f"new-{kind}.eml").write_bytes(letter(kind, 99))
    return tmp_path


def add_ann(tx: Tx) -> None:
    domains.create(tx, "example.org")
    users.create(tx, ANN, "x", "Ann", Role.USER, 0)


def test_files_teach_everybody_once(cli: Cli, mails: Path) -> None:
    out = cli.printed("spam", "learn", "--spam", str(mails / "spam"))
    assert out == "Learnt 12 of 12 messages; 0 were known.\n"
    assert "Learnt 0 of 12" in cli.printed("spam", "learn", "--spam", str(mails / "spam"))
    assert cli("spam", "score", str(mails / "new-spam.eml")).code == 1
    assert "Learnt 12 of 12" in cli.printed("spam", "learn", "--ham", str(mails / "ham.mbox"))
    (row,) = cli("spam", "status", "--json").rows
    assert (row["account"], row["spam"], row["ham"], row["judges"]) == ("(all users)", 12, 12, True)
    assert (
        cli.printed("spam", "score", str(mails / "new-spam.eml"))
        .splitlines()[0]
        .endswith("by what all users taught: bayes_999")
    )
    out = cli.printed("spam", "score", str(mails / "new-ham.eml"))
    assert "bayes_00" in out
    assert "subject:agenda" in out
    rows = cli("spam", "score", str(mails / "new-spam.eml"), "--json").rows
    assert rows[0]["probability"] > 0.9  # type: ignore[operator]
    # What was wrong is taken back, and what is forgotten is gone.
    assert "Learnt 12 of 12" in cli.printed("spam", "learn", "--ham", str(mails / "spam"))
    (row,) = cli("spam", "status", "--json").rows
    assert (row["spam"], row["ham"]) == (0, 24)
    assert "Forgot 12 of 12" in cli.printed("spam", "forget", str(mails / "spam"))
    assert "Forgot 0 of 12" in cli.printed("spam", "forget", str(mails / "spam"))
    cli.printed("spam", "forget", "--all", "--yes")
    (row,) = cli("spam", "status", "--json").rows
    assert (row["spam"], row["ham"], row["tokens"]) == (0, 0, 0)


def test_an_account_is_taught_and_so_is_everybody(cli: Cli, mails: Path) -> None:
    Invocation(None, cli.folder).write(add_ann)
    cli.printed("spam", "learn", "--spam", "--account", ANN, str(mails / "spam"))
    rows = cli("spam", "status", "--json").rows
    assert [(row["account"], row["spam"]) for row in rows] == [("(all users)", 12), (ANN, 12)]
    out = cli.printed("spam", "score", "--account", ANN, str(mails / "new-spam.eml"))
    assert "It resembles what this account taught as spam." in out
    cli.printed("spam", "forget", "--all", "--account", ANN, "--yes")
    (row,) = cli("spam", "status", ANN, "--json").rows
    assert row["spam"] == 0


def test_a_mailbox_is_learnt(cli: Cli) -> None:
    invocation = Invocation(None, cli.folder)
    invocation.write(add_ann)
    options = invocation.configuration().options
    store = ContentStore(key_ring(options), blob_store(options))

    def fill(tx: Tx) -> None:
        ann = users.require(tx, ANN)
        inbox = mailboxes.by_name(tx, ann.account_id, "INBOX")
        assert inbox is not None
        for number in range(3):
            email = prepare(letter("ham", number), BlobId(tx.next_id()))
            append.append(tx, store, ann.account_id, inbox.id, email, FlagSet(), 0)

    invocation.write(fill)
    out = cli.printed("spam", "learn", "--ham", "--mailbox", ANN, "INBOX")
    assert out == "3 messages of INBOX are learnt.\n"
    (row,) = cli("spam", "status", ANN, "--json").rows
    assert (row["ham"], row["waiting"]) == (3, 0)
    assert cli("spam", "learn", "--ham", "--mailbox", ANN, "Nowhere").code == 1


def test_the_measured_error_is_shown(cli: Cli) -> None:
    invocation = Invocation(None, cli.folder)
    invocation.write(add_ann)

    def sorted_mail(tx: Tx) -> None:
        ann = users.require(tx, ANN)
        results.note(tx, ann.account_id, Results(junked=20, kept=80, false_alarms=1, missed=6))

    invocation.write(sorted_mail)
    (row,) = cli("spam", "status", ANN, "--json").rows
    assert (row["precision"], row["recall"]) == (0.95, 0.76)
    assert "0.95" in cli.printed("spam", "status")


@pytest.mark.parametrize(
    "arguments",
    [
        ("learn", "--spam", "--ham", "x"),
        ("learn", "x"),
        ("learn", "--spam"),
        ("forget",),
        ("forget", "--all", "x"),
    ],
)
def test_what_is_unclear_is_refused(cli: Cli, arguments: tuple[str, ...]) -> None:
    assert cli("spam", *arguments).code == 2


def test_what_is_not_there_is_said(cli: Cli) -> None:
    assert "no file" in cli.printed("spam", "learn", "--spam", "nowhere.eml", code=1)
    out = cli.printed("spam", "score", "--account", "nobody@example.org", __file__, code=1)
    assert "no user or group" in out
