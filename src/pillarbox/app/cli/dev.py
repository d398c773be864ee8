"""`pillarbox dev`: the whole server for an hour of trying things out, and nothing left behind."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import click

from pillarbox.app.cli import trial
from pillarbox.app.config.load import Location, load
from pillarbox.app.config.options import LISTENERS, Options
from pillarbox.app.ports import Bound
from pillarbox.app.serving import Account, Trial, ready_line, serve

TRAP = "trap@example.test"


@click.command(
    help="Run a server for trying things out: loopback only, high ports, data that is thrown away,"
    f" sample accounts. Mail for other domains is caught in {TRAP}."
)
def dev() -> int:
    folder = Path(tempfile.mkdtemp(prefix="pillarbox-dev-"))
    try:
        location = Location(folder / "pillarbox.conf", folder)
        options = load(location, write=True).options
        chosen = Trial((*trial.SAMPLES, TRAP), _adapt, TRAP, plaintext_login=True, free_ports=True)

        def on_ready(
            options: Options, bound: tuple[Bound, ...], accounts: Sequence[Account]
        ) -> None:
            click.echo(ready_line(options, bound))
            click.echo(trial.guide(bound, accounts))
            click.echo(f"Mail for other domains lands in {TRAP}. All data goes at the end.")

        return serve(location, _adapt(options), chosen, on_ready)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _adapt(options: Options) -> Options:
    """Loopback for everything; logins in clear and without limits from there."""
    changed: dict[str, object] = {f"{name}_iface": ("127.0.0.1",) for name in LISTENERS}
    changed |= {f"{name}_port": port for name, port in trial.PORTS.items()}
    changed["trusted_networks"] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    return replace(options, **changed)  # type: ignore[arg-type]
