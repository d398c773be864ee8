"""`pillarbox trace` on what a server would have kept: by what it is found, and what it says."""

import pytest

from kit.cli import Cli
from kit.queue import put_without_blob, settlement, take_all
from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.foundation import key_ring
from pillarbox.base.ids import IdSource, QueueId, parse_public_id, public_id
from pillarbox.domain.judgement.decide import decide
from pillarbox.domain.judgement.model import Kind, Rules, Run, Stage
from pillarbox.domain.queue import settle
from pillarbox.domain.queue.model import Outcome
from pillarbox.domain.trace import store
from pillarbox.domain.trace.model import Trace, TracedClient, TracedRecipient, TracedRules
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

IDS = IdSource()
BOB, AWAY, FAR = "bob@example.test", "away@example.test", "ann@far.test"
SPF = Kind("spf_fail", 4.0, "comes from a host that its sender's domain does not allow")
DATE = Kind("date_missing", 1.0, "has no Date")
RUNS = (
    Run("spf", Stage.MAIL, 1500, (SPF.found("192.0.2.7\x1b[2J"),)),
    Run("headers", Stage.DATA, 200, (DATE.found(),)),
    Run("dkim", Stage.DATA, 300),
    Run("dnsbl", Stage.CONNECT, 9_000_000, failure="no answer\x1b]0;x\x07 in 9 s"),
)
HOSTILE = "Free\x1b[2J\x9b31m\u202e\r\n money"


def trace(number: int, *recipients: TracedRecipient, ip: str = "192.0.2.7") -> Trace:
    return Trace(
        public_id("", IDS.next()),
        1000 * number,
        TracedClient(ip, "mx.bad.test\x1b[A", protocol="ESMTP"),
        "eve\x1b[1m@bad.test" if number else "eve@bad.test",
        recipients,
        message_id=f"<{number}@bad.test>",
        sender="eve@bad.test",
        subject=HOSTILE,
        runs=RUNS,
        rules=(TracedRules.of(Rules()),),
    )


def keep(tx: Tx, keys: KeyRing, one: Trace, *queue_ids: int) -> None:
    store.keep(tx, keys, store.prepare(keys, one), queue_ids)


def deliver(tx: Tx) -> QueueId:
    """A message that was forwarded and has left."""
    queued = put_without_blob(tx, FAR)
    for message in take_all(tx):
        settle.settle(tx, settlement(message, Outcome.DELIVERED))
    return QueueId(queued)


class Kept:
    """A data folder with a message in Junk, one that was forwarded, and twelve that were not."""

    def __init__(self, cli: Cli) -> None:
        self.cli = cli
        invocation = Invocation(None, cli.folder)
        self.keys = key_ring(invocation.configuration().options)
        decision = decide(RUNS, Rules())
        self.junk = trace(0, TracedRecipient(BOB, 1, "Junk", decision=decision))
        self.forwarded = trace(1, TracedRecipient(AWAY, None, "queue"), ip="2001:db8::7")
        queued = invocation.write(deliver)
        self.queued = public_id("", queued)
        invocation.write(keep, self.keys, self.junk)
        invocation.write(keep, self.keys, self.forwarded, queued)
        for number in range(2, 14):
            refused = TracedRecipient(f"u{number}@example.test", reply="Come again later")
            invocation.write(keep, self.keys, trace(number, refused, ip="198.51.100.1"))

    def __call__(self, *arguments: str) -> str:
        text = self.cli.printed("trace", *arguments)
        assert all(one.isprintable() or one == "\n" for one in text)
        return text

    def ids(self, *arguments: str) -> list[str]:
        """The traces that `--json` gives."""
        self(*arguments, "--json")
        rows = self.cli("trace", *arguments, "--json").rows
        found = [str(row["id"]) for row in rows]
        assert all(parse_public_id("", one) is not None for one in found)
        return found


@pytest.fixture
def kept(cli: Cli) -> Kept:
    return Kept(cli)


def test_it_is_found_by_whatever_is_known_of_it(kept: Kept) -> None:
    junk = [kept.junk.id]
    for what in (BOB, f"<{BOB}>", BOB.upper(), "<0@bad.test>", "0@bad.test", "192.0.2.7"):
        assert kept.ids(what) == junk, what
    for what in (kept.junk.id, kept.junk.id.upper()):
        assert kept.ids(what) == junk, what
    for what in (AWAY, "2001:db8::7", "2001:DB8::7", kept.queued, kept.queued.upper()):
        assert kept.ids(what) == [kept.forwarded.id], what
    assert len(kept.ids("198.51.100.1", "--last", "50")) == 12
    assert len(kept.ids("eve@bad.test", "--last", "50")) == 14


def test_nothing_found_says_what_to_look_at(kept: Kept) -> None:
    for what in ("nobody@example.test", "<none@bad.test>", "203.0.113.9", "0" * 13, "\x1b[2J", ""):
        assert "Nothing is known of that" in kept(what)
        assert kept.ids(what) == []


def test_what_became_of_it_and_what_would_have_changed_that(kept: Kept) -> None:
    text = kept(BOB)
    assert f"{kept.junk.id}  1970-01-01T00:00:00Z" in text
    assert "[192.0.2.7], which calls itself" not in text  # a name was not confirmed
    assert "from mx.bad.test [A [192.0.2.7] by ESMTP" in text
    assert f"{BOB}: put into Junk" in text
    assert "+5.0 points" in text
    assert "Without 'spf_fail' it would have been accepted (+1.0 points)." in text
    assert "Without 'date_missing' it would have been accepted (+4.0 points)." in text
    assert "+4.0  spf_fail: it comes from a host" in text
    assert "check dnsbl failed: no answer" in text
    assert "check spf" not in text
    assert "'Free\\x1b[2J\\x9b31m\\u202e\\r\\n money'" in text


def test_all_names_the_checks_that_found_nothing(kept: Kept) -> None:
    text = kept(BOB, "--all")
    assert "dkim (data) took 0.3 ms, found nothing" in text
    assert "spf (mail) took 1.5 ms, found spf_fail" in text


def test_what_was_forwarded_tells_where_it_went(kept: Kept) -> None:
    for what in (kept.queued, FAR):
        text = kept(what)
        assert "Mail that left from here:" in text
        assert "delivered" in text
        assert FAR in text
    assert kept.forwarded.id in kept(kept.queued)


def test_the_latest_come_first_and_so_many_only(kept: Kept) -> None:
    assert len(kept.ids()) == 5
    assert len(kept.ids("--last", "7")) == 7
    everything = kept.ids("--last", "50")
    assert len(everything) == 14
    assert everything[-2:] == [kept.forwarded.id, kept.junk.id]
    assert kept().count("Come again later") >= 5
    for most in ("0", "51", "x"):
        assert "--last" in kept.cli.printed("trace", "--last", most, code=2)


def test_json_has_the_reasons(kept: Kept) -> None:
    (row,) = kept.cli("trace", BOB, "--json").rows
    assert row["subject"] == HOSTILE
    explained = row["explained"]
    assert isinstance(explained, list)
    factors = {one["finding"]: one for one in explained[0]["factors"]}
    assert factors["spf_fail"]["points"] == 4.0
    assert factors["spf_fail"]["without"] == {"verdict": "accept", "score": 1.0}
