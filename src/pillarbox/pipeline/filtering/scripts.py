"""Changing the scripts of users: the one way for ManageSieve, the command line and the APIs.

What is put or activated was compiled first, outside the transaction. A script that was good when
it was put may be so no longer, where an extension is withheld later: it stays, can be read, renamed
and replaced, but not activated anew; one that is active then fails at delivery, which keeps the
mail as if there were no script and tells its owner.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace

from pillarbox.base.cpu import Line
from pillarbox.base.errors import Conflict, Invalid
from pillarbox.base.ids import AccountId
from pillarbox.base.log import logger
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.owners.quota import lock
from pillarbox.domain.sieve import scripts, site
from pillarbox.domain.sieve.model import Script, ScriptInfo, ScriptQuota, ScriptTooLarge
from pillarbox.formats.sieve.compiling import compile_script
from pillarbox.formats.sieve.errors import Problem, ScriptError
from pillarbox.formats.sieve.limits import ScriptLimits
from pillarbox.formats.sieve.program import Inclusion, Program
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

_log = logger("sieve")
THREAD_FROM_BYTES = 512
"""Larger scripts are compiled in a thread, one at a time: a kilobyte takes a few milliseconds."""
COMPILING_WAIT_MOST = 100


class InvalidScript(Invalid):
    """A script can't be compiled; `problems` has everything that is wrong, at least one thing."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        more = len(problems) - 1
        rest = f" (and {more} more problem{'s' if more > 1 else ''})" if more else ""
        super().__init__(f"{problems[0]}{rest}")
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Saved:
    """A script that was kept; `warnings` are sentences about what may be a mistake."""

    info: ScriptInfo
    warnings: tuple[str, ...] = ()


class Scripts:
    """The scripts of whoever acts."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        quota: ScriptQuota,
        withheld: Collection[str] = (),
    ) -> None:
        """`withheld` are extensions that scripts may not require."""
        self.quota = quota
        self.withheld = frozenset(withheld)
        self._database = database
        self._keys = keys
        self._limits = ScriptLimits(script_bytes=quota.script_bytes)
        self._line = Line(1, COMPILING_WAIT_MOST)

    async def check(self, content: bytes, actor: Actor | None = None) -> tuple[str, ...]:
        """Compile a script and keep nothing; gives warnings, those of `actor`'s account too.

        Raises `InvalidScript`, and `ScriptTooLarge` before anything is looked at.
        """
        program = await self._compiled(content)
        return () if actor is None else await self._warnings(actor, program)

    async def put(
        self,
        actor: Actor,
        name: str,
        content: bytes,
        *,
        activate: bool = False,
        active_version: int | None = None,
    ) -> Saved:
        """Keep a script, instead of the one of that name, and activate it if so wished.

        With `active_version` only while the active script is of that version, 0 for none, or else
        raises `Conflict`. Raises `InvalidScript`, `ScriptTooLarge`, `TooManyScripts`, and `Invalid`
        for a bad name.
        """
        key = scripts.canonical_name(name)
        program = await self._compiled(content, key)
        # Before anything is kept: whoever is told of a failure has the old script still.
        warnings = await self._warnings(actor, program, key)
        info = await self._database.write(
            _put,
            self._keys,
            self.quota,
            actor.account_id,
            key,
            content,
            activate,
            active_version,
        )
        self._tell(actor, key, "activated" if activate else "put")
        return Saved(info, warnings)

    async def get(self, actor: Actor, name: str) -> Script:
        """A script with its text; raises `NotFound`."""
        return await self._database.read(scripts.get, self._keys, actor.account_id, name)

    async def list(self, actor: Actor) -> tuple[ScriptInfo, ...]:
        """All scripts, by name."""
        return tuple(await self._database.read(scripts.list_of, actor.account_id))

    async def activate(self, actor: Actor, name: str | None) -> None:
        """Have a script run and no other; `None`: none does.

        Raises `NotFound`, and `InvalidScript` where it can't be compiled any more.
        """
        if name is not None:
            script = await self.get(actor, name)
            # Whoever replaces it now has compiled the new one.
            await self._compiled(script.content, script.info.name, sized=False)
        await self._database.write(scripts.activate, actor.account_id, name)
        self._tell(actor, name or "", "activated" if name is not None else "deactivated")

    async def rename(self, actor: Actor, old: str, new: str) -> None:
        """Give a script another name; raises `NotFound`, `Exists` and `Invalid`."""
        await self._database.write(scripts.rename, actor.account_id, old, new)
        self._tell(actor, new, "renamed")

    async def delete(self, actor: Actor, name: str) -> None:
        """Remove a script; raises `NotFound`, and `ScriptActive` for the one that is active."""
        await self._database.write(scripts.delete, actor.account_id, name)
        self._tell(actor, name, "deleted")

    async def have_space(self, actor: Actor, name: str, size_bytes: int) -> None:
        """Raise `ScriptTooLarge` or `TooManyScripts` where such a script would not be taken."""
        await self._database.read(
            scripts.require_room, actor.account_id, name, size_bytes, self.quota
        )

    async def _compiled(self, content: bytes, name: str = "", *, sized: bool = True) -> Program:
        limits = self._limits
        if len(content) > limits.script_bytes:
            if sized:
                raise ScriptTooLarge(f"A script has {limits.script_bytes} bytes at most")
            # It was put when larger ones were allowed.
            limits = replace(limits, script_bytes=len(content))
        try:
            if len(content) < THREAD_FROM_BYTES:
                return compile_script(content, name, limits, self.withheld)
            async with self._line:
                return await asyncio.to_thread(compile_script, content, name, limits, self.withheld)
        except ScriptError as error:
            raise InvalidScript(error.problems) from error

    async def _warnings(self, actor: Actor, program: Program, own: str = "") -> tuple[str, ...]:
        """Sentences about a script that will have the name `own`."""
        if not program.inclusions:
            return ()
        domain = actor.address.rpartition("@")[2]
        absent = await self._database.read(_absent, actor.account_id, domain, program.inclusions)
        return tuple(
            f"There is no {'personal' if one.personal else 'global'} script {one.name!r} to include"
            for one in absent
            if one.name != own or not one.personal
        )

    def _tell(self, actor: Actor, script: str, change: str) -> None:
        _log.info("sieve.update", user=actor.address, script=script, change=change)


def _put(
    tx: Tx,
    keys: KeyRing,
    quota: ScriptQuota,
    account: AccountId,
    name: str,
    content: bytes,
    activate: bool,
    active_version: int | None,
) -> ScriptInfo:
    if active_version is not None:
        lock(tx, account)
        active = scripts.active_info(tx, account)
        if (0 if active is None else active.version) != active_version:
            raise Conflict("The active script was changed meanwhile")
    info = scripts.put(tx, keys, account, name, content, quota)
    if activate:
        scripts.activate(tx, account, name)
    return replace(info, active=info.active or activate)


def _absent(
    tx: Tx, account: AccountId, domain: str, wanted: tuple[Inclusion, ...]
) -> list[Inclusion]:
    """What a script includes and there is not, now."""
    personal = scripts.existing(tx, account, [one.name for one in wanted if one.personal])
    shared = site.includable(tx, domain, [one.name for one in wanted if not one.personal])
    return [one for one in wanted if one.name not in (personal if one.personal else shared)]
