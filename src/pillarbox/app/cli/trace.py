"""`pillarbox trace`: what became of a message that came in, and why."""

from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import json_option, json_text, printable, when

if TYPE_CHECKING:
    from pillarbox.domain.queue.model import LogLine
    from pillarbox.domain.trace.explain import Explanation
    from pillarbox.domain.trace.model import Trace
    from pillarbox.storage.keys import KeyRing
    from pillarbox.storage.tx import Tx

SHOWN = 5
LOG_LINES = 20


@click.command(
    help="Say what became of mail that came in, and why: by an address, a Message-ID, the id its "
    "client was told ('Accepted as …'), the id of a queued message, or the client's IP address. "
    "Without any, of the latest."
)
@click.argument("what", required=False)
@click.option("--last", "most", type=click.IntRange(1, 50), default=SHOWN, help="So many at most.")
@click.option("--all", "everything", is_flag=True, help="Also the checks that found nothing.")
@json_option
@click.pass_obj
def trace(
    invocation: Invocation, what: str | None, most: int, everything: bool, as_json: bool
) -> None:
    from pillarbox.app.foundation import key_ring

    keys = key_ring(invocation.configuration().options)
    found, sent = invocation.read(_find, keys, what, most)
    if as_json:
        rows = [_row(one) for one in found]
        click.echo(json_text(rows))
        return
    for number, one in enumerate(found):
        if number:
            click.echo()
        click.echo("\n".join(told(one, everything)))
    if sent:
        from pillarbox.app.cli.queue_rows import lines

        click.echo("\nMail that left from here:" if found else "Mail that left from here:")
        lines(sent)
    if not found and not sent:
        click.echo(
            "Nothing is known of that. Traces are kept for TRACE_KEEP_DAYS days; is the address, "
            "or the Message-ID, whole and spelled right?"
        )


def _find(
    tx: "Tx", keys: "KeyRing", what: str | None, most: int
) -> "tuple[list[Trace], list[LogLine]]":
    from pillarbox.base.ids import QueueId, parse_public_id
    from pillarbox.domain.queue import log
    from pillarbox.domain.queue.matching import find_by_message_id
    from pillarbox.domain.trace import store

    if what is None:
        return store.latest(tx, keys, most), []
    number = parse_public_id("", what.lower())
    ids = [QueueId(number)] if number is not None else []
    if "@" in what:
        ids = find_by_message_id(tx, keys, what)
    sent = [line for one in ids[:SHOWN] for line in log.of_message(tx, one)]
    if "@" in what and not sent:
        sent = log.search(tx, log.LogFilter(recipient=what.strip("<>")), None, LOG_LINES)
    found = store.find(tx, keys, what.lower() if number is not None else what, most)
    return found, sent[:LOG_LINES]


def told(trace: "Trace", everything: bool = False) -> list[str]:
    """A trace in plain words."""
    from pillarbox.domain.trace.explain import explain

    client = trace.client
    came = f"from {client.name or client.helo or 'a client'} [{client.ip}]"
    if not client.ip:
        came = "out of the queue"
    if client.name and client.helo and client.helo != client.name:
        came += f", which calls itself {client.helo},"
    by = f" by {client.protocol}" if client.protocol else ""
    tls = f" ({client.tls})" if client.tls else ""
    found = [
        f"{trace.id}  {when(trace.at_ms)}",
        f"  came {came}{by}{tls}".rstrip(),
        f"  envelope sender <{trace.reverse_path}>"
        + (f", From {trace.sender}" if trace.sender else ""),
    ]
    if trace.subject or trace.message_id:
        found.append(f"  {trace.message_id or 'no Message-ID'}  {trace.subject!r}")
    if trace.results:
        found.append("  authentication: " + "; ".join(_lines_of(trace.results)))
    if trace.refused:
        found.append(f"  refused as a whole: {trace.refused}")
    for explanation in explain(trace):
        found += _explained(explanation)
    found += _checks(trace, everything)
    return [printable(one) for one in found]


def _explained(explanation: "Explanation") -> list[str]:
    from pillarbox.domain.trace.explain import sentence

    first, *rest = explanation.lines
    found = [f"  → {first}"]
    found += [f"      {line}" for line in rest]
    found += [
        f"      {factor.points:+6.1f}  {factor.finding.name}: it {sentence(factor.finding)}"
        for factor in explanation.factors
    ]
    found += [f"      filter: {line}" for line in explanation.recipient.sieve]
    return found


def _checks(trace: "Trace", everything: bool) -> list[str]:
    failed = [f"  check {one.check} failed: {one.failure}" for one in trace.runs if one.failure]
    if not everything:
        return failed
    took = [
        f"  {one.check} ({one.stage}) took {one.took_us / 1000:.1f} ms,"
        f" found {', '.join(f.name for f in one.findings) or 'nothing'}"
        for one in trace.runs
    ]
    return took + failed


def _lines_of(results: str) -> list[str]:
    return [" ".join(one.split()) for one in results.split(";") if one.strip()]


def _row(trace: "Trace") -> dict[str, Any]:
    import msgspec

    from pillarbox.domain.trace.explain import explain

    row: dict[str, Any] = msgspec.to_builtins(trace)
    row["at"] = when(trace.at_ms)
    row["explained"] = [
        {
            "recipient": one.recipient.path,
            "account_id": one.recipient.account_id,
            "lines": list(one.lines),
            "factors": [
                {
                    "finding": factor.finding.name,
                    "check": factor.check,
                    "points": factor.points,
                    "without": None
                    if factor.without is None
                    else {"verdict": str(factor.without.verdict), "score": factor.without.score},
                }
                for factor in one.factors
            ],
        }
        for one in explain(trace)
    ]
    return row
