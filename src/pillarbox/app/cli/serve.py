"""`pillarbox serve`: run the server."""

from collections.abc import Sequence
from typing import Any

import click

from pillarbox.app.cli import trial
from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.config.load import Configuration
from pillarbox.app.plan import Plan, Trial
from pillarbox.app.ports import Bound
from pillarbox.app.serving import Account, ready_line
from pillarbox.app.serving import serve as become_server


@click.command(help="Run the server until it is told to stop (SIGTERM); SIGHUP reloads.")
@click.option(
    "--demo",
    is_flag=True,
    help="Loopback and high ports where none are set; two accounts if there are none; says how to"
    " try it.",
)
@click.pass_obj
def serve(invocation: Invocation, demo: bool) -> None:
    configuration = invocation.configuration()
    options, location, chosen = configuration.options, configuration.location, None
    if demo:
        chosen = Trial(trial.SAMPLES, _where_unset(configuration))
        options = chosen.adapt(options)

    def announce(bound: Sequence[Bound], accounts: Sequence[Account]) -> str:
        return ready_line(options, bound) + (trial.guide(bound, accounts) if demo else "")

    become_server(Plan(options, location.file, location.data, (), chosen), announce)


def _where_unset(configuration: Configuration) -> dict[str, Any]:
    """Loopback and ports anyone may open, where the admin has not chosen others."""
    return {
        name: value
        for name, value in trial.loopback_settings().items()
        if configuration.sources[name.upper()].text == "default"
    }
