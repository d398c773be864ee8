"""`pillarbox dkim`: the keys mail is signed with, and the DNS records that publish them."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import confirm, json_option, when, yes_option

if TYPE_CHECKING:
    from pillarbox.domain.signing.model import DkimKey, NewKey
    from pillarbox.formats.mailauth.results import KeyAnswers
    from pillarbox.storage.keys import KeyRing
    from pillarbox.storage.tx import Tx

_ALGORITHMS = ("rsa2048", "rsa4096", "ed25519")
_PUBLISH = "Publish its record: pillarbox dkim show {domain}"

algorithm_option = click.option(
    "--algorithm", type=click.Choice(_ALGORITHMS), help="The kind of key."
)
active_option = click.option(
    "--activate", "at_once", is_flag=True, help="Sign with it at once, published or not."
)


@click.group(help="Keys that mail is signed with (DKIM), and their DNS records.")
def dkim() -> None:
    pass


@dkim.command(help="Show the keys of DOMAIN and the DNS records to publish.")
@click.argument("domain")
@click.option("--check", is_flag=True, help="Ask the DNS now whether it shows the records.")
@click.option("--zone", is_flag=True, help="Print lines for a zone file and nothing else.")
@click.option("--all", "everything", is_flag=True, help="Also keys that are retired.")
@json_option
@click.pass_obj
def show(
    invocation: Invocation, domain: str, check: bool, zone: bool, everything: bool, as_json: bool
) -> None:
    name, keys = invocation.read(_keys_of, domain)
    if check:
        answers = asyncio.run(_asked(invocation, [key.record_name(name) for key in keys]))
        invocation.write(_note, name, answers)
        name, keys = invocation.read(_keys_of, domain)
    shown = [key for key in keys if everything or key.state.name != "RETIRED"]
    if as_json:
        import json

        click.echo(json.dumps([_row(name, key) for key in shown], indent=2))
    elif zone:
        for key in shown:
            click.echo(_zone_line(name, key))
    else:
        _print(name, shown)


@dkim.command(
    help="Make a key for DOMAIN, of the kind that its policy says (`pillarbox policy`) if none is "
    "named. Another one of its kind signs until the DNS shows it."
)
@click.argument("domain")
@algorithm_option
@click.option("--selector", metavar="NAME", help="Default: DKIM_SELECTOR with the day behind it.")
@active_option
@click.pass_obj
def generate(
    invocation: Invocation, domain: str, algorithm: str | None, selector: str | None, at_once: bool
) -> None:
    from pillarbox.domain.signing.make import KeyChoice, one_key

    name, keys = invocation.read(_keys_of, domain)
    choice = KeyChoice(algorithm or invocation.read(_wanted_key, name))
    options = invocation.configuration().options
    wanted = selector or _free_selector(options.dkim_selector, keys)
    made = invocation.write(_add, _ring(invocation), name, one_key(choice, wanted), at_once, False)
    _tell_new(name, made)


@dkim.command("import", help="Take a private key of another program (PEM) from FILE, - is stdin.")
@click.argument("domain")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--selector", metavar="NAME", required=True, help="The selector it is known by.")
@click.option("--password-file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@click.option("--replace", is_flag=True, help="Remove the key that has this selector now.")
@active_option
@click.pass_obj
def import_key(
    invocation: Invocation,
    domain: str,
    file: Path,
    selector: str,
    password_file: Path | None,
    replace: bool,
    at_once: bool,
) -> None:
    from pillarbox.domain.signing.make import kept
    from pillarbox.formats.mailauth.keys import PEM_BYTES, is_encrypted, load_pem

    with click.open_file(str(file), "rb") as stream:
        pem = stream.read(PEM_BYTES + 1)
    password = _password(password_file) if is_encrypted(pem) else None
    new = kept(load_pem(pem, password), selector)
    name, _ = invocation.read(_keys_of, domain)
    made = invocation.write(_add, _ring(invocation), name, new, at_once, replace)
    _tell_new(name, made)


@dkim.command(
    help="Make successors of the keys of DOMAIN. Each signs once the DNS has shown its record for "
    "an hour, or at `dkim activate`; the old record is to stay for 14 days after that."
)
@click.argument("domain")
@algorithm_option
@click.pass_obj
def rotate(invocation: Invocation, domain: str, algorithm: str | None) -> None:
    from pillarbox.base.clock import SystemClock
    from pillarbox.domain.signing.make import successors

    name, keys = invocation.read(_keys_of, domain)
    new = successors(keys, algorithm, SystemClock().now())
    ring = _ring(invocation)
    for made in invocation.write(_prepare, ring, name, new):
        click.echo(f"Prepared the key {made.selector}.")
    click.echo(f"Publish the new records now: pillarbox dkim show {name}")


@dkim.command(help="Sign with a key from now on; the one that did so is retired.")
@click.argument("domain")
@click.argument("selector")
@yes_option
@click.pass_obj
def activate(invocation: Invocation, domain: str, selector: str, yes: bool) -> None:
    key = invocation.read(_require, domain, selector)
    if key.published_ms is None:
        confirm(f"The record of {selector} was not seen in the DNS. Sign with it even so?", yes)
    invocation.write(_activate, domain, selector)
    click.echo(f"Mail of {domain} is signed with {selector}.")


@dkim.command(
    help="Sign with a key no more; leave its record in the DNS for 14 days. To have mail of a "
    "domain not signed at all, retire all its keys."
)
@click.argument("domain")
@click.argument("selector")
@click.pass_obj
def retire(invocation: Invocation, domain: str, selector: str) -> None:
    invocation.write(_retire, domain, selector)
    click.echo(f"The key {selector} of {domain} signs no more.")


@dkim.command(help="Forget a key at once. A domain whose last key is removed gets new ones.")
@click.argument("domain")
@click.argument("selector")
@yes_option
@click.pass_obj
def remove(invocation: Invocation, domain: str, selector: str, yes: bool) -> None:
    confirm(f"Remove the key {selector} of {domain}?", yes)
    invocation.write(_remove, domain, selector)
    click.echo(f"Removed the key {selector} of {domain}.")


@dkim.command(help="Print the PRIVATE key, PEM without a password.")
@click.argument("domain")
@click.argument("selector")
@yes_option
@click.pass_obj
def export(invocation: Invocation, domain: str, selector: str, yes: bool) -> None:
    from pillarbox.formats.mailauth.keys import load_der

    confirm("Whoever has this key can sign mail as this domain. Print it?", yes)
    der = invocation.read(_private, _ring(invocation), domain, selector)
    click.echo(
        f"Keep this secret: whoever has it can sign mail as {domain}. If it is lost to others, "
        f"say pillarbox dkim rotate {domain} and remove its record.",
        err=True,
    )
    click.echo(load_der(der).pem(), nl=False)


# What is printed


def _row(domain: str, key: "DkimKey") -> dict[str, Any]:
    return {
        "selector": key.selector,
        "algorithm": str(key.algorithm),
        "bits": key.bits,
        "state": key.state.name.lower(),
        "created": when(key.created_ms),
        "activated": when(key.activated_ms),
        "retired": when(key.retired_ms),
        "published_since": when(key.published_ms),
        "checked": when(key.checked_ms),
        "name": key.record_name(domain),
        "value": key.record,
        "zone": _zone_line(domain, key),
    }


def _zone_line(domain: str, key: "DkimKey") -> str:
    from pillarbox.formats.mailauth.keys import zone_text

    return f"{key.record_name(domain)}. 3600 IN TXT {zone_text(key.record)}"


def _print(domain: str, keys: "list[DkimKey]") -> None:
    if not keys:
        click.echo(f"Mail of {domain} is not signed. Make a key: pillarbox dkim generate {domain}")
        return
    for key in keys:
        kind = f"{key.algorithm} {key.bits}"
        click.echo(f"{key.selector}: {kind}, {key.state.name.lower()}, {_seen(key)}")
        if key.state.name == "RETIRED":
            continue
        click.echo(f"  Name   {key.record_name(domain)}")
        click.echo(f"  Type   TXT\n  Value  {key.record}")
        click.echo(f"  Zone   {_zone_line(domain, key)}\n")
    missing = [
        key for key in keys if key.published_ms is None and key.state.name in ("ACTIVE", "PREPARED")
    ]
    for key in missing:
        why = (
            "signatures with it can't be checked" if key.state.name == "ACTIVE" else "not used yet"
        )
        click.echo(f"MISSING in the DNS: {key.record_name(domain)} ({why})")
    if missing:
        click.echo(
            f"Publish each Value as a TXT record, then: pillarbox dkim show {domain} --check"
        )


def _seen(key: "DkimKey") -> str:
    if key.published_ms is not None:
        return f"in the DNS since {when(key.published_ms)}"
    if key.checked_ms is None:
        return "not looked for in the DNS yet"
    return f"not in the DNS at {when(key.checked_ms)}"


def _tell_new(domain: str, key: "DkimKey") -> None:
    active = key.state.name == "ACTIVE"
    click.echo(
        f"The key {key.selector} signs mail of {domain} from now on."
        if active
        else f"The key {key.selector} will sign mail of {domain} once the DNS shows its record."
    )
    if key.bits < 2048 and key.algorithm == "rsa":
        click.echo(f"It has only {key.bits} bits, which some refuse; make a longer one.", err=True)
    click.echo(_PUBLISH.format(domain=domain))


# What is asked and done


def _ring(invocation: Invocation) -> "KeyRing":
    from pillarbox.app.foundation import key_ring

    return key_ring(invocation.configuration().options)


def _free_selector(selector: str, keys: "list[DkimKey]") -> str:
    from pillarbox.base.clock import SystemClock
    from pillarbox.domain.signing.make import dated_selector

    taken = {key.selector for key in keys}
    return dated_selector(selector, SystemClock().now(), taken) if selector in taken else selector


def _password(file: Path | None) -> bytes:
    if file is not None:
        lines = file.read_text("utf-8").splitlines()
        return (lines[0] if lines else "").encode()
    if not sys.stdin.isatty():
        raise click.UsageError("The key is encrypted; give its password with --password-file.")
    return str(click.prompt("Password of the key", hide_input=True)).encode()


async def _asked(invocation: Invocation, names: list[str]) -> "KeyAnswers":
    from pillarbox.app.foundation import dns_options
    from pillarbox.base.clock import SystemClock
    from pillarbox.net.dns import SystemResolver
    from pillarbox.pipeline.key_lookup import look_up_keys

    resolver = SystemResolver(SystemClock(), dns_options(invocation.configuration().options))
    answers = await look_up_keys(resolver, names)
    for name, records in answers.items():
        if records is None:
            click.echo(f"{name} can't be asked for: the name servers don't answer.", err=True)
    return answers


def _keys_of(tx: "Tx", domain: str) -> "tuple[str, list[DkimKey]]":
    from pillarbox.domain.accounts import domains
    from pillarbox.domain.signing import keys

    found = domains.require(tx, domain)
    return found.name, keys.of_domain(tx, found.id)


def _wanted_key(tx: "Tx", domain: str) -> str:
    from pillarbox.domain.policy import policies

    return policies.of(tx, domain).dkim_key


def _require(tx: "Tx", domain: str, selector: str) -> "DkimKey":
    from pillarbox.domain.accounts import domains
    from pillarbox.domain.signing import keys

    return keys.require(tx, domains.require(tx, domain).id, selector)


def _add(
    tx: "Tx", ring: "KeyRing", domain: str, new: "NewKey", at_once: bool, replace: bool
) -> "DkimKey":
    from pillarbox.domain.accounts import domains
    from pillarbox.domain.signing import keys
    from pillarbox.domain.signing.model import KeyState

    found = domains.require(tx, domain)
    present = keys.of_domain(tx, found.id)
    for key in present:
        if replace and key.selector == new.selector:
            keys.remove(tx, key)
    first = not any(
        key.state is KeyState.ACTIVE and key.algorithm is new.algorithm
        for key in keys.of_domain(tx, found.id)
    )
    state = KeyState.ACTIVE if at_once or first else KeyState.PREPARED
    return keys.add(tx, ring, found.id, new, state)


def _prepare(tx: "Tx", ring: "KeyRing", domain: str, new: "tuple[NewKey, ...]") -> "list[DkimKey]":
    from pillarbox.domain.accounts import domains
    from pillarbox.domain.signing import keys
    from pillarbox.domain.signing.model import KeyState

    found = domains.require(tx, domain)
    return [keys.add(tx, ring, found.id, one, KeyState.PREPARED) for one in new]


def _activate(tx: "Tx", domain: str, selector: str) -> None:
    from pillarbox.domain.signing import keys

    keys.activate(tx, _require(tx, domain, selector))


def _retire(tx: "Tx", domain: str, selector: str) -> None:
    from pillarbox.domain.signing import keys

    keys.retire(tx, _require(tx, domain, selector))


def _remove(tx: "Tx", domain: str, selector: str) -> None:
    from pillarbox.domain.signing import keys

    keys.remove(tx, _require(tx, domain, selector))


def _private(tx: "Tx", ring: "KeyRing", domain: str, selector: str) -> bytes:
    from pillarbox.domain.signing import keys

    return keys.private(tx, ring, _require(tx, domain, selector))


def _note(tx: "Tx", domain: str, answers: "KeyAnswers") -> None:
    from pillarbox.domain.signing import keys
    from pillarbox.formats.mailauth.keys import is_published

    _, present = _keys_of(tx, domain)
    for key in present:
        records = answers.get(key.record_name(domain))
        if records is not None:
            keys.note_published(tx, key.id, is_published(records, key.public))
