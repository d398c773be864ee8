"""`pillarbox`: options before the command, the commands by name, and how failures are told.

Exit codes: 0 done, 1 it could not be done, 2 the command line is wrong, 75 try again later, 78 the
configuration is wrong, 130 interrupted.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import printable
from pillarbox.app.config.load import ConfigError
from pillarbox.base.errors import Failure

EXIT_FAILED = 1
EXIT_TEMPORARY = 75
EXIT_CONFIG = 78
EXIT_INTERRUPTED = 130

# Command → module and what it is, in the order of the help.
COMMANDS = MappingProxyType(
    {
        "serve": ("pillarbox.app.cli.serve", "Run the server."),
        "dev": ("pillarbox.app.cli.dev", "Try it out: high ports, throw-away data."),
        "config": ("pillarbox.app.cli.config", "Show and check the settings."),
        "domain": ("pillarbox.app.cli.domain", "Domains whose mail is served here."),
        "user": ("pillarbox.app.cli.user", "Users: who has a mailbox and may log in."),
        "token": ("pillarbox.app.cli.token", "Tokens that programs log in with."),
        "alias": ("pillarbox.app.cli.alias", "Addresses that lead to others."),
        "group": ("pillarbox.app.cli.group", "Groups: shared addresses and mailboxes."),
        "resource": ("pillarbox.app.cli.resource", "Rooms and things that are invited."),
        "acl": ("pillarbox.app.cli.acl", "Who may do what with a mailbox."),
        "dkim": ("pillarbox.app.cli.dkim", "Keys that mail is signed with, and their records."),
        "index": ("pillarbox.app.cli.index", "What searches look things up in."),
        "route": ("pillarbox.app.cli.route", "Other ways for mail that leaves."),
        "queue": ("pillarbox.app.cli.queue", "Mail that waits to be delivered elsewhere."),
        "tls": ("pillarbox.app.cli.tls", "TLS with other servers, and reports of it."),
        "trace": ("pillarbox.app.cli.trace", "What became of mail that came in, and why."),
        "policy": ("pillarbox.app.cli.policy", "How mail to a domain is checked and judged."),
        "sender": ("pillarbox.app.cli.sender", "Senders who are let in, or kept out."),
        "quarantine": ("pillarbox.app.cli.quarantine", "Mail that was kept back."),
        "dmarc": ("pillarbox.app.cli.dmarc", "Reports of DMARC, and what they come to."),
        "complaints": ("pillarbox.app.cli.complaints", "Complaints about mail from here."),
        "suppression": ("pillarbox.app.cli.suppression", "Addresses that nothing is sent to."),
        "sending": ("pillarbox.app.cli.sending", "What users sent, and who met a limit."),
        "spam": ("pillarbox.app.cli.spam", "The filter that learns: teaching it, and its errors."),
        "rules": ("pillarbox.app.cli.rules", "What is done with a user's mail, rule by rule."),
        "vacation": ("pillarbox.app.cli.absence", "The reply while a user is away."),
        "forward": ("pillarbox.app.cli.absence", "Sending all mail of a user on."),
        "sieve": ("pillarbox.app.cli.sieve", "Filters of users and of the site."),
        "calendar": ("pillarbox.app.cli.calendar", "Calendars and task lists of users."),
        "contacts": ("pillarbox.app.cli.contacts", "Address books of users."),
        "ban": ("pillarbox.app.cli.ban", "Addresses barred after failed logins."),
        "version": ("pillarbox.app.cli.version", "Print the version."),
    }
)


class LazyGroup(click.Group):
    """Imports the module of a command only when that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command = getattr(module, cmd_name)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _print_version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from pillarbox.app.cli.version import version_line

        click.echo(version_line())
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="A self-hosted, all-in-one mail server.",
    epilog="Settings come from the file, PILLARBOX_<KEY> in the environment, and defaults.",
)
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="The configuration file [PILLARBOX_CONFIG; else pillarbox.conf in the data folder].",
)
@click.option(
    "--data",
    "data_path",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="The data folder [PILLARBOX_DATA; else ./data, or /var/lib/pillarbox if installed].",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version.",
)
@click.pass_context
def pillarbox(context: click.Context, config_path: Path | None, data_path: Path | None) -> None:
    context.obj = Invocation(config_path, data_path)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code; failures are told on standard error."""
    try:
        result = pillarbox.main(
            args=None if arguments is None else list(arguments),
            prog_name="pillarbox",
            standalone_mode=False,
        )
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return EXIT_INTERRUPTED
    except ConfigError as error:
        click.echo("\n".join(error.problems), err=True)
        click.echo("The configuration can't be used. Correct the lines above.", err=True)
        return EXIT_CONFIG
    except Failure as error:
        cause = f" ({error.cause})" if error.cause else ""
        # Names that others chose may be in it.
        text = f"Error: {error.public}{cause}"
        click.echo("\n".join(map(printable, text.split("\n"))), err=True)
        return EXIT_TEMPORARY if error.temporary else EXIT_FAILED
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); nothing more can be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"Error: {where}{error.strerror or error}", err=True)
        return EXIT_FAILED


def main() -> None:
    """The console script; what it makes is for nobody else to read."""
    os.umask(0o077)
    sys.exit(run())
