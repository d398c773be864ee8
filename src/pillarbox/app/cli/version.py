"""`pillarbox version`."""

import platform
from importlib import metadata

import click


def version_line() -> str:
    """Name, version, and what runs it."""
    try:
        number = metadata.version("pillarbox")
    except metadata.PackageNotFoundError:
        number = "0.1.0 (not installed)"
    return f"pillarbox {number} (Python {platform.python_version()})"


@click.command(help="Print the version.")
def version() -> None:
    click.echo(version_line())
