"""Opening the database: the keys of the settings must be those it was written under."""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from kit import postgres
from kit.database import KINDS
from pillarbox.app.cli.main import run
from pillarbox.app.config.load import Location, load
from pillarbox.app.config.options import Options
from pillarbox.app.database import library_warning, make_dialect, open_database, prepare_database
from pillarbox.base.errors import Invalid
from pillarbox.storage.dialect import sqlite
from pillarbox.storage.facts import fingerprint

OLD, NEW, OTHER = (secrets.token_bytes(32) for _ in range(3))

Keyed = Callable[..., Options]


@pytest.fixture(params=KINDS)
def keyed(request: pytest.FixtureRequest, tmp_path: Path) -> Keyed:
    """Gives settings with the keys it is called with, always for the same new database."""
    location = Location(tmp_path / "pillarbox.conf", tmp_path)
    options = replace(load(location, write=True, environment={}).options, db_driver=request.param)
    if request.param == "postgresql":
        server: postgres.PostgresServer = request.getfixturevalue("postgres_server")
        options = replace(options, db_dsn=server.new_database())

    def with_keys(**keys: bytes) -> Options:
        ring = tuple((int(name.removeprefix("v")), key) for name, key in keys.items())
        return replace(options, encryption_key=ring)

    return with_keys


def noted(options: Options) -> dict[str, str]:
    connection = make_dialect(options, checkpoint=False).connect(write=True)
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT name, value FROM server_facts", {})
        return dict(cursor.fetchall())
    finally:
        connection.close()


async def start(options: Options) -> None:
    database = open_database(options, publish=lambda topic: None)
    await database.close()


async def test_same_keys_open_it_again(keyed: Keyed) -> None:
    for _ in range(2):
        await start(keyed(v1=OLD))
        assert noted(keyed(v1=OLD)) == {"key 1": fingerprint(OLD)}


async def test_a_new_version_is_noted(keyed: Keyed) -> None:
    await start(keyed(v1=OLD))
    await start(keyed(v1=OLD, v2=NEW))
    assert noted(keyed()) == {"key 1": fingerprint(OLD), "key 2": fingerprint(NEW)}


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"v1": OTHER}, "version 1 is another, version 2 is missing"),
        ({"v1": OLD}, "version 2 is missing"),
        ({"v2": NEW}, "version 1 is missing"),
        ({"v1": OLD, "v2": OTHER}, "version 2 is another"),
        ({"v1": NEW, "v2": OLD, "v3": OTHER}, "version 1 is another, version 2 is another"),
    ],
)
async def test_other_keys_are_refused_and_change_nothing(
    keyed: Keyed, keys: dict[str, bytes], told: str
) -> None:
    await start(keyed(v1=OLD, v2=NEW))
    before = noted(keyed())
    with pytest.raises(Invalid, match=f"{told}\\. .*PILLARBOX_ENCRYPTION_KEY"):
        await start(keyed(**keys))
    assert noted(keyed()) == before
    await start(keyed(v1=OLD, v2=NEW))


async def test_processes_that_start_at_once_agree(keyed: Keyed) -> None:
    options = keyed(v1=OLD, v2=NEW)
    prepare_database(keyed(v1=OLD), make_dialect(options, checkpoint=True))

    def prepare(number: int) -> None:
        prepare_database(options, make_dialect(options, checkpoint=False))

    with ThreadPoolExecutor(8) as threads:
        await asyncio.to_thread(lambda: list(threads.map(prepare, range(8))))
    assert len(noted(options)) == 2


def test_fingerprints_tell_keys_apart_and_do_not_hold_them() -> None:
    assert fingerprint(OLD) == fingerprint(bytes(OLD))
    assert fingerprint(OLD) != fingerprint(OTHER)
    assert OLD.hex()[:8] not in fingerprint(OLD)


def test_commands_refuse_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ["--data", str(tmp_path)]
    assert run([*call, "domain", "add", "example.org"]) == 0
    monkeypatch.setenv("PILLARBOX_ENCRYPTION_KEY", "1:" + OTHER.hex())
    assert run([*call, "domain", "list"]) == 1
    assert "version 1 is another" in capsys.readouterr().err
    monkeypatch.delenv("PILLARBOX_ENCRYPTION_KEY")
    assert run([*call, "domain", "list"]) == 0


def test_an_old_library_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ["--data", str(tmp_path)]
    load(Location(tmp_path / "pillarbox.conf", tmp_path), write=True, environment={})
    monkeypatch.setattr(sqlite, "MINIMUM_SAFE", (3, 0, 0))
    assert run([*call, "config", "check"]) == 0
    assert "SQLite" not in capsys.readouterr().err
    monkeypatch.setattr(sqlite, "MINIMUM_SAFE", (99, 0, 0))
    assert run([*call, "config", "check"]) == 0
    assert "can damage a database" in capsys.readouterr().err
    options = load(Location(tmp_path / "pillarbox.conf", tmp_path), write=False).options
    assert library_warning(replace(options, db_driver="postgresql")) is None
