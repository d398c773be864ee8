"""Rows of objects as values: what is sealed in them, and how they are found."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from msgspec import Struct, msgpack
from sqlalchemy import BindParameter, bindparam, select

from pillarbox.base.ids import BlobId
from pillarbox.domain.collections.model import Collection, ComponentKind, Item, ItemFacts
from pillarbox.domain.collections.tables import collection_items, item_contents
from pillarbox.storage.blobs.sealed import row_name, unseal
from pillarbox.storage.keys import KeyRing, Sealer
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Row

DIGESTS = "collections"
"""The purpose of the digests by which objects are found."""
NO_FIRST, NO_LAST = -(1 << 63), (1 << 63) - 1
"""How bounds that are none are stored, so that ranges are compared without a look at NULLs."""
_KINDS = MappingProxyType({int(kind): kind for kind in ComponentKind})
_TOMBSTONE = b"gone"
_STEPS = (1, 16, 128)

i = collection_items.c
COLUMNS = (
    i.id,
    i.collection_id,
    i.modseq,
    i.created_modseq,
    i.first_ms,
    i.last_ms,
    i.component,
    i.size_bytes,
    i.content_id,
    i.schedule_tag,
    i.created_ms,
    i.changed_ms,
    i.href_digest,
    i.head,
)
WITH_CONTENT = select(*COLUMNS, item_contents.c.data).select_from(
    collection_items.join(item_contents, item_contents.c.id == i.content_id)
)


class Head(Struct, frozen=True, array_like=True, gc=False):
    """What is sealed in an object's row; `key` and `sealed_as` open its content."""

    href: str
    uid: str
    key: bytes
    sealed_as: int
    addresses: tuple[str, ...] = ()


class Stored(Struct, frozen=True):
    """A row that was read to be changed."""

    item: Item
    head: Head
    created_modseq: int
    content_id: int
    href_digest: int
    tag: int | None


@dataclass(frozen=True, slots=True)
class NewRow:
    """An object as it is about to be stored."""

    id: int
    href: str
    facts: ItemFacts
    head: Head
    modseq: int
    size_bytes: int
    content_id: int
    tag: int | None
    created_ms: int
    changed_ms: int

    def values(self, keys: KeyRing, salt: bytes) -> dict[str, object]:
        """The values of the columns but for the collection's."""
        facts = self.facts
        return {
            "id": self.id,
            "href_digest": href_digests(keys, salt, self.href)[0],
            "uid_digest": uid_digests(keys, salt, facts.uid)[0],
            "component": int(facts.component),
            "modseq": self.modseq,
            "created_modseq": self.modseq,
            "first_ms": NO_FIRST if facts.first_ms is None else facts.first_ms,
            "last_ms": NO_LAST if facts.last_ms is None else facts.last_ms,
            "size_bytes": self.size_bytes,
            "content_id": self.content_id,
            "schedule_tag": self.tag,
            "created_ms": self.created_ms,
            "changed_ms": self.changed_ms,
            "head": seal_head(keys.account(salt), self.id, self.head),
        }

    def item(self, collection: Collection) -> Item:
        return Item(
            self.id,
            collection.id,
            self.href,
            self.facts,
            self.modseq,
            self.size_bytes,
            f"{self.content_id:x}",
            None if self.tag is None else f"{self.tag:x}",
            self.created_ms,
            self.changed_ms,
        )


_DECODER = msgpack.Decoder(Head)


def seal_head(sealer: Sealer, item_id: int, head: Head) -> bytes:
    """A head as it is stored."""
    return sealer.seal(msgpack.encode(head), row_name(item_id))


def open_head(sealer: Sealer, item_id: int, sealed: bytes) -> Head:
    """A head out of its row."""
    return _DECODER.decode(sealer.open(sealed, item_id.to_bytes(8, "big")))


def seal_href(sealer: Sealer, item_id: int, href: str) -> bytes:
    """The name in a tombstone."""
    return sealer.seal(href.encode(), row_name(item_id) + _TOMBSTONE)


def open_href(sealer: Sealer, item_id: int, sealed: bytes) -> str:
    """The name out of a tombstone."""
    return sealer.open(sealed, row_name(item_id) + _TOMBSTONE).decode()


def href_digests(keys: KeyRing, salt: bytes, href: str) -> tuple[int, ...]:
    """How a name is found: first what it is stored as now."""
    return keys.digester(DIGESTS, salt).digests(b"href " + href.encode())


def uid_digests(keys: KeyRing, salt: bytes, uid: str) -> tuple[int, ...]:
    """How a UID is found; alike in all collections of an account."""
    return keys.digester(DIGESTS, salt).digests(b"uid " + uid.encode())


def item_of(row: Row, sealer: Sealer) -> Item:
    """The object of a row of `COLUMNS`."""
    return _item(row, _head(row, sealer))


def stored(row: Row, sealer: Sealer) -> Stored:
    """The object of a row of `COLUMNS` with all that is needed to change it."""
    head = _head(row, sealer)
    return Stored(_item(row, head), head, row[3], row[8], row[12], row[9])


def with_content(row: Row, sealer: Sealer) -> tuple[Item, bytes]:
    """The object of a row of `WITH_CONTENT`, and its content."""
    head = _head(row, sealer)
    return _item(row, head), unseal(BlobId(head.sealed_as), head.key, bytes(row[14]))


def by_digests(count: int) -> tuple[int, Statement]:
    """A statement that reads so many objects with content by their names, or a step of them."""
    step = next((one for one in _STEPS if one >= count), _STEPS[-1])
    return step, _by_digests(step)


def steps(digests: Sequence[int]) -> Iterator[tuple[Statement, dict[str, int]]]:
    """What to run with which parameters to read all of these; the last one fills up a step."""
    at = 0
    while at < len(digests):
        step, statement = by_digests(len(digests) - at)
        part = digests[at : at + step]
        at += step
        named = {f"digest{number}": one for number, one in enumerate(part)}
        named |= {f"digest{number}": part[-1] for number in range(len(part), step)}
        yield statement, named


def opened(rows: Iterable[Row], sealer: Sealer) -> list[Item]:
    """The objects of rows of `COLUMNS`."""
    return [item_of(row, sealer) for row in rows]


@cache
def _by_digests(step: int) -> Statement:
    wanted: list[BindParameter[int]] = [bindparam(f"digest{number}") for number in range(step)]
    return Statement(
        # Without `+ 0` SQLite reads the whole collection: it takes any table for a small one.
        WITH_CONTENT.where(
            i.collection_id + 0 == bindparam("collection"), i.href_digest.in_(wanted)
        )
    )


def _head(row: Row, sealer: Sealer) -> Head:
    return open_head(sealer, row[0], row[13])


def _item(row: Row, head: Head) -> Item:
    first, last, tag = row[4], row[5], row[9]
    return Item(
        row[0],
        row[1],
        head.href,
        ItemFacts(
            head.uid,
            _KINDS[row[6]],
            None if first == NO_FIRST else first,
            None if last == NO_LAST else last,
            head.addresses,
        ),
        row[2],
        row[7],
        f"{row[8]:x}",
        None if tag is None else f"{tag:x}",
        row[10],
        row[11],
    )
