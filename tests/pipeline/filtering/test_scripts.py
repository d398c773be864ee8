"""Changing scripts: nothing is kept that can't be compiled, and every fault is told."""

import asyncio

import pytest
from structlog.testing import capture_logs

from pillarbox.base.errors import Invalid, NotFound, Unavailable
from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Actor, Role
from pillarbox.domain.sieve import site
from pillarbox.domain.sieve.model import (
    Phase,
    ScriptActive,
    ScriptQuota,
    ScriptTooLarge,
    TooManyScripts,
)
from pillarbox.pipeline.filtering import scripts as use_case
from pillarbox.pipeline.filtering.scripts import InvalidScript, Scripts
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: b"k" * 32})
QUOTA = ScriptQuota(2, 4096)
COPY = b'require "copy"; redirect :copy "bob@example.net";'
BAD = b'keep;\r\nif foo {\r\n  bar "x";\r\n}\r\n'
LARGE = b"# " + b"x" * use_case.THREAD_FROM_BYTES + b"\r\n"


def add_ann(tx: Tx) -> Actor:
    domains.create(tx, "example.org")
    user = users.create(tx, "ann@example.org", "x", "Ann", Role.USER, 0)
    return Actor(user.account_id, user.address, user.domain_id, user.role)


@pytest.fixture
async def ann(database: Database) -> Actor:
    return await database.write(add_ann)


@pytest.fixture
def scripts(database: Database) -> Scripts:
    return Scripts(database, KEYS, QUOTA)


async def test_what_is_wrong_is_told_with_its_place(scripts: Scripts, ann: Actor) -> None:
    for content in (BAD, LARGE + BAD):  # in the event loop, and in a thread
        with pytest.raises(InvalidScript) as found:
            await scripts.put(ann, "rules", content, activate=True)
        lines = content.count(b"\n") - BAD.count(b"\n")
        problems = found.value.problems
        assert [one.line - lines for one in problems] == [2, 3]
        assert "foo" in problems[0].text
        assert found.value.public == f"{problems[0]} (and 1 more problem)"
        assert found.value.public.startswith(f"line {lines + 2}, column 4: ")
        with pytest.raises(InvalidScript):
            await scripts.check(content)
    assert await scripts.list(ann) == ()


async def test_a_good_script(scripts: Scripts, ann: Actor) -> None:
    assert await scripts.check(b"keep;") == ()
    saved = await scripts.put(ann, "rules", b"keep;")
    assert not saved.info.active
    saved = await scripts.put(ann, "rules", LARGE + b"discard;", activate=True)
    assert saved.info.active
    assert await scripts.list(ann) == (saved.info,)
    assert (await scripts.get(ann, "rules")).content == LARGE + b"discard;"
    with pytest.raises(ScriptActive):
        await scripts.delete(ann, "rules")
    await scripts.rename(ann, "rules", "other")
    await scripts.activate(ann, None)
    await scripts.delete(ann, "other")
    with pytest.raises(NotFound):
        await scripts.get(ann, "other")


async def test_a_bad_one_leaves_the_old_one(scripts: Scripts, ann: Actor) -> None:
    await scripts.put(ann, "rules", b"keep;", activate=True)
    with pytest.raises(InvalidScript):
        await scripts.put(ann, "rules", BAD)
    with pytest.raises(InvalidScript):
        await scripts.put(ann, "rules", b'keep; # \xff\nredirect "a@b.example";')
    assert (await scripts.get(ann, "rules")).content == b"keep;"


async def test_quotas(scripts: Scripts, ann: Actor) -> None:
    with pytest.raises(ScriptTooLarge):
        await scripts.check(b"#" * 4097)
    with pytest.raises(ScriptTooLarge):
        await scripts.put(ann, "a", b"#" * 4097)
    with pytest.raises(ScriptTooLarge):
        await scripts.have_space(ann, "a", 4097)
    for name in "ab":
        await scripts.have_space(ann, name, 4096)
        await scripts.put(ann, name, b"keep;")
    with pytest.raises(TooManyScripts):
        await scripts.put(ann, "c", b"keep;")
    with pytest.raises(TooManyScripts):
        await scripts.have_space(ann, "c", 1)
    with pytest.raises(Invalid):
        await scripts.put(ann, "", b"keep;")


async def test_an_extension_is_withheld_later(database: Database, ann: Actor) -> None:
    await Scripts(database, KEYS, QUOTA).put(ann, "a", COPY, activate=True)
    strict = Scripts(database, KEYS, QUOTA, ["copy"])
    with pytest.raises(InvalidScript, match="copy"):
        await strict.check(COPY)
    # Nothing is lost, and it can be put right or put aside.
    assert (await strict.get(ann, "a")).content == COPY
    assert (await strict.list(ann))[0].active
    await strict.rename(ann, "a", "b")
    await strict.activate(ann, None)
    with pytest.raises(InvalidScript):
        await strict.activate(ann, "b")
    assert not (await strict.list(ann))[0].active
    await strict.put(ann, "b", b"keep;", activate=True)


async def test_the_quota_is_made_smaller_later(database: Database, ann: Actor) -> None:
    await Scripts(database, KEYS, QUOTA).put(ann, "a", LARGE)
    small = Scripts(database, KEYS, ScriptQuota(1, 100))
    assert (await small.get(ann, "a")).content == LARGE
    await small.activate(ann, "a")


async def test_scripts_to_include_that_are_missing_are_told(
    database: Database, scripts: Scripts, ann: Actor
) -> None:
    content = b'require "include"; include :personal "mine"; include :global "ours";'
    assert await scripts.check(content) == ()
    warnings = await scripts.check(content, ann)
    assert warnings == (
        "There is no personal script 'mine' to include",
        "There is no global script 'ours' to include",
    )
    assert (await scripts.put(ann, "main", content)).warnings == warnings
    await scripts.put(ann, "mine", b"keep;")
    await database.write(site.put, "example.org", Phase.INCLUDE, "ours", b"keep;", None)
    assert await scripts.check(content, ann) == ()


async def test_changes_are_logged(scripts: Scripts, ann: Actor) -> None:
    with capture_logs() as logs:
        await scripts.put(ann, "rules", b"keep;", activate=True)
        await scripts.activate(ann, None)
        await scripts.delete(ann, "rules")
    assert [(one["event"], one["user"], one["change"]) for one in logs] == [
        ("sieve.update", ann.address, "activated"),
        ("sieve.update", ann.address, "deactivated"),
        ("sieve.update", ann.address, "deleted"),
    ]
    assert logs[0]["script"] == "rules"


async def test_many_at_once(scripts: Scripts, ann: Actor) -> None:
    results = await asyncio.gather(
        *(scripts.put(ann, f"s{number}", LARGE + b"keep;") for number in range(10)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, TooManyScripts) for one in results) == 8
    assert len(await scripts.list(ann)) == 2


async def test_a_failure_is_told_of_what_was_not_kept_alone(
    scripts: Scripts, ann: Actor, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = b'require "include"; include "other";'

    async def fail(*_: object) -> None:
        raise Unavailable("The database does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(database, "read", fail)
        with pytest.raises(Unavailable):
            await scripts.put(ann, "main", script, activate=True)
    assert await scripts.list(ann) == ()
    assert (await scripts.put(ann, "main", script)).warnings
    assert not (await scripts.put(ann, "other", script)).warnings
