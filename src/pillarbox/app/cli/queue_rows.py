"""How `pillarbox queue` shows messages, recipients, destinations and the log."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli.output import ago_or_in, table, when
from pillarbox.base.ids import public_id

if TYPE_CHECKING:
    from pillarbox.domain.queue.inspect import Stats
    from pillarbox.domain.queue.model import Destination, LogLine, QueuedMessage, QueuedRecipient

WHY_MAX = 80


def shown(message_id: int) -> str:
    """A message as reports and the server's log name it."""
    return public_id("", message_id)


def recipient_rows(message: "QueuedMessage", now_ms: int, as_json: bool) -> list[dict[str, Any]]:
    """A row for each recipient; for programs with every field, for people with what they need."""
    return [
        _machine(message, one) if as_json else _human(message, one, now_ms)
        for one in message.recipients
    ]


def destination_row(one: "Destination", now_ms: int, as_json: bool) -> dict[str, Any]:
    """A recipient domain."""
    health = one.health
    closed = health.closed_until_ms > now_ms
    if as_json:
        return {
            "domain": one.domain,
            "waiting": one.waiting,
            "state": _state(one, now_ms),
            "due": when(one.due_ms),
            "closed_until": when(health.closed_until_ms) if closed else None,
            "failures": health.failures,
            "owner": one.owner or None,
        }
    return {
        "domain": one.domain,
        "waiting": one.waiting,
        "state": _state(one, now_ms),
        "next_look": None if one.owner else ago_or_in(max(one.due_ms, now_ms), now_ms),
        "failures": health.failures,
    }


def log_row(line: "LogLine") -> dict[str, Any]:
    """A line of the delivery log with every field."""
    way = line.way
    return {
        "at": when(line.at_ms),
        "message": shown(line.message_id),
        "outcome": line.outcome.name.lower(),
        "sender": line.reverse_path or "<>",
        "recipient": line.address,
        "stage": line.stage,
        "code": line.code,
        "enhanced": line.enhanced,
        "reply": line.reply,
        "host": way.host,
        "ip": way.ip,
        "port": way.port,
        "tls": way.tls,
        "route": way.route,
        "duration_ms": line.duration_ms,
    }


def lines(found: "Sequence[LogLine]") -> None:
    """Lines of the delivery log for people."""
    rows = [
        {
            "at": when(line.at_ms),
            "message": shown(line.message_id),
            "outcome": line.outcome.name.lower(),
            "recipient": line.address,
            "host": line.way.host,
            "tls": line.way.tls,
            "took": f"{line.duration_ms / 1000:.1f} s",
            "reply": _reply(line),
        }
        for line in found
    ]
    table(rows, ("at", "message", "outcome", "recipient", "host", "tls", "took", "reply"), False)


def details(
    message: "QueuedMessage | None", found: "Sequence[LogLine]", now_ms: int, as_json: bool
) -> None:
    """Everything of one message; it may be known from the log alone."""
    if as_json:
        whole: dict[str, Any] = {"message": None, "recipients": []}
        if message is not None:
            whole = {
                "message": {
                    "id": shown(message.id),
                    "sender": message.reverse_path or "<>",
                    "size_bytes": message.size_bytes,
                    "queued": when(message.created_ms),
                    "route": message.route,
                    "content_kept": message.content_kept,
                },
                "recipients": recipient_rows(message, now_ms, True),
            }
        click.echo(
            json.dumps(
                {**whole, "log": [log_row(line) for line in found]}, ensure_ascii=False, indent=2
            )
        )
        return
    if message is None:
        click.echo("The message has left the queue; this is what was tried.\n")
    else:
        _heading(message, now_ms)
        rows = recipient_rows(message, now_ms, False)
        table(rows, ("recipient", "status", "tries", "next_try", "gives_up", "why"), False)
        click.echo()
    if found:
        lines(found)
    else:
        click.echo("Nothing was tried yet.")


def statistics(stats: "Stats", now_ms: int, as_json: bool) -> None:
    """How much waits, and for whom."""
    if as_json:
        figures = {
            "recipients": stats.recipients,
            "destinations": stats.destinations,
            "closed": stats.closed,
            "oldest": when(stats.oldest_ms),
        }
        click.echo(json.dumps(figures, indent=2))
        return
    rows = [{"recipients": name, "number": number} for name, number in stats.recipients.items()]
    table(rows, ("recipients", "number"), False)
    click.echo(f"\nDomains: {stats.destinations}, of which {stats.closed} closed.")
    if stats.oldest_ms is not None:
        click.echo(f"The oldest message that waits came {ago_or_in(stats.oldest_ms, now_ms)}.")


def _heading(message: "QueuedMessage", now_ms: int) -> None:
    from pillarbox.app.config.kinds import show_size

    size = show_size(message.size_bytes)
    size += " bytes" if size.isdecimal() else ""
    kept = "" if message.content_kept else ", content no longer kept"
    click.echo(f"Message {shown(message.id)} from {message.reverse_path or '<>'}")
    click.echo(
        f"Queued {ago_or_in(message.created_ms, now_ms)} ({when(message.created_ms)}), {size}{kept}"
    )
    if message.route:
        click.echo(f"Route: {message.route}, chosen by hand")
    click.echo()


def _machine(message: "QueuedMessage", one: "QueuedRecipient") -> dict[str, Any]:
    return {
        "id": shown(message.id),
        "sender": message.reverse_path or "<>",
        "size_bytes": message.size_bytes,
        "created": when(message.created_ms),
        "recipient": one.address,
        "status": one.state,
        "attempts": one.attempts,
        "next_attempt": when(one.next_attempt_ms) if _waits(one) else None,
        "expires": when(one.expires_ms),
        "finished": when(one.finished_ms),
        "last_reply": one.last_reply,
    }


def _human(message: "QueuedMessage", one: "QueuedRecipient", now_ms: int) -> dict[str, Any]:
    next_ms = max(one.next_attempt_ms, now_ms)
    return {
        "id": shown(message.id),
        "status": one.state,
        "sender": message.reverse_path or "<>",
        "recipient": one.address,
        "tries": one.attempts,
        "next_try": ago_or_in(next_ms, now_ms) if _waits(one) else None,
        "gives_up": ago_or_in(one.expires_ms, now_ms) if one.finished_ms is None else None,
        "why": _shortened(one.last_reply),
    }


def _waits(one: "QueuedRecipient") -> bool:
    return one.state in ("pending", "deferred")


def _state(one: "Destination", now_ms: int) -> str:
    if one.health.closed_until_ms > now_ms:
        return f"closed until {when(one.health.closed_until_ms)}"
    if one.owner:
        return "being sent to"
    return "on trial" if one.health.closed_until_ms else "open"


def _reply(line: "LogLine") -> str:
    """Code, enhanced code where the text does not begin with it, and text."""
    codes = [str(line.code)] if line.code else []
    if line.enhanced and not line.reply.startswith(line.enhanced):
        codes.append(line.enhanced)
    return " ".join([*codes, " ".join(line.reply.split())])


def _shortened(text: str | None) -> str | None:
    if text is None:
        return None
    text = " ".join(text.split())
    return text if len(text) <= WHY_MAX else text[: WHY_MAX - 1] + "…"
