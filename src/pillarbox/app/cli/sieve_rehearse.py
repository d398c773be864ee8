"""`pillarbox sieve rehearse`: what a script would do with the mail that is there."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import json_option, json_text, printable, when
from pillarbox.app.cli.sieve_source import FILE, limits_for, read_file, telling

if TYPE_CHECKING:
    from pillarbox.app.config.options import Options
    from pillarbox.cluster.bus import Bus
    from pillarbox.pipeline.filtering.rehearsal import Rehearsed
    from pillarbox.storage.db import Database

MOST = 100_000
SHOWN_WIDTH = 60


@click.command(
    help="Run a script over the newest messages of a mailbox, as if they came again, and print"
    " which of them would not just be kept in the inbox; nothing is done.\n\nFILE is the script; -:"
    " standard input."
)
@click.argument("account", metavar="ACCOUNT")
@click.argument("file", metavar="FILE", type=FILE)
@click.option("--mailbox", default="INBOX", help="Whose messages to take [INBOX].")
@click.option("--last", "most", type=click.IntRange(1, MOST), default=200, help="So many [200].")
@click.option("--all", "everything", is_flag=True, help="Also messages that would just be kept.")
@json_option
@click.pass_obj
def rehearse(
    invocation: Invocation,
    account: str,
    file: Path,
    mailbox: str,
    most: int,
    everything: bool,
    as_json: bool,
) -> None:
    from pillarbox.formats.sieve.compiling import compile_script

    content = read_file(file)
    withheld = invocation.configuration().options.sieve_extensions_off
    program = telling(
        file, content, lambda: compile_script(content, "", limits_for(content), withheld)
    )
    # Outcomes may have a message in them that was edited: none is kept that need not be.
    rows: list[dict[str, Any]] = []
    all_of_them = others = 0

    async def work(options: "Options", database: "Database", bus: "Bus") -> None:
        from pillarbox.app.foundation import blob_store, key_ring, run_limits
        from pillarbox.base.clock import SystemClock
        from pillarbox.domain.mail.content import ContentStore
        from pillarbox.domain.sharing import holders
        from pillarbox.pipeline.filtering.executing import Executor
        from pillarbox.pipeline.filtering.programs import Programs
        from pillarbox.pipeline.filtering.rehearsal import Rehearsal

        nonlocal all_of_them, others
        keys, clock = key_ring(options), SystemClock()
        programs = Programs(database, keys, bus, clock, withheld)
        executor = Executor(database, keys, run_limits(options))
        store = ContentStore(keys, blob_store(options))
        rehearsal = Rehearsal(database, store, programs, executor, options.subaddress_delimiter)
        try:
            actor = await database.read(holders.require, account)
            async for one in rehearsal.run(actor, program, mailbox, most):
                all_of_them += 1
                others += not one.stays
                if one.stays and not everything:
                    continue
                if as_json:
                    rows.append(_row(one))
                else:
                    click.echo("\n".join(map(printable, lines_of(one))))
        finally:
            programs.close()

    invocation.work(work)
    if as_json:
        click.echo(json_text(rows))
        return
    click.echo(
        f"{others} of {all_of_them} messages of {printable(mailbox)} would not just be kept."
    )


def lines_of(one: "Rehearsed") -> list[str]:
    """A message, and what would become of it."""
    from pillarbox.app.cli.sieve_told import told

    head = f"{when(one.at_ms)}  {one.sender[:SHOWN_WIDTH]}  {one.subject[:SHOWN_WIDTH]}"
    lines = [head, *(f"    {told(action)}" for action in one.outcome.actions)]
    if one.outcome.failure is not None:
        lines.append(f"    The script was stopped: {one.outcome.failure.problem}")
    return lines


def _row(one: "Rehearsed") -> dict[str, Any]:
    from pillarbox.app.cli.sieve_told import row_of

    return {
        "uid": one.uid,
        "at_ms": one.at_ms,
        "from": one.sender,
        "subject": one.subject,
        **row_of(one.outcome),
    }
