"""`pillarbox config`: effective settings and where they come from."""

import json

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import json_option
from pillarbox.app.config.load import Configuration
from pillarbox.app.config.options import SCHEMA

_MASK = "********"


@click.group(help="Show and check the settings.")
def config() -> None:
    pass


@config.command(help="Print every effective setting and where it comes from; secrets are masked.")
@json_option
@click.pass_obj
def show(invocation: Invocation, as_json: bool) -> None:
    configuration = invocation.configuration(write=False)
    rows = _rows(configuration)
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    width = max(len(f"{row['key']} = {row['value']}") for row in rows if len(row["value"]) < 40)
    for row in rows:
        click.echo(f"{row['key']} = {row['value']}".ljust(width) + f"  # {row['source']}")
    _tell_warnings(configuration)


@config.command(
    help="Check the settings: every fault with its key, value, line and what is allowed."
)
@click.pass_obj
def check(invocation: Invocation) -> None:
    from pillarbox.app.certificates import CertificateError, require_files
    from pillarbox.app.config.load import ConfigError
    from pillarbox.app.database import library_warning

    configuration = invocation.configuration(write=False)
    _tell_warnings(configuration)
    warning = library_warning(configuration.options)
    if warning:
        click.echo(f"Warning: {warning}", err=True)
    try:
        require_files(configuration.options)
    except CertificateError as error:
        raise ConfigError((str(error),)) from error
    file = configuration.location.file
    where = str(file) if file.exists() else "The defaults and the environment"
    click.echo(f"{where}: the settings are good.")


def _rows(configuration: Configuration) -> list[dict[str, str]]:
    rows = []
    for setting in SCHEMA:
        source = configuration.sources[setting.key]
        value = _MASK if setting.secret and source.raw else source.raw
        rows.append({"key": setting.key, "value": value, "source": source.text})
    return rows


def _tell_warnings(configuration: Configuration) -> None:
    for warning in configuration.warnings:
        click.echo(f"Warning: {warning}", err=True)
