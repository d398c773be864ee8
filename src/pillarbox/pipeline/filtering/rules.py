"""Rules, vacation and forwarding of a user: kept as the active script, and as nothing else."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pillarbox.base.errors import Conflict, Invalid, NotFound, OverQuota
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.sieve.model import Script, ScriptInfo
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.limits import ScriptLimits
from pillarbox.formats.sieve.rules.arguments import NotSimple
from pillarbox.formats.sieve.rules.model import NAME_MARK, Day, Forwarding, RuleSet, Vacation
from pillarbox.formats.sieve.rules.reading import read
from pillarbox.formats.sieve.rules.writing import write
from pillarbox.pipeline.filtering.scripts import THREAD_FROM_BYTES, InvalidScript, Saved, Scripts

NAME = "rules"
"""What the script is called where there is none yet."""
TRIES = 3
NOON = time(12)
_Change = Callable[[RuleSet], RuleSet]


@dataclass(frozen=True, slots=True)
class Kept:
    """The rules as they are kept; `version` changes with them, 0 where no script is active."""

    rules: RuleSet
    script: str = ""
    version: int = 0


class Rules:
    """The rules of whoever acts."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def get(self, actor: Actor) -> Kept:
        """The rules of the active script, none if no script is active.

        Raises `NotSimple` where it says more than rules can: it is to be edited as it is.
        """
        script = await self._active(actor)
        if script is None:
            return Kept(RuleSet())
        return Kept(await self._read(script), script.info.name, script.info.version)

    async def put(
        self,
        actor: Actor,
        rules: RuleSet,
        version: int | None = None,
        *,
        replace: bool = False,
    ) -> Saved:
        """Make these the rules; what is read by `get` is what was put.

        Raises `Invalid` that names the rule where the script can't be compiled, as for a regular
        expression that is none, and what `Scripts.put` raises.
        With `version` raises `Conflict` where the active script is not of that version any more. A
        script that is more than rules is left as it is, which raises `NotSimple`; with `replace` it
        stays under its name, and a new one is active.
        """
        script = await self._active(actor)
        found = _version(script)
        if version is not None and version != found:
            raise _changed()
        name = script.info.name if script is not None else ""
        if script is not None:
            try:
                await self._read(script)
            except NotSimple:
                if not replace:
                    raise
                name = ""
        return await self._put(actor, name, rules, found)

    async def change(self, actor: Actor, change: _Change) -> Saved:
        """Put what `change` makes of the rules, with what others change meanwhile in it.

        Raises `NotSimple` as `get` does.
        """
        for _ in range(TRIES - 1):
            try:
                return await self._change(actor, change)
            except Conflict:
                continue
        return await self._change(actor, change)

    async def vacation_get(self, actor: Actor) -> Vacation | None:
        """The vacation reply, also one that is switched off."""
        return (await self.get(actor)).rules.vacation

    async def vacation_put(self, actor: Actor, vacation: Vacation | None) -> Saved:
        """Set the vacation reply, or take it away; everything else stays."""
        return await self.change(actor, lambda rules: rules.with_vacation(vacation))

    async def forwarding_get(self, actor: Actor) -> Forwarding | None:
        """Where all mail is forwarded to, also if that is switched off."""
        return (await self.get(actor)).rules.forwarding

    async def forwarding_put(self, actor: Actor, forwarding: Forwarding | None) -> Saved:
        """Set where all mail is forwarded to, or take that away; everything else stays."""
        return await self.change(actor, lambda rules: rules.with_forwarding(forwarding))

    async def _change(self, actor: Actor, change: _Change) -> Saved:
        kept = await self.get(actor)
        return await self._put(actor, kept.script, change(kept.rules), kept.version)

    async def _put(self, actor: Actor, name: str, rules: RuleSet, version: int) -> Saved:
        # Rules may come to far more than a script may have, which is known only then.
        text = await asyncio.to_thread(write, rules)
        name = name or await self._free_name(actor)
        try:
            return await self._scripts.put(
                actor, name, text.encode(), activate=True, active_version=version
            )
        except InvalidScript as error:
            problem = error.problems[0]
            rule = _rule_at(text, problem.line)
            if rule is None:
                raise
            # Lines of a script that was not kept mean nothing to anybody.
            raise Invalid(f"Rule {rule}: {problem.text}") from error

    async def _free_name(self, actor: Actor) -> str:
        taken = {info.name for info in await self._scripts.list(actor)}
        for number in range(1, len(taken) + 2):
            name = NAME if number == 1 else f"{NAME} {number}"
            if name not in taken:
                return name
        raise OverQuota("There is no name left for a script")

    async def _active(self, actor: Actor) -> Script | None:
        """The active script; one that is put away between two looks is looked for anew."""
        for _ in range(TRIES):
            info = _active_of(await self._scripts.list(actor))
            if info is None:
                return None
            try:
                return await self._scripts.get(actor, info.name)
            except NotFound:
                continue
        raise _changed()

    async def _read(self, script: Script) -> RuleSet:
        content = script.content
        # It may be of a time when larger ones were allowed.
        limits = ScriptLimits(script_bytes=max(self._scripts.quota.script_bytes, len(content)))
        try:
            if len(content) < THREAD_FROM_BYTES:
                return read(content, limits)
            return await asyncio.to_thread(read, content, limits)
        except ScriptError as error:
            first = error.problems[0]
            raise NotSimple(first.line, f"the script has an error: {first.text}") from error


def day_in(zone: str, day: date) -> Day:
    """A day in a time zone of a name such as `Europe/Berlin`, or of an offset such as `+0100`.

    Scripts know offsets only, so that of the day itself is taken; empty is the server's zone.
    Raises `Invalid` for a zone that is not known here.
    """
    if not zone or zone[0] in "+-":
        return Day(day, zone)
    try:
        offset = datetime.combine(day, NOON, ZoneInfo(zone)).utcoffset()
    except (OSError, ValueError, LookupError) as error:
        raise Invalid(f"There is no time zone {zone!r}; say Europe/Berlin or +0100") from error
    minutes = round((offset or timedelta()) / timedelta(minutes=1))
    hours, rest = divmod(abs(minutes), 60)
    return Day(day, f"{'-' if minutes < 0 else '+'}{hours:02}{rest:02}")


def _rule_at(text: str, line: int) -> str | None:
    """The name of the rule whose script has this line; `None` above the first."""
    for above in reversed(text.split("\r\n")[:line]):
        mark = NAME_MARK.match(above.removeprefix("# "))
        if mark and above.startswith("# "):
            return mark[1]
    return None


def _active_of(scripts: tuple[ScriptInfo, ...]) -> ScriptInfo | None:
    return next((info for info in scripts if info.active), None)


def _version(script: Script | None) -> int:
    return 0 if script is None else script.info.version


def _changed() -> Conflict:
    return Conflict("The rules were changed meanwhile: look at them again, then change them")
