"""The command line of the queue, of the delivery log and of suppressions."""

import json
from dataclasses import dataclass

import pytest

from kit.cli import Cli
from kit.cli import Outcome as Printed
from kit.queue import LEASE_MS, put_without_blob, settlement, take_all
from pillarbox.app.cli import queue as module
from pillarbox.app.cli.invocation import Invocation
from pillarbox.base.ids import parse_public_id, public_id
from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Role
from pillarbox.domain.queue import lease, settle
from pillarbox.domain.queue.model import (
    Health,
    LeasedMessage,
    Outcome,
    Outgoing,
    Result,
    Settlement,
    Stage,
    Way,
)
from pillarbox.storage.tx import Tx

REPLY = "4.2.1 The mailbox is busy,\nplease come again later; " + "x" * 80


@dataclass
class Queue:
    """A data folder: its command line, and its database for what a server would do."""

    call: Cli
    invocation: Invocation

    def __call__(self, *arguments: object) -> Printed:
        return self.call("queue", *map(str, arguments))

    def put(self, *addresses: str) -> str:
        """Gives the message as the command line names it."""
        return public_id("", self.invocation.write(put_without_blob, *addresses))

    def defer(self) -> list[LeasedMessage]:
        """Try everything that is due, in vain."""
        return self.invocation.write(_defer)

    def states(self) -> dict[object, object]:
        return {row["recipient"]: row["status"] for row in self("list", "--all", "--json").rows}


def _defer(tx: Tx) -> list[LeasedMessage]:
    way = Way("mx.c.test", "192.0.2.1", 25, "TLSv1.3 dane")
    messages = take_all(tx, "server")
    for message in messages:
        results = tuple(
            Result(
                one.id,
                Outcome.DEFERRED,
                Stage.RCPT,
                REPLY,
                code=450,
                enhanced="4.2.1",
                next_attempt_ms=tx.now_ms + 3_600_000,
                way=way,
            )
            for one in message.recipients
        )
        settle.settle(tx, Settlement(message.id, tx.now_ms, 1500, results))
    for domain in lease.renew(tx, "server", LEASE_MS):
        lease.release(tx, "server", domain, Health(1))
    return messages


def _fail(tx: Tx) -> None:
    for message in take_all(tx, "server"):
        settle.settle(tx, settlement(message, Outcome.FAILED))


@pytest.fixture
def queue(cli: Cli) -> Queue:
    return Queue(cli, Invocation(None, cli.folder))


def test_what_waits_is_listed(queue: Queue) -> None:
    first = queue.put("x@c.test", "y@d.test")
    second = queue.put("z@c.test")
    queue.defer()
    third = queue.put("new@e.test")
    listed = queue("list")
    lines = [line.split() for line in listed.out.splitlines()]
    assert lines[0] == ["ID", "STATUS", "SENDER", "RECIPIENT", "TRIES", "NEXT", "TRY", "WHY"]
    head = [str(first), "deferred", "ann@here.test", "x@c.test", "1", "in", "59", "min"]
    assert lines[1][:8] == head
    assert listed.out.splitlines()[1].endswith("…")
    assert lines[4] == [str(third), "pending", "ann@here.test", "new@e.test", "0", "now", "-"]
    assert [row["id"] for row in queue("list", "--json").rows] == [first, first, second, third]
    assert queue("list", "--json").rows[0]["last_reply"] == REPLY
    for arguments, expected in (
        (("--domain", "C.test"), {"x@c.test", "z@c.test"}),
        (("--to", "Y@D.test"), {"y@d.test"}),
        (("--from", "ann@here.test", "--domain", "e.test"), {"new@e.test"}),
        (("--from", "<>"), set()),
        (("--status", "pending"), {"new@e.test"}),
        (("--status", "deferred", "--domain", "d.test"), {"y@d.test"}),
        (("--older", "1h"), set()),
        (("--after", first), {"z@c.test", "new@e.test"}),
        (("--status", "failed"), set()),
    ):
        rows = queue("list", "--json", *arguments).rows
        assert {row["recipient"] for row in rows} == expected, arguments
    page = queue("list", "--limit", "1")
    assert f"--after {first}" in page.err


