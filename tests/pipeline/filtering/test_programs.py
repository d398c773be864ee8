"""Compiled scripts in memory: what is held, and how much of it."""

import asyncio

import pytest

from pillarbox.base.clock import SystemClock
from pillarbox.base.ids import AccountId
from pillarbox.cluster.bus import LocalBus
from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Role
from pillarbox.domain.sieve import scripts
from pillarbox.domain.sieve.model import ScriptQuota
from pillarbox.formats.sieve.program import Program
from pillarbox.pipeline.filtering import programs as module
from pillarbox.pipeline.filtering.programs import Programs
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: b"k" * 32})
KIB = b"#" * 1023 + b"\n"


@pytest.fixture
def programs(database: Database) -> Programs:
    return Programs(database, KEYS, LocalBus(), SystemClock())


async def add_user(database: Database, name: str, script: bytes) -> AccountId:
    def add(tx: Tx) -> AccountId:
        if domains.get(tx, "example.org") is None:
            domains.create(tx, "example.org")
        account = users.create(tx, f"{name}@example.org", "x", "", Role.USER, 0).account_id
        scripts.put(tx, KEYS, account, "main", script, ScriptQuota())
        scripts.activate(tx, account, "main")
        return account

    return await database.write(add)


async def test_what_is_compiled_is_compiled_once(programs: Programs) -> None:
    first = await programs.compiled("main", KIB)
    assert isinstance(first, Program)
    assert await programs.compiled("main", KIB) is first
    assert await programs.compiled("other", KIB) is not first


async def test_so_much_text_is_held_compiled(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HELD_BYTES", 4 * len(KIB))
    first = await programs.compiled("1", KIB)
    for name in ("2", "3", "4"):
        await programs.compiled(name, KIB)
    assert await programs.compiled("1", KIB) is first
    # One text of somebody's takes the place of many.
    await programs.compiled("large", KIB * 4)
    assert await programs.compiled("1", KIB) is not first
    # One that is larger than all that is held is held alone.
    huge = await programs.compiled("huge", KIB * 5)
    assert await programs.compiled("huge", KIB * 5) is huge


async def test_accounts_with_much_text_are_loaded_anew(
    programs: Programs, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HELD_BYTES", 3 * len(KIB))
    accounts = [await add_user(database, name, KIB * 2) for name in ("ann", "bob")]
    first = await programs.of(accounts[0])
    assert await programs.of(accounts[0]) is first
    await programs.of(accounts[1])
    assert await programs.of(accounts[0]) is not first


async def test_scripts_lead_to_so_many_others(
    programs: Programs, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INCLUDED_MOST", 2)
    lines = b"".join(b'include "x%d";\n' % number for number in range(9))
    account = await add_user(database, "ann", b'require "include";\n' + lines)
    loaded = await asyncio.wait_for(programs.of(account), 10)
    assert loaded is not None
    assert len(loaded.included) == 2
