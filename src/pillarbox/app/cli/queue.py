"""`pillarbox queue`: mail that waits to be delivered elsewhere, and what became of it."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import Span, confirm, json_option, table, when, yes_option
from pillarbox.app.cli.queue_rows import (
    destination_row,
    details,
    lines,
    log_row,
    recipient_rows,
    shown,
    statistics,
)

if TYPE_CHECKING:
    from pillarbox.base.ids import AccountId
    from pillarbox.domain.queue.inspect import QueueFilter
    from pillarbox.domain.queue.model import LogLine, QueuedMessage
    from pillarbox.domain.queue.steer import Steered
    from pillarbox.storage.tx import Tx

STATES = (
    "pending",
    "deferred",
    "sending",
    "held",
    "delivered",
    "failed",
    "expired",
    "cancelled",
    "bounced",
)
OUTCOMES = ("delivered", "deferred", "failed", "expired", "cancelled", "bounced", "suppressed")
STEP = 500

recipient_option = click.option(
    "--to", "recipient", metavar="ADDRESS", help="This recipient only; default: all of them."
)

user_option = click.option(
    "--user", metavar="ADDRESS", help="All that this user sent, instead of one message."
)


class MessageNumber(click.ParamType[int]):
    """A message as lists, logs and reports name it; its bare number does too."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from pillarbox.base.ids import parse_public_id

        if isinstance(value, int):
            return value
        number = parse_public_id("", value.lower())
        if number is not None:
            return number
        if value.isascii() and value.isdecimal() and len(value) < 20:
            return int(value)
        self.fail(f"{value!r} names no message; `pillarbox queue list` shows them.", param, ctx)


@click.group(help="Mail that waits to be delivered elsewhere.")
def queue() -> None:
    pass


@queue.command(
    "list", help="List what waits, oldest message first; with --status or --all what ended too."
)
@click.option(
    "--status",
    "states",
    multiple=True,
    type=click.Choice(STATES),
    help="May be given more than once.",
)
@click.option("--all", "everything", is_flag=True, help="Whatever the status.")
@click.option("--domain", metavar="DOMAIN", help="Recipients of this domain.")
@click.option("--to", "recipient", metavar="ADDRESS", help="This recipient.")
@click.option("--from", "sender", metavar="ADDRESS", help="This sender; <> for reports.")
@click.option("--older", type=Span(), metavar="TIME", help="Queued so long ago, such as 12h.")
@click.option(
    "--after", type=MessageNumber(), default=0, metavar="ID", help="Go on behind this one."
)
@click.option("--limit", type=click.IntRange(1, 1000), default=100, help="Messages at most [100].")
@json_option
@click.pass_obj
def list_queue(
    invocation: Invocation, /, after: int, limit: int, as_json: bool, **asked: Any
) -> None:
    from pillarbox.domain.queue import inspect

    states = _states(asked.pop("states"), asked.pop("everything"))
    filters = _filter(states, **asked)
    found = invocation.read(inspect.list_of, after, limit, filters)
    now_ms = _now_ms()
    rows = [
        row
        for message in found
        for row in recipient_rows(message, now_ms, as_json)
        if (row["status"] in states) and _is_wanted(row["recipient"], filters)
    ]
    table(rows, ("id", "status", "sender", "recipient", "tries", "next_try", "why"), as_json)
    if len(found) == limit:
        click.echo(f"There may be more: add --after {shown(found[-1].id)}.", err=True)


@queue.command(help="Show a message, its recipients and what was tried.")
@click.argument("message_id", type=MessageNumber())
@json_option
@click.pass_obj
def show(invocation: Invocation, message_id: int, as_json: bool) -> None:
    from pillarbox.base.errors import NotFound

    message, found = invocation.read(_load, message_id)
    if message is None and not found:
        raise NotFound(
            f"There is no message {shown(message_id)}; `queue list` shows those that wait"
        )
    details(message, found, _now_ms(), as_json)


