"""Sample accounts for trying pillarbox out: made in an empty store, each with a welcome message."""

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path

from pillarbox.app.compose import Services, Surroundings, compose
from pillarbox.app.config.options import Options
from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Role
from pillarbox.formats.mime.date import format_date
from pillarbox.pipeline.inbound.message import Envelope, Origin
from pillarbox.pipeline.verifiers import Secrets
from pillarbox.storage.tx import Tx

_WELCOME = """\
From: pillarbox <postmaster@{domain}>\r
To: <{address}>\r
Subject: Welcome to pillarbox\r
Date: {date}\r
Message-ID: <{id}@{domain}>\r
MIME-Version: 1.0\r
Content-Type: text/plain; charset=utf-8\r
\r
Hello,\r
\r
this mailbox works: the message you read came in like any other, was sealed\r
and stored, and your mail program fetched it over IMAP.\r
\r
Next steps: `pillarbox domain add` and `pillarbox user add` make domains and\r
users of your own; `pillarbox --help` shows the rest.\r
"""


def make_samples(
    options: Options, data: Path, addresses: Sequence[str]
) -> list[tuple[str, str | None]]:
    """Make accounts with random passwords, if the store has no domain yet.

    Gives every address with its password, or the first users there are, without. For a process
    of its own: runs an event loop.
    """
    return asyncio.run(_make_samples(options, data, addresses))


async def _make_samples(
    options: Options, data: Path, addresses: Sequence[str]
) -> list[tuple[str, str | None]]:
    services = compose(options, data, Surroundings(checkpoint=False))
    try:
        if await services.database.read(domains.all_of):
            found = await services.database.read(users.list_of, None)
            return [(user.address, None) for user in found[:5]]
        made = [(address, secrets.token_urlsafe(12)) for address in addresses]
        verifiers, hasher = services.login.verifiers, services.passwords
        stored = [
            (address, await services.cpu.run(verifiers.secrets, hasher, address, password))
            for address, password in made
        ]
        await services.database.write(_create, stored)
        for address, _ in made:
            await _welcome(services, address)
        return list(made)
    finally:
        await services.close()


def _create(tx: Tx, accounts: list[tuple[str, Secrets]]) -> None:
    for name in dict.fromkeys(address.rpartition("@")[2] for address, _ in accounts):
        domains.create(tx, name)
    for number, (address, stored) in enumerate(accounts):
        role = Role.ADMIN if number == 0 else Role.USER
        name = address.partition("@")[0].capitalize()
        users.create(tx, address, stored.hash, name, role, 0, stored.scram)


async def _welcome(services: Services, address: str) -> None:
    recipient = await services.inbound.recipient(address)
    text = _WELCOME.format(
        address=address,
        domain=address.rpartition("@")[2],
        date=format_date(services.inbound.clock.now()),
        id=secrets.token_hex(8),
    )
    origin = Origin("127.0.0.1", services.options.hostname, "ESMTP")
    await services.inbound.receive(Envelope(origin, "", (recipient,)), text.encode())
