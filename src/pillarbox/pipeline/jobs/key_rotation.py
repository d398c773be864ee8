"""Keeping the DKIM keys of all domains: made, looked for in the DNS, put into use, ended.

A job of `runner`. No key takes another's place before the DNS shows its record; what a key has
signed can be checked for 14 days after its last signature. The rules are in `domain/signing/keys`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pillarbox.base.cpu import Cpu
from pillarbox.base.errors import Busy
from pillarbox.base.log import logger
from pillarbox.domain.accounts import domains
from pillarbox.domain.accounts.model import Domain
from pillarbox.domain.signing import keys as signing_keys
from pillarbox.domain.signing.make import KeyChoice, first_keys
from pillarbox.domain.signing.model import DkimKey, KeyState, NewKey
from pillarbox.formats.mailauth.keys import is_published
from pillarbox.net.dns import Resolver
from pillarbox.pipeline.key_lookup import look_up_keys
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

ROTATE_EVERY_S = 3600
STEP = 50

_log = logger("jobs")


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """Moves keys along; without a `resolver` none is put into use by itself."""

    database: Database
    keys: KeyRing
    cpu: Cpu
    resolver: Resolver | None
    choice: KeyChoice = KeyChoice.BOTH
    selector: str = "mail"

    async def run(self) -> None:
        """Do what is due for every domain; may be stopped and begun again at any point."""
        everyone = await self.database.read(domains.all_of)
        await self._give_first(everyone)
        if self.resolver is not None:
            for start in range(0, len(everyone), STEP):
                await self._look(self.resolver, everyone[start : start + STEP])
        ended = await self.database.write(signing_keys.forget_retired)
        if ended:
            _log.info("old DKIM keys have ended", count=ended)

    async def _give_first(self, everyone: Sequence[Domain]) -> None:
        """Keys for the domains that never had any."""
        if self.choice is KeyChoice.NONE:
            return
        having = await self.database.read(signing_keys.domain_ids)
        for domain in everyone:
            if domain.relay or domain.id in having:
                continue
            try:
                new = await self.cpu.run(first_keys, self.choice, self.selector)
            except Busy:
                return  # logins come first; the next run goes on
            if await self.database.write(_give, self.keys, domain, new):
                _log.info("a domain got its DKIM keys", domain=domain.name)

    async def _look(self, resolver: Resolver, some: Sequence[Domain]) -> None:
        """Ask the DNS for the records of some domains, and act on what it shows."""
        present = await self.database.read(_keys_of, some)
        wanted = [
            (key, key.record_name(domain.name))
            for domain, keys in present
            for key in keys
            if key.state is not KeyState.RETIRED
        ]
        answers = await look_up_keys(resolver, [name for _, name in wanted])
        seen = {
            key.id: is_published(records, key.public)
            for key, name in wanted
            if (records := answers[name]) is not None
        }
        if seen:
            for domain, key in await self.database.write(_note, some, seen):
                _log.info("a new DKIM key signs", domain=domain, selector=key.selector)


def _give(tx: Tx, ring: KeyRing, domain: Domain, new: tuple[NewKey, ...]) -> bool:
    present = domains.get(tx, domain.name)
    return present is not None and signing_keys.add_first(tx, ring, present.id, new)


def _keys_of(tx: Tx, some: Sequence[Domain]) -> list[tuple[Domain, list[DkimKey]]]:
    return [(domain, signing_keys.of_domain(tx, domain.id)) for domain in some]


def _note(tx: Tx, some: Sequence[Domain], seen: dict[int, bool]) -> list[tuple[str, DkimKey]]:
    for key_id, is_seen in seen.items():
        signing_keys.note_published(tx, key_id, is_seen)
    return [(one.name, key) for one in some for key in signing_keys.move_along(tx, one.id)]
