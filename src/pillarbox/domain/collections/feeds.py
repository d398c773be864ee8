"""Calendars that follow one elsewhere on the web: what is fetched, when, and how that went.

`pipeline/collections/feeds` fetches. The address is sealed: it often is all that keeps a calendar
secret.
"""

from dataclasses import dataclass

import msgspec
from msgspec import Struct
from sqlalchemy import bindparam, select, update

from pillarbox.base.errors import NotFound
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collection_rows.feed_table import feeds
from pillarbox.domain.collections import collections, homes
from pillarbox.domain.collections.model import (
    ALL_RIGHTS,
    Access,
    Collection,
    CollectionKind,
    Properties,
    Source,
)
from pillarbox.domain.owners.quota import salt_of
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Row, Tx

LEAST_EVERY_S = 15 * 60
MOST_EVERY_S = 30 * 86_400
USUAL_EVERY_S = 6 * 3600
_MOST_FAILURES = 1000

f = feeds.c
_COLUMNS = (f.collection_id, f.account_id, f.every_s, f.due_ms, f.failures, f.state)
_INSERT = insert_row(feeds)
_THIS = f.collection_id == bindparam("collection")
_GET = Statement(select(*_COLUMNS).where(_THIS))
_OF_ACCOUNT = Statement(
    select(*_COLUMNS).where(f.account_id == bindparam("account")).order_by(f.collection_id)
)
_DUE = Statement(
    select(*_COLUMNS)
    .where(f.due_ms <= bindparam("now"))
    .order_by(f.due_ms)
    .limit(bindparam("most"))
)
_SETTLE = Statement(
    update(feeds)
    .where(_THIS)
    .values(due_ms=bindparam("due"), failures=bindparam("failed"), state=bindparam("sealed"))
)
_CHANGE = Statement(
    update(feeds)
    .where(_THIS)
    .values(every_s=bindparam("every"), due_ms=bindparam("due"), state=bindparam("sealed"))
)


class FeedState(Struct, frozen=True, omit_defaults=True):
    """What is known of a feed: `etag` and `last_modified` as its server tells them.

    `problem` says to people why it could not be fetched last time.
    """

    url: str
    etag: str = ""
    last_modified: str = ""
    problem: str = ""
    fetched_ms: int = 0


@dataclass(frozen=True, slots=True)
class Feed:
    """A calendar that follows another; it is fetched anew at `due_ms`."""

    collection_id: int
    account_id: AccountId
    every_s: int
    due_ms: int
    failures: int
    state: FeedState


def subscribe(
    tx: Tx,
    keys: KeyRing,
    actor: Actor,
    name: str,
    url: str,
    properties: Properties,
    every_s: int = USUAL_EVERY_S,
) -> Collection:
    """Make a calendar that follows the one at `url`; it is due at once.

    Raises as `collections.create`.
    """
    made = collections.create(
        tx,
        keys,
        actor,
        actor.account_id,
        CollectionKind.CALENDAR,
        name,
        properties,
        source=Source.FEED,
    )
    tx.run(
        _INSERT,
        collection_id=made.id,
        account_id=made.account_id,
        every_s=min(max(every_s, LEAST_EVERY_S), MOST_EVERY_S),
        due_ms=tx.now_ms,
        failures=0,
        state=_sealed(tx, keys, made.account_id, made.id, FeedState(url)),
    )
    return made


def get(tx: Tx, keys: KeyRing, collection: int) -> Feed | None:
    """The feed of a calendar."""
    row = tx.one(_GET, collection=collection)
    return None if row is None else _feed(tx, keys, row)


def list_of(tx: Tx, keys: KeyRing, account: AccountId) -> list[Feed]:
    """The feeds of an account, the oldest first."""
    return [_feed(tx, keys, row) for row in tx.all(_OF_ACCOUNT, account=account)]


def due(tx: Tx, keys: KeyRing, most: int) -> list[Feed]:
    """Feeds that are to be fetched now, those that wait longest first."""
    return [_feed(tx, keys, row) for row in tx.all(_DUE, now=tx.now_ms, most=most)]


def change(tx: Tx, keys: KeyRing, access: Access, url: str, every_s: int) -> None:
    """Follow another address, or look more or less often; it is due at once. `NotFound`."""
    collection = access.collection
    if tx.one(_GET, collection=collection.id) is None:
        raise NotFound("This calendar follows no other")
    tx.run(
        _CHANGE,
        collection=collection.id,
        every=min(max(every_s, LEAST_EVERY_S), MOST_EVERY_S),
        due=tx.now_ms,
        sealed=_sealed(tx, keys, collection.account_id, collection.id, FeedState(url)),
    )


def fetched(tx: Tx, keys: KeyRing, feed: Feed, state: FeedState) -> None:
    """Note that a feed was fetched, or that there was nothing new."""
    _settle(tx, keys, feed, state, 0, feed.every_s)


def failed(tx: Tx, keys: KeyRing, feed: Feed, problem: str) -> None:
    """Note that a feed could not be fetched; each time in a row it waits longer, a week at most."""
    failures = min(feed.failures + 1, _MOST_FAILURES)
    wait_s = min(feed.every_s * 2 ** min(failures, 10), 7 * 86_400)
    state = msgspec.structs.replace(feed.state, problem=problem)
    _settle(tx, keys, feed, state, failures, wait_s)


def access_of(tx: Tx, keys: KeyRing, feed: Feed) -> Access | None:
    """The calendar of a feed, for the server to write to."""
    found = homes.collection_by_id(tx, keys, feed.collection_id)
    return None if found is None else Access(found, ALL_RIGHTS)


def _settle(
    tx: Tx, keys: KeyRing, feed: Feed, state: FeedState, failures: int, wait_s: int
) -> None:
    row = tx.one(_GET, collection=feed.collection_id)
    if row is None or _feed(tx, keys, row).state.url != feed.state.url:
        return  # it went meanwhile, or follows another
    sealed = _sealed(tx, keys, feed.account_id, feed.collection_id, state)
    due_ms = tx.now_ms + wait_s * 1000
    tx.run(_SETTLE, collection=feed.collection_id, due=due_ms, failed=failures, sealed=sealed)


def _sealed(tx: Tx, keys: KeyRing, account: AccountId, collection: int, state: FeedState) -> bytes:
    sealer = keys.account(salt_of(tx, account))
    return sealer.seal(msgspec.msgpack.encode(state), _row(collection))


def _feed(tx: Tx, keys: KeyRing, row: Row) -> Feed:
    collection, account, every_s, due_ms, failures, sealed = row
    plain = keys.account(salt_of(tx, account)).open(bytes(sealed), _row(collection))
    state = msgspec.msgpack.decode(plain, type=FeedState)
    return Feed(collection, AccountId(account), every_s, due_ms, failures, state)


def _row(collection: int) -> bytes:
    return b"feed" + collection.to_bytes(8, "big")
