"""`pillarbox quarantine` on what a server would have kept."""

from functools import partial

import pytest

from kit.cli import Cli
from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.foundation import blob_store, key_ring
from pillarbox.base.ids import AccountId, BlobId
from pillarbox.domain.accounts import users
from pillarbox.domain.quarantine import keep
from pillarbox.domain.quarantine.model import NOBODY, KeepLimits, Kept, Reason
from pillarbox.domain.queue import inspect
from pillarbox.storage.blobs.sealed import seal
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

ANN = "ann@example.org"
MAIL = b"From: eve@bad.example\r\nSubject: Riches\r\n\r\nhello\r\n"


def put(tx: Tx, keys: KeyRing, store: BlobStore, path: str) -> None:
    user = users.get(tx, path)
    blob = seal(BlobId(tx.next_id()), MAIL)
    kept = Kept(
        "eve@bad.example",
        path,
        address=path if user else "",
        outside=() if user else ("far@away.example",),
        sender="eve@bad.example",
        subject="Riches\x1b[2J",
        why=("is spam",),
        score=12.5,
    )
    account = NOBODY if user is None else AccountId(user.account_id)
    keep.keep(tx, keys, account, blob, path.encode(), Reason.REFUSED, kept, KeepLimits())
    store.insert(tx, blob)


def in_inbox(tx: Tx, address: str) -> int:
    return users.require(tx, address).used_messages


@pytest.fixture
def invocation(cli: Cli) -> Invocation:
    """A server that kept a message for ann, one for bob, and one for an address elsewhere."""
    cli.printed("domain", "add", "example.org")
    for name in ("ann", "bob"):
        cli.printed("user", "add", f"{name}@example.org", "--password", "correct horse")
    made = Invocation(None, cli.folder)
    options = made.configuration().options
    for path in (ANN, "bob@example.org", "away@example.org"):
        made.write(put, key_ring(options), blob_store(options), path)
    return made


def numbers(cli: Cli, *options: str) -> dict[object, str]:
    rows = cli("quarantine", "list", *options, "--json").rows
    return {row["recipient"]: str(row["number"]) for row in rows}


def test_list_and_show(cli: Cli, invocation: Invocation) -> None:
    assert set(numbers(cli)) == {ANN, "bob@example.org", "away@example.org"}
    assert set(numbers(cli, "--user", ANN)) == {ANN}
    text = cli.printed("quarantine", "list")
    assert "Riches" in text
    assert "\x1b" not in text
    number = numbers(cli)[ANN]
    shown = cli.printed("quarantine", "show", number, "--user", ANN)
    assert "why: is spam" in shown
    assert "\x1b" not in shown
    (row,) = cli("quarantine", "show", number, "--json").rows
    assert (row["verdict"], row["score"], row["why"]) == ("refused", 12.5, ["is spam"])


def test_raw(cli: Cli, invocation: Invocation) -> None:
    raw = cli.printed("quarantine", "show", numbers(cli)[ANN], "--raw")
    assert raw.replace("\r\n", "\n").encode() == MAIL.replace(b"\r\n", b"\n")


def test_release(cli: Cli, invocation: Invocation) -> None:
    number = numbers(cli)[ANN]
    assert "Delivered" in cli.printed("quarantine", "release", number, "--user", ANN)
    assert invocation.read(in_inbox, ANN) == 1
    assert "no such message" in cli.printed("quarantine", "release", number, code=1)
    assert ANN not in numbers(cli)


def test_release_to_elsewhere(cli: Cli, invocation: Invocation) -> None:
    cli.printed("quarantine", "release", numbers(cli)["away@example.org"])
    (queued,) = invocation.read(inspect.list_of)
    assert [one.address for one in queued.recipients] == ["far@away.example"]
    # The sender hears of failures through us (SRS).
    assert queued.reverse_path.startswith("SRS0=")


def test_delete(cli: Cli, invocation: Invocation) -> None:
    number = numbers(cli)[ANN]
    assert "away" in cli.printed("quarantine", "delete", number, "--yes")
    assert ANN not in numbers(cli)
    assert invocation.read(in_inbox, ANN) == 0


def test_refusals(cli: Cli, invocation: Invocation) -> None:
    number = numbers(cli)[ANN]
    bob = ("--user", "bob@example.org")
    call = partial(cli.printed, "quarantine")
    for arguments in (("show", number), ("release", number), ("delete", number, "--yes")):
        call(*arguments, *bob, code=1)
    assert numbers(cli)[ANN] == number
    call("show", "nonsense", code=2)
    call("release", code=2)
    call("delete", number, code=2)  # nobody to ask
    call("list", "--user", "nobody@example.org", code=1)


def test_pages(cli: Cli, invocation: Invocation) -> None:
    first = cli("quarantine", "list", "--limit", "2", "--json")
    assert "--after" in first.err
    rest = cli("quarantine", "list", "--after", str(first.rows[-1]["number"]), "--json").rows
    assert len(first.rows) == 2
    assert len(rest) == 1
