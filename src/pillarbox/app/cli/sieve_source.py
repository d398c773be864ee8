"""Scripts as the command line reads them, and what is wrong with them, shown in their text."""

import sys
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pillarbox.app.cli.output import printable
from pillarbox.base.errors import Invalid, TooLarge

if TYPE_CHECKING:
    from pillarbox.app.config.options import Options
    from pillarbox.domain.sieve.model import ScriptQuota
    from pillarbox.formats.sieve.errors import Problem
    from pillarbox.formats.sieve.limits import ScriptLimits

R = TypeVar("R")
FILE_BYTES = 1 << 20
_SHOWN = 100
_BEFORE = 60

FILE = click.Path(path_type=Path, allow_dash=True, dir_okay=False, exists=True)


def read_file(path: Path, most: int = FILE_BYTES) -> bytes:
    """A file whole, `-` is standard input; raises `TooLarge` for more than `most` bytes."""
    if str(path) == "-":
        content = sys.stdin.buffer.read(most + 1)
    else:
        with path.open("rb") as file:
            content = file.read(most + 1)
    if len(content) > most:
        raise TooLarge(f"{path} has more than {most} bytes")
    return content


def read_script(path: Path) -> bytes:
    """A script to be kept; raises `Invalid` for an empty file: what wrote it may have failed."""
    content = read_file(path)
    if not content:
        raise Invalid(f"{path} is empty: there is no script in it, and nothing was changed")
    return content


def tell_if_off(options: "Options") -> None:
    """Say it where scripts that should run now do not."""
    if not options.sieve_enabled:
        click.echo(
            "Warning: SIEVE_ENABLED is false: no script runs over mail that comes in.", err=True
        )


def show_content(content: bytes) -> None:
    """Print a script as it is, or to a terminal without what that would take for commands."""
    if sys.stdout.isatty():
        lines = content.decode("utf-8", "replace").splitlines()
        click.echo("\n".join(printable(line.expandtabs()) for line in lines))
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def quota_of(options: "Options") -> "ScriptQuota":
    """What users' scripts may come to, as the settings say."""
    from pillarbox.domain.sieve.model import ScriptQuota

    return ScriptQuota(options.sieve_max_scripts_per_user, options.sieve_max_script_size)


def limits_for(content: bytes) -> "ScriptLimits":
    """Limits of a script of the site, which no quota holds."""
    from dataclasses import replace

    from pillarbox.formats.sieve.compiling import LIMITS

    return replace(LIMITS, script_bytes=max(LIMITS.script_bytes, len(content)))


def telling(path: Path, content: bytes, work: Callable[[], R]) -> R:
    """What `work` gives; where the script can't be compiled, show why and end with 1."""
    from pillarbox.formats.sieve.errors import ScriptError
    from pillarbox.pipeline.filtering.scripts import InvalidScript

    try:
        return work()
    except (ScriptError, InvalidScript) as error:
        click.echo("\n".join(shown(path, content, error.problems)), err=True)
        raise click.exceptions.Exit(1) from error


def shown(path: Path, content: bytes, problems: Sequence["Problem"]) -> list[str]:
    """Each problem with its line of the script, and a caret under its column."""
    lines = content.decode("utf-8", "replace").split("\n")
    name = "<stdin>" if str(path) == "-" else str(path)
    found = []
    for one in problems:
        found.append(printable(f"{name}:{one.line}:{one.column}: {one.text}"))
        if 0 < one.line <= len(lines):
            found += _pointed(lines[one.line - 1].rstrip("\r"), one.column)
    count = len(problems)
    found.append(f"{count} problem{'' if count == 1 else 's'}")
    return found


def _pointed(line: str, column: int) -> list[str]:
    """The part of a line around a column, and the caret."""
    at = min(max(column - 1, 0), len(line))
    start = at - _BEFORE if at >= _SHOWN else 0
    before, rest = printable(line[start:at]), printable(line[at : start + _SHOWN])
    return [f"    {before}{rest}".rstrip(), "    " + " " * _width(before) + "^"]


def _width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    wide = sum(unicodedata.east_asian_width(one) in "WF" for one in text)
    return len(text) + wide - sum(unicodedata.combining(one) > 0 for one in text)


def problem_rows(problems: Sequence["Problem"]) -> list[dict[str, Any]]:
    """Problems as `--json` prints them."""
    return [{"line": one.line, "column": one.column, "text": one.text} for one in problems]
