"""`pillarbox dev`: the whole server for an hour of trying things out, and nothing left behind."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from pillarbox.app.cli import trial
from pillarbox.app.config.load import Location, load
from pillarbox.app.plan import Plan, Trial
from pillarbox.app.ports import Bound
from pillarbox.app.serving import Account, ready_line, serve

TRAP = "trap@example.test"


@click.command(
    help="Run a server for trying things out: loopback only, high ports, data that is thrown away,"
    f" sample accounts. Mail for other domains is caught in {TRAP}."
)
def dev() -> None:
    folder = Path(tempfile.mkdtemp(prefix="pillarbox-dev-"))
    try:
        location = Location(folder / "pillarbox.conf", folder)
        chosen = Trial(
            (*trial.SAMPLES, TRAP),
            trial.loopback_settings(),
            TRAP,
            plaintext_login=True,
            free_ports=True,
        )
        options = chosen.adapt(load(location, write=True).options)

        def announce(bound: Sequence[Bound], accounts: Sequence[Account]) -> str:
            trapped = f"Mail for other domains lands in {TRAP}. All data goes at the end.\n"
            return ready_line(options, bound) + trial.guide(bound, accounts) + trapped

        serve(Plan(options, location.file, location.data, (), chosen), announce, remove_data=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # the server could not start