def test_a_message_with_its_way_is_shown(queue: Queue) -> None:
    number = queue.put("x@c.test")
    assert "Nothing was tried yet." in queue("show", number).out
    queue.defer()
    shown = queue("show", number).out
    assert f"Message {number} from ann@here.test" in shown
    assert "mx.c.test  TLSv1.3 dane  1.5 s  450 4.2.1 The mailbox is busy, please" in shown
    whole = json.loads(queue("show", number, "--json").out)
    assert whole["message"]["id"] == number
    assert whole["recipients"][0]["status"] == "deferred"
    assert whole["log"][0]["ip"] == "192.0.2.1"
    assert queue("remove", number, "--yes").code == 0
    assert "has left the queue" in queue("show", number).out
    missing = queue("show", 7)
    assert (missing.code, "queue list" in missing.err) == (1, True)


def test_the_log_is_searched(queue: Queue) -> None:
    number = queue.put("x@c.test", "y@d.test")
    queue.defer()
    for arguments, count in (
        ((), 2),
        (("--domain", "c.test"), 1),
        (("--to", "y@d.test"), 1),
        (("--from", "ann@here.test"), 2),
        (("--from", "<>"), 0),
        (("--outcome", "delivered"), 0),
        (("--message", number, "--limit", 1), 1),
        (("--since", "1h"), 2),
    ):
        assert len(queue("log", "--json", *arguments).rows) == count, arguments
    assert queue("log", "--user", "nobody@here.test").code == 1
    assert "450 4.2.1" in queue("log").out


def test_a_message_is_steered(queue: Queue) -> None:
    number = queue.put("x@c.test", "y@d.test")
    assert queue("hold", number, "--to", "x@c.test").out == f"Held: message {number}: x@c.test.\n"
    assert queue.states() == {"x@c.test": "held", "y@d.test": "pending"}
    queue.defer()
    again = queue("hold", number, "--to", "x@c.test")
    assert again.code == 1
    assert "now: held" in again.err
    assert queue("release", number).code == 0
    assert queue("retry", number).out.startswith("To be tried now")
    assert len(queue.defer()) == 2
    assert queue("retry", "--all").out == "To be tried now: 2 recipients.\n"
    assert len(queue.defer()) == 2
    assert queue("retry").code == queue("retry", number, "--all").code == 2
    assert queue("cancel", number, "--to", "x@c.test").code == 2  # nobody to ask
    assert queue("cancel", number, "--to", "x@c.test", "--yes").code == 0
    assert queue("expire", number, "--yes").out.startswith("To be given back to the sender")
    assert queue.states() == {"x@c.test": "cancelled", "y@d.test": "deferred"}
    (message,) = queue.invocation.write(take_all)
    assert message.recipients[0].give_up
    busy = queue("retry", number)
    assert (busy.code, "being sent now" in busy.err) == (1, True)
    assert queue("remove", number, "--yes").code == 1
    assert queue("hold", 7).code == 1


def test_what_failed_is_tried_anew(queue: Queue) -> None:
    number = queue.put("x@c.test")
    queue.invocation.write(_fail)
    assert queue("list", "--json").rows == []
    assert queue.states() == {"x@c.test": "failed"}
    assert queue("retry", number).code == 0
    assert queue.states() == {"x@c.test": "pending"}


def test_a_route_is_chosen_by_hand(queue: Queue) -> None:
    number = queue.put("x@c.test")
    assert queue("reroute", number, "nowhere").code == 1
    assert queue("reroute", number).code == queue("reroute", number, "a", "--usual").code == 2
    assert queue.call("route", "add", "relay", "--host", "relay.test").code == 0
    assert queue("reroute", number, "relay").out.startswith("By relay from now on")
    assert "Route: relay, chosen by hand" in queue("show", number).out
    (message,) = queue.defer()
    assert message.route == "relay"
    assert queue("reroute", number, "--usual").code == 0


def test_destinations_are_closed_and_opened(queue: Queue) -> None:
    queue.put("x@c.test")
    queue.put("y@c.test")
    lines = [line.split() for line in queue("destinations").out.splitlines()]
    assert lines[1] == ["c.test", "2", "open", "now", "0"]
    assert queue("close", "C.test", "--for", "2h").code == 0
    (row,) = queue("destinations", "--json").rows
    assert str(row["state"]).startswith("closed until")
    assert queue.defer() == []
    assert queue("open", "c.test").code == 0
    assert len(queue.defer()) == 2
    (row,) = queue("destinations", "--json").rows
    assert row["failures"] == 1
    assert queue("open", "d.test").code == 1
    assert queue("close", "c.test", "--for", "soon").code == 2


