"""`pillarbox serve`: run the server."""

from collections.abc import Sequence
from dataclasses import replace

import click

from pillarbox.app.cli import trial
from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.config.load import Configuration
from pillarbox.app.config.options import Options
from pillarbox.app.ports import Bound
from pillarbox.app.serving import Account, Trial, ready_line
from pillarbox.app.serving import serve as run_server


@click.command(help="Run the server until it is told to stop (SIGTERM); SIGHUP reloads.")
@click.option(
    "--demo",
    is_flag=True,
    help="High ports where none are set; two accounts if there are none; says how to try it.",
)
@click.pass_obj
def serve(invocation: Invocation, demo: bool) -> int:
    configuration = invocation.configuration()
    options = configuration.options
    chosen = None
    if demo:
        chosen = Trial(trial.SAMPLES, lambda fresh: _high_ports(fresh, configuration))
        options = chosen.adapt(options)

    def on_ready(options: Options, bound: tuple[Bound, ...], accounts: Sequence[Account]) -> None:
        click.echo(ready_line(options, bound))
        if demo:
            click.echo(trial.guide(bound, accounts))

    return run_server(configuration.location, options, chosen, on_ready)


def _high_ports(options: Options, configuration: Configuration) -> Options:
    """Ports anyone may open, where the admin has not chosen others."""
    changed = {
        f"{name}_port": port
        for name, port in trial.PORTS.items()
        if configuration.sources[f"{name.upper()}_PORT"].text == "default"
    }
    return replace(options, **changed)  # type: ignore[arg-type]