@queue.command("log", help="Show what was tried, the newest first.")
@click.option("--message", "message_id", type=MessageNumber(), metavar="ID", help="This message.")
@click.option("--user", metavar="ADDRESS", help="What this user sent.")
@click.option("--from", "sender", metavar="ADDRESS", help="This sender; <> for reports.")
@click.option("--to", "recipient", metavar="ADDRESS", help="This recipient.")
@click.option("--domain", metavar="DOMAIN", help="Recipients of this domain.")
@click.option("--outcome", type=click.Choice(OUTCOMES))
@click.option("--since", type=Span(), metavar="TIME", help="How far back, such as 2h or 7d.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, help="Lines at most [50].")
@json_option
@click.pass_obj
def show_log(invocation: Invocation, /, limit: int, as_json: bool, **asked: Any) -> None:
    found = invocation.read(_search, asked, _now_ms(), limit)
    if as_json:
        table([log_row(line) for line in found], (), True)
        return
    lines(found)


@queue.command(help="Try nothing for a message until it is released.")
@click.argument("message_id", type=MessageNumber(), required=False)
@recipient_option
@user_option
@click.pass_obj
def hold(
    invocation: Invocation, message_id: int | None, recipient: str | None, user: str | None
) -> None:
    from pillarbox.domain.queue import steer

    _steer(invocation, steer.hold, message_id, recipient, "Held", user)


@queue.command(help="Let a held message be tried at once.")
@click.argument("message_id", type=MessageNumber(), required=False)
@recipient_option
@user_option
@click.pass_obj
def release(
    invocation: Invocation, message_id: int | None, recipient: str | None, user: str | None
) -> None:
    from pillarbox.domain.queue import steer

    _steer(invocation, steer.release_held, message_id, recipient, "Released", user)


@queue.command(help="Try a message at once, or anew if it failed; with --all all that is deferred.")
@click.argument("message_id", type=MessageNumber(), required=False)
@recipient_option
@click.option("--all", "everything", is_flag=True, help="Everything that waits for a next try.")
@click.pass_obj
def retry(
    invocation: Invocation, message_id: int | None, recipient: str | None, everything: bool
) -> None:
    from pillarbox.domain.queue import steer

    if everything == (message_id is not None):
        raise click.UsageError("Say which message, or --all.")
    if message_id is not None:
        _steer(invocation, steer.retry, message_id, recipient, "To be tried now")
        return
    after: str | None = ""
    total = 0
    while after is not None:
        after, changed = invocation.write(_retry_some, after)
        total += changed
    click.echo(f"To be tried now: {_number(total, 'recipient')}.")


@queue.command(help="End a message's delivery; its sender is not told.")
@click.argument("message_id", type=MessageNumber(), required=False)
@recipient_option
@user_option
@yes_option
@click.pass_obj
def cancel(
    invocation: Invocation,
    message_id: int | None,
    recipient: str | None,
    user: str | None,
    yes: bool,
) -> None:
    from pillarbox.domain.queue import steer

    what = f"all mail of {user}" if message_id is None else f"message {shown(message_id)}"
    confirm(f"Cancel {what} without telling its sender?", yes)
    _steer(invocation, steer.cancel, message_id, recipient, "Cancelled", user)


@queue.command(help="End a message's delivery as if its time were up; its sender is told.")
@click.argument("message_id", type=MessageNumber())
@recipient_option
@yes_option
@click.pass_obj
def expire(invocation: Invocation, message_id: int, recipient: str | None, yes: bool) -> None:
    from pillarbox.domain.queue import steer

    confirm(f"Give message {shown(message_id)} back to its sender?", yes)
    _steer(invocation, steer.expire, message_id, recipient, "To be given back to the sender")
    click.echo("The running server does that at once.")


@queue.command(help="Send a message by a route of `pillarbox route`, or by the usual ones.")
@click.argument("message_id", type=MessageNumber())
@click.argument("route", required=False)
@click.option("--usual", is_flag=True, help="By the usual routes again.")
@click.pass_obj
def reroute(invocation: Invocation, message_id: int, route: str | None, usual: bool) -> None:
    if usual == (route is not None):
        raise click.UsageError("Say which route, or --usual.")
    options = invocation.configuration().options
    from pillarbox.app.foundation import key_ring

    steered = invocation.write(_reroute, key_ring(options), message_id, route)
    _tell(steered, message_id, f"By {route} from now on" if route else "By the usual routes again")


@queue.command(help="List the domains that mail waits for, and which of them are closed.")
@click.option("--after", default="", metavar="DOMAIN", help="Go on behind this domain.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, help="At most [100].")
@json_option
@click.pass_obj
def destinations(invocation: Invocation, after: str, limit: int, as_json: bool) -> None:
    from pillarbox.domain.queue import inspect

    found = invocation.read(inspect.destinations, after, limit)
    now_ms = _now_ms()
    rows = [destination_row(one, now_ms, as_json) for one in found]
    table(rows, ("domain", "waiting", "state", "next_look", "failures"), as_json)
    if len(found) == limit:
        click.echo(f"There may be more: add --after {found[-1].domain}.", err=True)


@queue.command(help="Try nothing at a domain for a while.")
@click.argument("domain")
@click.option("--for", "span_ms", type=Span(), default="1h", metavar="TIME", help="How long [1h].")
@click.pass_obj
def close(invocation: Invocation, domain: str, span_ms: int) -> None:
    from pillarbox.domain.queue import steer

    until_ms = _now_ms() + span_ms
    invocation.write(steer.close_destination, domain, until_ms)
    click.echo(f"Closed {domain} until {when(until_ms)}; `queue open {domain}` ends that.")


@queue.command("open", help="Try a closed domain again.")
@click.argument("domain")
@click.pass_obj
def open_destination(invocation: Invocation, domain: str) -> None:
    from pillarbox.domain.queue import steer

    invocation.write(steer.open_destination, domain)
    click.echo(f"Opened {domain}.")


@queue.command(help="Count what waits and what has ended.")
@json_option
@click.pass_obj
def stats(invocation: Invocation, as_json: bool) -> None:
    from pillarbox.domain.queue import inspect

    statistics(invocation.read(inspect.stats), _now_ms(), as_json)


@queue.command(help="Take a message out of the queue, log apart; its sender is not told.")
@click.argument("message_id", type=MessageNumber())
@yes_option
@click.pass_obj
def remove(invocation: Invocation, message_id: int, yes: bool) -> None:
    from pillarbox.app.foundation import blob_store
    from pillarbox.base.ids import QueueId
    from pillarbox.domain.mail import sweep

    confirm(f"Remove message {shown(message_id)} from the queue?", yes)
    store = blob_store(invocation.configuration().options)
    gone = invocation.write(sweep.remove_queued, store, QueueId(message_id))
    if gone is not None:
        store.remove_file(gone)
    click.echo(f"Removed message {shown(message_id)}.")


def _steer(
    invocation: Invocation,
    act: "Callable[..., Steered]",
    message_id: int | None,
    recipient: str | None,
    done: str,
    user: str | None = None,
) -> None:
    """Steer one message, or all that wait of a user."""
    if (message_id is None) == (user is None) or (user is not None and recipient is not None):
        raise click.UsageError("Say which message, with or without --to, or --user.")
    if message_id is not None:
        _tell(invocation.write(act, message_id, recipient), message_id, done)
        return
    last, changed, sending = 0, 0, 0
    while found := invocation.write(_steer_some, act, str(user), last):
        last, *counts = found
        changed, sending = changed + counts[0], sending + counts[1]
    click.echo(f"{done}: {_number(changed, 'recipient')} of mail from {user}.")
    if sending:
        click.echo(f"Not for {_number(sending, 'recipient')}: being sent now.", err=True)


def _steer_some(
    tx: "Tx", act: "Callable[..., Steered]", user: str, after: int
) -> tuple[int, int, int] | None:
    """Steer some of a user's messages: the last one, and how many recipients were and were not."""
    from pillarbox.base.errors import Conflict
    from pillarbox.domain.accounts import users
    from pillarbox.domain.queue import inspect
    from pillarbox.domain.queue.model import OPEN

    account = users.require(tx, user).account_id
    filters = inspect.QueueFilter(statuses=OPEN, account_id=account)
    found = inspect.list_of(tx, after, STEP, filters)
    changed = sending = 0
    for message in found:
        try:
            steered = act(tx, message.id)
        except Conflict:
            continue  # nothing of it can be steered so
        changed += len(steered.changed)
        sending += len(steered.sending)
    return (found[-1].id, changed, sending) if found else None


def _tell(steered: "Steered", message_id: int, done: str) -> None:
    whom = f": {', '.join(steered.changed)}" if steered.changed else ""
    click.echo(f"{done}: message {shown(message_id)}{whom}.")
    if steered.sending:
        click.echo(f"Not for {', '.join(steered.sending)}: being sent now.", err=True)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _states(given: tuple[str, ...], everything: bool) -> tuple[str, ...]:
    if everything:
        return STATES
    return given or ("pending", "deferred", "sending", "held")


def _filter(
    states: tuple[str, ...],
    *,
    domain: str | None,
    recipient: str | None,
    sender: str | None,
    older: int | None,
) -> "QueueFilter":
    from pillarbox.domain.queue.inspect import QueueFilter
    from pillarbox.domain.queue.model import OutgoingRecipient, Status

    statuses = {
        Status.PENDING if state == "deferred" else Status[state.upper()] for state in states
    }
    return QueueFilter(
        statuses=tuple(sorted(statuses)),
        domain=None if domain is None else OutgoingRecipient("@" + domain).domain,
        recipient=recipient,
        sender="" if sender == "<>" else sender,
        before_ms=None if older is None else _now_ms() - older,
    )


def _is_wanted(address: str, filters: "QueueFilter") -> bool:
    from pillarbox.domain.queue.model import OutgoingRecipient

    if filters.recipient is not None and address.lower() != filters.recipient.lower():
        return False
    return filters.domain is None or OutgoingRecipient(address).domain == filters.domain


def _load(tx: "Tx", message_id: int) -> "tuple[QueuedMessage | None, list[LogLine]]":
    from pillarbox.base.ids import QueueId
    from pillarbox.domain.queue import inspect, log

    number = QueueId(message_id)
    return inspect.get(tx, number), log.of_message(tx, number)


def _search(tx: "Tx", asked: dict[str, Any], now_ms: int, limit: int) -> "list[LogLine]":
    from pillarbox.domain.accounts import users
    from pillarbox.domain.queue import log
    from pillarbox.domain.queue.model import Outcome, OutgoingRecipient

    account: AccountId | None = None
    if asked["user"] is not None:
        account = users.require(tx, asked["user"]).account_id
    domain, since, outcome = asked["domain"], asked["since"], asked["outcome"]
    filters = log.LogFilter(
        message_id=asked["message_id"],
        account_id=account,
        sender="" if asked["sender"] == "<>" else asked["sender"],
        recipient=asked["recipient"],
        domain=None if domain is None else OutgoingRecipient("@" + domain).domain,
        outcome=None if outcome is None else Outcome[outcome.upper()],
        since_ms=None if since is None else now_ms - since,
    )
    return log.search(tx, filters, None, limit)


def _retry_some(tx: "Tx", after: str) -> tuple[str | None, int]:
    from pillarbox.domain.queue import steer

    total = 0
    for _ in range(STEP):
        found, changed = steer.retry_all(tx, after, STEP)
        total += changed
        if found is None or total >= STEP:
            return found, total
        after = found
    return after, total


def _reroute(tx: "Tx", keys: Any, message_id: int, route: str | None) -> "Steered":
    from pillarbox.base.ids import QueueId
    from pillarbox.domain.queue import steer
    from pillarbox.domain.routing import routes

    if route is not None:
        routes.require(tx, keys, route)
    return steer.reroute(tx, QueueId(message_id), route)