def test_figures(queue: Queue) -> None:
    assert "Domains: 0" in queue("stats").out
    queue.put("x@c.test", "y@d.test")
    figures = json.loads(queue("stats", "--json").out)
    assert figures["recipients"]["pending"] == 2
    assert (figures["destinations"], figures["closed"]) == (2, 0)
    assert "The oldest message that waits came" in queue("stats").out


def test_suppressions(queue: Queue) -> None:
    queue.invocation.write(domains.create, "here.test")
    call = queue.call
    assert call("suppression", "add", "X@C.test", "--reason", "it bounced").code == 0
    by_domain = ("--domain", "here.test", "--for", "30d")
    assert call("suppression", "add", "y@c.test", *by_domain).code == 0
    assert call("suppression", "add", "y@c.test", "--domain", "other.test").code == 1
    assert call("suppression", "add", "nobody").code == 1
    rows = call("suppression", "list", "--json").rows
    assert [(row["address"], row["senders"]) for row in rows] == [
        ("x@c.test", "everybody"),
        ("y@c.test", "here.test"),
    ]
    assert rows[0]["until"] is None
    assert rows[1]["until"] is not None
    queue.put("x@c.test", "y@c.test", "z@c.test")
    (message,) = queue.invocation.write(take_all)
    found = {one.address: one.suppressed for one in message.recipients}
    assert found == {
        "x@c.test": "it bounced",
        "y@c.test": "the administrator stopped mail to it",
        "z@c.test": None,
    }
    assert call("suppression", "remove", "x@c.test").code == 0
    gone = call("suppression", "remove", "x@c.test")
    assert (gone.code, "suppression list" in gone.err) == (1, True)


def test_a_message_may_be_named_by_its_number(queue: Queue) -> None:
    name = queue.put("x@c.test")
    assert queue("show", parse_public_id("", name)).out == queue("show", name.upper()).out
    assert queue("show", "nonsense").code == queue("show", "9" * 30).code == 2
    assert queue("show", "z" * 13).code == 2  # more than a number of ours can be


def _put_of(tx: Tx, user: str, *addresses: str) -> None:
    account = users.require(tx, user).account_id
    put_without_blob(tx, *addresses, outgoing=Outgoing("x@here.test", (), account))


def _add_users(tx: Tx) -> None:
    domains.create(tx, "here.test")
    for name in ("bob", "ann"):
        users.create(tx, f"{name}@here.test", "hash", "", Role.USER, 0)


def test_all_that_a_user_sent(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEP", 2)  # so that it takes several steps
    queue.invocation.write(_add_users)
    for n in range(5):
        queue.invocation.write(_put_of, "bob@here.test", f"x{n}@c.test", f"y{n}@d.test")
    queue.invocation.write(_put_of, "ann@here.test", "kept@c.test")
    held = queue("hold", "--user", "bob@here.test")
    assert held.out == "Held: 10 recipients of mail from bob@here.test.\n"
    states = queue.states()
    assert states.pop("kept@c.test") == "pending"
    assert set(states.values()) == {"held"}
    assert queue("release", "--user", "Bob@here.test").code == 0
    assert set(queue.states().values()) == {"pending"}
    assert queue("cancel", "--user", "bob@here.test").code == 2  # nobody to ask
    assert queue("cancel", "--user", "bob@here.test", "--yes").out.startswith("Cancelled: 10 ")
    states = queue.states()
    assert states.pop("kept@c.test") == "pending"
    assert set(states.values()) == {"cancelled"}
    again = queue("cancel", "--user", "bob@here.test", "--yes")
    assert again.out == "Cancelled: 0 recipients of mail from bob@here.test.\n"


def test_a_message_or_a_user(queue: Queue) -> None:
    name = queue.put("x@c.test")
    assert queue("hold").code == queue("hold", name, "--user", "a@b.test").code == 2
    assert queue("hold", "--user", "a@b.test", "--to", "x@c.test").code == 2
    assert queue("hold", "--user", "nobody@here.test").code == 1
