"""How commands print and ask: tables or JSON, confirmations, passwords."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from pillarbox.app.config.options import Options
    from pillarbox.pipeline.verifiers import Secrets

F = TypeVar("F", bound=Callable[..., Any])

MAX_PASSWORD_FILE_BYTES = 4096


def json_option(function: F) -> F:
    """`--json` for a command that lists."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def yes_option(function: F) -> F:
    """`--yes` for a command that removes."""
    return click.option("--yes", "-y", is_flag=True, help="Do not ask.")(function)


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    """Print rows as JSON (every field) or as a table of `columns`."""
    if as_json:
        click.echo(json_text([dict(row) for row in rows]))
        return
    lines = [[column.replace("_", " ").upper() for column in columns]]
    lines += [[_cell(row[column]) for column in columns] for row in rows]
    widths = [max(len(line[n]) for line in lines) for n in range(len(columns))]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def json_text(value: Any) -> str:
    """JSON, with everything escaped that a terminal might take for commands."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return "".join(
        one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text
    )


def printable(text: str) -> str:
    """Text of others without what a terminal would take for commands."""
    return "".join(one if one.isprintable() else " " for one in text)


def when(milliseconds: int | None) -> str | None:
    """An instant for people and programs (RFC 3339, UTC)."""
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ago_or_in(milliseconds: int | None, now_ms: int) -> str | None:
    """An instant as people say it, seen from now: `in 12 min`, `3 h ago`, `now`."""
    if milliseconds is None:
        return None
    seconds = abs(milliseconds - now_ms) // 1000
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        if seconds >= size * (2 if size > 60 else 1):
            number = f"{seconds // size} {unit}"
            return f"in {number}" if milliseconds > now_ms else f"{number} ago"
    return "now"


def confirm(question: str, yes: bool) -> None:
    """Go on only if it is wanted; without a terminal only `--yes` says so."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Say --yes to do it without being asked.")
    click.confirm(question, abort=True)


def password_options(function: F) -> F:
    """`--password` and `--password-file` for a command that sets a password."""
    function = click.option(
        "--password-file",
        type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
        metavar="FILE",
        help="Read the password from the first line of FILE, - is standard input.",
    )(function)
    return click.option(
        "--password",
        metavar="PASSWORD",
        help="The password; other users of this machine may see it while the command runs.",
    )(function)


def read_password(password: str | None, file: Path | None) -> str:
    """The password from the option, the file or a prompt, normalized; `Invalid` if not allowed."""
    from pillarbox.pipeline.passwords import require_allowed

    if password is not None and file is not None:
        raise click.UsageError("Give --password or --password-file, not both.")
    if file is not None:
        with click.open_file(str(file), encoding="utf-8") as stream:
            lines = stream.read(MAX_PASSWORD_FILE_BYTES).splitlines()
        password = lines[0] if lines else ""
    elif password is None:
        if not sys.stdin.isatty():
            raise click.UsageError(
                "There is no terminal to ask for a password; use --password-file."
            )
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return require_allowed(str(password))


def password_secrets(options: "Options", address: str, plain: str) -> "Secrets":
    """What to store of a password of the user with this address."""
    from pillarbox.domain.accounts import names
    from pillarbox.pipeline.passwords import PasswordHasher
    from pillarbox.pipeline.verifiers import Verifiers
    from pillarbox.storage.keys import KeyRing

    verifiers = Verifiers(KeyRing(dict(options.encryption_key)))
    return verifiers.secrets(PasswordHasher(), names.mailbox_key(address)[0], plain)


class Size(click.ParamType[int]):
    """A size such as 500M; 0 or `none` is no limit."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from pillarbox.app.config.kinds import parse_size

        if isinstance(value, int):
            return value
        try:
            return 0 if value.lower() in ("none", "unlimited") else parse_size(value)
        except ValueError:
            self.fail(f"{value!r} is no size; say 500M, 2G, or none.", param, ctx)


class Span(click.ParamType[int]):
    """A length of time such as 30m, 12h or 7d, in milliseconds; a plain number is one of hours."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from pillarbox.app.config.kinds import duration

        if isinstance(value, int):
            return value
        try:
            seconds = duration("s", 1, 10 * 366 * 86_400).parse(
                value + "h" if value.isdecimal() else value
            )
        except ValueError:
            self.fail(f"{value!r} is no time; say 30m, 12h or 7d.", param, ctx)
        return int(seconds) * 1000


def _cell(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return printable(", ".join(map(str, value)))
        case _:
            return printable(str(value))
