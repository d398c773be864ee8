"""`pillarbox dev`: the whole server for an hour of trying things out, and nothing left behind."""

import shutil
import tempfile
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import click

from pillarbox.app.cli import trial
from pillarbox.app.config.load import Location, load
from pillarbox.app.config.options import LISTENERS
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
            (*trial.SAMPLES, TRAP), _fixed(), TRAP, plaintext_login=True, free_ports=True
        )
        options = chosen.adapt(load(location, write=True).options)

        def announce(bound: Sequence[Bound], accounts: Sequence[Account]) -> str:
            trapped = f"Mail for other domains lands in {TRAP}. All data goes at the end.\n"
            return ready_line(options, bound) + trial.guide(bound, accounts) + trapped

        serve(Plan(options, location.file, location.data, (), chosen), announce, remove_data=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # the server could not start


def _fixed() -> dict[str, Any]:
    """Loopback for everything; logins in clear and without limits from there."""
    fixed: dict[str, Any] = {f"{name}_iface": ("127.0.0.1",) for name in LISTENERS}
    fixed |= {f"{name}_port": port for name, port in trial.PORTS.items()}
    fixed["trusted_networks"] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    return fixed
