"""The compiled scripts of accounts, with a memory per process.

Most accounts have none, which is remembered too. What is remembered is dropped when a script or
the directory changes, and after half a minute in any case; compiled texts stay longer, for they
don't change.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Generic, TypeVar

from pillarbox.base.clock import Clock
from pillarbox.base.ids import AccountId
from pillarbox.cluster.bus import LOOK_EVERY_S, Bus
from pillarbox.domain.accounts import aliases
from pillarbox.domain.accounts.model import TOPIC as DIRECTORY
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.sharing import holders
from pillarbox.domain.sieve import scripts, site
from pillarbox.domain.sieve.model import TOPIC, Phase
from pillarbox.formats.sieve.compiling import compile_script
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.limits import ScriptLimits
from pillarbox.formats.sieve.program import Inclusion, Program
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

REMEMBERED = 10_000
"""Accounts."""
COMPILED = 1_000
"""Texts."""
HELD_BYTES = 2 << 20
"""Of script texts in either memory; what is made of one takes a hundred times as much."""
INCLUDED_MOST = 100
"""Scripts that one account's may lead to; the rest are not found."""
_INLINE_BYTES = 512
"""Larger texts are compiled in a thread: it takes some 3 ms per KiB."""
_NO_LIMIT = ScriptLimits(script_bytes=1 << 20)
"""What was kept was within the limits of its day."""


@dataclass(frozen=True, slots=True)
class _Text:
    """A script as it lies in the database."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """A script that can't be compiled any more."""

    name: str
    error: ScriptError


@dataclass(frozen=True, slots=True)
class Loaded:
    """What runs over the mail of an account, in order, and whose it is.

    `handles_spam`: the user's own script looks at the spam score, and so decides about junk.
    """

    actor: Actor
    display_name: str
    addresses: tuple[str, ...]
    programs: tuple[Program, ...]
    included: dict[Inclusion, Program | None]
    handles_spam: bool = False
    broken: Broken | None = None
    text_bytes: int = 0
    """Of all those scripts."""


@dataclass(frozen=True, slots=True)
class _Stored:
    actor: Actor
    display_name: str
    addresses: tuple[str, ...]
    texts: tuple[_Text, ...]
    own: int
    """Which of the texts is the user's active script; -1 for none."""


class Programs:
    """Loads and compiles; `close` ends its subscriptions."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        bus: Bus,
        clock: Clock,
        withheld: Collection[str] = (),
    ) -> None:
        """`withheld` are extensions that scripts may not require."""
        self._database = database
        self._keys = keys
        self._clock = clock
        self._withheld = frozenset(withheld)
        self._loaded = _Memory[AccountId, tuple[Loaded | None, int]](REMEMBERED)
        self._compiled = _Memory[_Text, Program | ScriptError](COMPILED)
        self._changes = 0
        self._stops = [bus.subscribe(topic, self._forget) for topic in (TOPIC, DIRECTORY)]

    def close(self) -> None:
        """Hear of no more changes."""
        for stop in self._stops:
            stop()

    async def of(self, account: AccountId) -> Loaded | None:
        """What runs over the mail of an account; `None` where nothing does."""
        now_ms = self._clock.now_ms()
        held = self._loaded.get(account)
        if held is None or held[1] <= now_ms:
            seen = self._changes
            held = (await self._load(account), now_ms + int(LOOK_EVERY_S * 1000))
            if seen == self._changes:
                loaded = held[0]
                self._loaded.put(account, held, 0 if loaded is None else loaded.text_bytes)
        return held[0]

    async def with_script(self, account: AccountId, program: Program) -> Loaded | None:
        """The same with this program alone, instead of all that is kept; `None`: nobody's."""
        stored = await self._database.read(_stored, self._keys, account)
        return None if stored is None else await self._linked(stored, account, [program], 0, None)

    async def compiled(self, name: str, content: bytes) -> Program | ScriptError:
        """What a script of this name and text is, or why it is none."""
        return await self._compile(_Text(name, content))

    async def _load(self, account: AccountId) -> Loaded | None:
        if not await self._database.lookup(_has_scripts, account):
            return None
        stored = await self._database.read(_stored, self._keys, account)
        if stored is None or not stored.texts:
            return None
        programs = []
        broken: Broken | None = None
        for text in stored.texts:
            found = await self._compile(text)
            if isinstance(found, ScriptError):
                broken = Broken(text.name, found)
                break
            programs.append(found)
        return await self._linked(stored, account, programs, stored.own, broken)

    async def _linked(
        self,
        stored: _Stored,
        account: AccountId,
        programs: list[Program],
        own: int,
        broken: Broken | None,
    ) -> Loaded:
        included: dict[Inclusion, Program | None] = {}
        text_bytes = sum(len(text.content) for text in stored.texts)
        wanted = [one for program in programs for one in program.inclusions]
        while wanted and len(included) < INCLUDED_MOST:
            new = [one for one in dict.fromkeys(wanted) if one not in included]
            new = new[: INCLUDED_MOST - len(included)]
            domain = stored.actor.address.rpartition("@")[2]
            texts = await self._database.read(_included, self._keys, account, domain, new)
            wanted = []
            for one in new:
                text = texts.get(one)
                found = None if text is None else await self._compile(text)
                text_bytes += 0 if text is None else len(text.content)
                included[one] = None if isinstance(found, ScriptError) else found
                if isinstance(found, Program):
                    wanted.extend(found.inclusions)
        handles = [programs[own], *_personal(included)] if 0 <= own < len(programs) else []
        return Loaded(
            stored.actor,
            stored.display_name,
            stored.addresses,
            tuple(programs),
            included,
            any(not _SPAM.isdisjoint(one.extensions) for one in handles),
            broken,
            text_bytes,
        )

    async def _compile(self, text: _Text) -> Program | ScriptError:
        found = self._compiled.get(text)
        if found is None:
            if len(text.content) <= _INLINE_BYTES:
                found = self._compile_now(text)
            else:
                found = await asyncio.to_thread(self._compile_now, text)
            self._compiled.put(text, found, len(text.content))
        return found

    def _compile_now(self, text: _Text) -> Program | ScriptError:
        try:
            return compile_script(text.content, text.name, _NO_LIMIT, self._withheld)
        except ScriptError as error:
            return error

    def _forget(self, topic: str) -> None:
        self._changes += 1
        self._loaded.clear()


