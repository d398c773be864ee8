"""`pillarbox complaints`: what recipients say of mail that was sent from here."""

from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import json_option, table, when

if TYPE_CHECKING:
    from pillarbox.storage.tx import Tx


@click.group(help="Complaints of recipients about mail from here (feedback reports).")
def complaints() -> None:
    pass


@complaints.command("list", help="List them, the newest first.")
@click.option("--domain", metavar="DOMAIN", help="Only those about mail of this domain's senders.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, help="At most [100].")
@json_option
@click.pass_obj
def list_complaints(invocation: Invocation, domain: str | None, limit: int, as_json: bool) -> None:
    rows = invocation.read(_list, domain, limit)
    table(rows, ("received", "kind", "sender", "recipient", "subject", "suppressed"), as_json)


def _list(tx: "Tx", domain: str | None, limit: int) -> list[dict[str, Any]]:
    import msgspec

    from pillarbox.base.ids import public_id
    from pillarbox.domain.accounts import domains
    from pillarbox.domain.complaints import complaints as filed

    of = None if domain is None else domains.require(tx, domain).id
    return [
        {
            "received": when(one.received_ms),
            "kind": one.feedback_type,
            "reporter": one.reporter,
            "domain": one.domain,
            "sender": one.sender,
            "recipient": one.recipient,
            "subject": one.report.original.subject,
            "source_ip": one.source_ip,
            "incidents": one.incidents,
            "queue_id": None if one.queue_id is None else public_id("", one.queue_id),
            "suppressed": one.suppressed,
            "report": msgspec.to_builtins(one.report),
        }
        for one in filed.list_of(tx, of, limit)
    ]
