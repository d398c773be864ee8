"""`pillarbox queue`: mail that waits to be delivered elsewhere."""

from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import confirm, json_option, table, when, yes_option

if TYPE_CHECKING:
    from pillarbox.domain.queue.model import QueuedMessage


@click.group(help="Mail that waits to be delivered elsewhere.")
def queue() -> None:
    pass


@queue.command("list", help="List the recipients that wait, oldest message first.")
@json_option
@click.pass_obj
def list_queue(invocation: Invocation, as_json: bool) -> None:
    from pillarbox.domain.queue import inspect

    rows = [row for message in invocation.read(inspect.list_of) for row in _rows(message)]
    columns = ("id", "sender", "recipient", "status", "attempts", "next_attempt", "last_reply")
    table(rows, columns, as_json)


@queue.command(help="Take a message out of the queue; its sender is not told.")
@click.argument("message_id", type=int)
@yes_option
@click.pass_obj
def remove(invocation: Invocation, message_id: int, yes: bool) -> None:
    from pillarbox.app.compose import blob_store
    from pillarbox.base.ids import QueueId
    from pillarbox.domain.mail import sweep

    confirm(f"Remove message {message_id} from the queue?", yes)
    store = blob_store(invocation.configuration().options)
    gone = invocation.write(sweep.remove_queued, store, QueueId(message_id))
    if gone is not None:
        store.remove_file(gone)
    click.echo(f"Removed message {message_id}.")


def _rows(message: "QueuedMessage") -> list[dict[str, Any]]:
    return [
        {
            "id": message.id,
            "sender": message.reverse_path or "<>",
            "size_bytes": message.size_bytes,
            "created": when(message.created_ms),
            "recipient": recipient.address,
            "status": recipient.status.name.lower(),
            "attempts": recipient.attempts,
            "next_attempt": when(recipient.next_attempt_ms),
            "expires": when(recipient.expires_ms),
            "last_reply": recipient.last_reply,
        }
        for recipient in message.recipients
    ]