K = TypeVar("K")
V = TypeVar("V")
_SPAM = frozenset(("spamtest", "spamtestplus", "virustest"))


def _personal(included: dict[Inclusion, Program | None]) -> list[Program]:
    return [program for one, program in included.items() if one.personal and program is not None]


class _Memory(Generic[K, V]):
    """So many values of so many bytes together; what was put first goes first."""

    __slots__ = ("_bytes", "_most", "_values")

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[K, tuple[V, int]] = {}
        self._bytes = 0

    def get(self, key: K) -> V | None:
        found = self._values.get(key)
        return None if found is None else found[0]

    def put(self, key: K, value: V, size_bytes: int) -> None:
        self._drop(key)
        self._values[key] = value, size_bytes
        self._bytes += size_bytes
        # The one that was put now stays, whatever its size.
        while len(self._values) > 1 and (
            len(self._values) > self._most or self._bytes > HELD_BYTES
        ):
            self._drop(next(iter(self._values)))

    def clear(self) -> None:
        self._values.clear()
        self._bytes = 0

    def _drop(self, key: K) -> None:
        self._bytes -= self._values.pop(key, (None, 0))[1]


def _has_scripts(tx: Tx, account: AccountId) -> bool:
    """Whether anything may run over an account's mail: a few short reads."""
    if scripts.active_info(tx, account) is not None:
        return True
    owner = holders.of_account(tx, account)
    return owner is not None and bool(site.for_domain(tx, owner[0].address.rpartition("@")[2]))


def _stored(tx: Tx, keys: KeyRing, account: AccountId) -> _Stored | None:
    owner = holders.of_account(tx, account)
    if owner is None:
        return None
    actor, display_name = owner
    around = site.for_domain(tx, actor.address.rpartition("@")[2])
    texts = [_Text(one.name, one.content) for one in around if one.phase is Phase.BEFORE]
    own = scripts.active(tx, keys, account)
    place = -1
    if own is not None:
        place = len(texts)
        texts.append(_Text(own.info.name, own.content))
    texts += [_Text(one.name, one.content) for one in around if one.phase is Phase.AFTER]
    return _Stored(
        actor,
        display_name,
        (actor.address, *aliases.own_of(tx, actor.address)),
        tuple(texts),
        place,
    )


def _included(
    tx: Tx, keys: KeyRing, account: AccountId, domain: str, wanted: list[Inclusion]
) -> dict[Inclusion, _Text]:
    own = scripts.named(tx, keys, account, [one.name for one in wanted if one.personal])
    shared = site.includable(tx, domain, [one.name for one in wanted if not one.personal])
    found = {Inclusion(name): _Text(name, one.content) for name, one in own.items()}
    for name, script in shared.items():
        found[Inclusion(name, personal=False)] = _Text(name, script.content)
    return found
