"""Importing files of calendar objects and cards: what can be stored is, the rest is reported.

Nobody is told of meetings that are imported. Objects go in many to a transaction; where one can't
be stored the others still are.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from enum import StrEnum
from itertools import islice
from uuid import uuid4

from pillarbox.base.errors import Denied, Failure, GrammarError, NotFound, OverQuota, TooLarge
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections import listing
from pillarbox.domain.collections.model import (
    Access,
    CollectionKind,
    CollectionReadOnly,
    ComponentKind,
    Condition,
    Item,
    ItemInvalid,
    Properties,
    Right,
    ScheduleTag,
    Source,
)
from pillarbox.formats.content_line import ContentLine, decode_text
from pillarbox.formats.ical.component import parse_calendar
from pillarbox.formats.ical.filter import CompFilter, TimeRange
from pillarbox.formats.ical.matching import matches
from pillarbox.formats.ical.object import components_of
from pillarbox.formats.ical.recurrence import Budget
from pillarbox.formats.ical.split import calendar_properties, split_objects
from pillarbox.formats.ical.zones import Zones, named_zone
from pillarbox.formats.mime.words import decode_raw
from pillarbox.formats.vcard.card import Card, completed, parse_card, read_card, split_cards
from pillarbox.pipeline.collections.places import Place
from pillarbox.pipeline.collections.reading import Reader, Reading
from pillarbox.pipeline.collections.storing import store
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

MAX_BYTES = 512 << 20
"""Of a file."""
MAX_REFUSALS_TOLD = 1000
_AT_ONCE = 50
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_@=-][A-Za-z0-9._@=+-]{0,199}")
_ENDINGS = {CollectionKind.CALENDAR: ".ics", CollectionKind.ADDRESS_BOOK: ".vcf"}
_TITLES = ("SUMMARY", "FN", "N")
_TITLE_CHARACTERS = 300
_PROPERTY_CHARACTERS = 10_000
_LOOKED_AT = 256 * 1024
_RULE = "valid-calendar-data"
_COLOR = re.compile(r"#[0-9A-Fa-f]{6}(?:[0-9A-Fa-f]{2})?")
_SAYS = {
    "X-WR-CALNAME": "display_name",
    "NAME": "display_name",
    "X-WR-CALDESC": "description",
    "DESCRIPTION": "description",
    "X-APPLE-CALENDAR-COLOR": "color",
    "X-WR-TIMEZONE": "timezone_id",
}


class Existing(StrEnum):
    """What becomes of an object whose UID the collection has already."""

    SKIP = "skip"
    REPLACE = "replace"
    KEEP_BOTH = "keep-both"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which objects of a file to import; what is `None` rules none out.

    `window` goes by the occurrences of calendar objects; times without a zone are in `zone`.
    """

    uids: frozenset[str] | None = None
    components: ComponentKind | None = None
    window: TimeRange | None = None
    zone: tzinfo = UTC


EVERYTHING = Wanted()


@dataclass(frozen=True, slots=True)
class Refusal:
    """An object that was not imported, and why; `number` is its place in the file, from 1."""

    number: int
    uid: str
    title: str
    why: str


@dataclass(slots=True)
class Imported:
    """What came of importing a file; with `dry_run` what would have."""

    dry_run: bool = False
    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    skipped: int = 0
    """Their UID was there already."""
    passed_over: int = 0
    """Not wanted."""
    refused: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    """The first of those refused."""

    def refuse(self, number: int, content: bytes, why: str) -> None:
        """Note an object that can't be stored."""
        self.refused += 1
        if len(self.refusals) < MAX_REFUSALS_TOLD:
            uid, title = _about(content)
            self.refusals.append(Refusal(number, uid, title, why))


@dataclass(frozen=True, slots=True)
class _Object:
    """An object that can be stored; `number` is its place in the file."""

    number: int
    reading: Reading

    @property
    def uid(self) -> str:
        return self.reading.prepared.facts.uid


class Importer:
    """Imports for whoever acts; one for a process."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys
        self._reader = Reader()

    async def run(
        self,
        actor: Actor,
        place: Place,
        content: bytes,
        existing: Existing = Existing.SKIP,
        wanted: Wanted = EVERYTHING,
        dry_run: bool = False,
    ) -> Imported:
        """Import an .ics file into a calendar, or a .vcf file into an address book.

        Raises `Denied`, `NotFound`, `CollectionReadOnly`, `TooLarge`, `OverQuota` (what was stored
        before stays), and `ItemInvalid` for what is no such file.
        """
        if len(content) > MAX_BYTES:
            raise TooLarge(f"A file to import has {MAX_BYTES >> 20} MB at most")
        run = _Run(place, existing, Imported(dry_run))
        access = await self._database.read(self._access, actor, place)
        objects = _Pieces(place.kind, content)
        while True:
            try:
                pieces = await asyncio.to_thread(objects.next, wanted)
            except GrammarError as error:
                if run.number == 0:
                    raise ItemInvalid(f"The file can't be read: {error.text}", _RULE) from error
                run.report.refuse(run.number + 1, b"", f"The rest can't be read: {error.text}")
                return run.report
            if not pieces:
                if run.number == 0 and place.kind is CollectionKind.ADDRESS_BOOK:
                    raise ItemInvalid("There are no cards in this file", _RULE)
                return run.report
            ready = [one for piece in pieces if (one := await self._read(run, access, piece))]
            if existing is Existing.KEEP_BOTH:
                ready = await self._apart(actor, run, ready)
            await self._store(actor, run, ready)

    async def _read(self, run: "_Run", access: Access, piece: bytes | None) -> "_Object | None":
        run.number += 1
        if piece is None:
            run.report.passed_over += 1
            return None
        try:
            if run.place.kind is CollectionKind.ADDRESS_BOOK:
                piece = await asyncio.to_thread(_whole_card, piece)
            reading = await self._reader.read(run.place.kind, piece)
        except (GrammarError, Failure) as error:
            why = error.public if isinstance(error, Failure) else error.text
            run.report.refuse(run.number, piece, why)
            return None
        component = reading.prepared.facts.component
        if component not in access.collection.components:
            run.report.refuse(run.number, piece, f"The collection takes no {component.name}")
            return None
        return _Object(run.number, reading)

    async def _apart(self, actor: Actor, run: "_Run", objects: "list[_Object]") -> "list[_Object]":
        """The same, with other UIDs where they are taken."""
        uids = [one.uid for one in objects]
        taken = await self._database.read(self._taken, actor, run.place, uids)
        found = []
        for one in objects:
            if one.uid in taken or one.uid in run.seen:
                kind = run.place.kind
                content = await asyncio.to_thread(_renamed, kind, one.reading.content)
                one = _Object(one.number, await self._reader.read(kind, content))
            run.seen.add(one.uid)
            found.append(one)
        return found

    async def _store(self, actor: Actor, run: "_Run", objects: "list[_Object]") -> None:
        call = self._database.read if run.report.dry_run else self._database.write
        try:
            run.count(await call(self._put, actor, run, objects) if objects else [])
        except (NotFound, Denied):
            raise
        except Failure:
            # One of them can't be stored; which one is found by storing each alone.
            for one in objects:
                try:
                    run.count(await call(self._put, actor, run, [one]))
                except (NotFound, Denied, OverQuota):
                    raise
                except Failure as failure:
                    run.report.refuse(one.number, one.reading.content, failure.public)
        run.seen.update(one.uid for one in objects)

    # What runs in transactions.

    def _access(self, tx: Tx, actor: Actor, place: Place) -> Access:
        access = place.require(tx, self._keys, actor, Right.READ)
        if access.collection.source is not Source.OWN:
            raise CollectionReadOnly("The server alone writes what is in this collection")
        return place.require(tx, self._keys, actor, Right.WRITE)

    def _taken(self, tx: Tx, actor: Actor, place: Place, uids: list[str]) -> set[str]:
        access = place.require(tx, self._keys, actor, Right.WRITE)
        return {uid for uid in uids if listing.by_uid(tx, self._keys, access.collection, uid)}

    def _put(self, tx: Tx, actor: Actor, run: "_Run", objects: "list[_Object]") -> list[str]:
        """Store objects; what becomes of each: a counter of `Imported`."""
        access = run.place.require(tx, self._keys, actor, Right.WRITE)
        outcomes = []
        now: set[str] = set()
        for one in objects:
            there = listing.by_uid(tx, self._keys, access.collection, one.uid)
            # Where nothing is stored, a UID that comes twice has to be known by itself.
            known = there is not None or (
                run.report.dry_run and (one.uid in now or one.uid in run.seen)
            )
            now.add(one.uid)
            if not known or run.existing is Existing.KEEP_BOTH:
                outcome = "added"
            elif run.existing is Existing.SKIP:
                outcome = "skipped"
            else:
                outcome = self._replacing(tx, access, there, one)
            outcomes.append(outcome)
            if not run.report.dry_run and outcome in ("added", "replaced"):
                self._put_one(tx, access, there, one)
        return outcomes

    def _replacing(self, tx: Tx, access: Access, there: Item | None, one: "_Object") -> str:
        if there is None:
            return "replaced"
        read = listing.read(tx, self._keys, access.collection, [there.href])
        same = any(content == one.reading.content for _, content in read)
        return "unchanged" if same else "replaced"

    def _put_one(self, tx: Tx, access: Access, there: Item | None, one: "_Object") -> None:
        keys, reading = self._keys, one.reading
        if there is not None:
            tag = ScheduleTag.NONE if there.schedule_tag is None else ScheduleTag.KEEP
            store(tx, keys, access, there.href, reading, tag=tag)
            return
        kind = access.collection.kind
        href = href_of(one.uid, kind)
        if listing.get(tx, keys, access.collection, href) is not None:
            href = f"{uuid4()}{_ENDINGS[kind]}"
        store(tx, keys, access, href, reading, Condition(if_none_match=("*",)))


@dataclass(slots=True)
class _Run:
    """One import: where it goes, how far it is, and the UIDs it had."""

    place: Place
    existing: Existing
    report: Imported
    number: int = 0
    seen: set[str] = field(default_factory=set)

    def count(self, outcomes: list[str]) -> None:
        for outcome in outcomes:
            setattr(self.report, outcome, getattr(self.report, outcome) + 1)


def href_of(uid: str, kind: CollectionKind) -> str:
    """The name of an object in its collection: its UID where that can be one, else a digest."""
    if _PLAIN_NAME.fullmatch(uid) is None:
        uid = hashlib.sha256(uid.encode("utf-8", "replace")).hexdigest()[:40]
    return uid + _ENDINGS[kind]


def properties_of(content: bytes) -> Properties:
    """What a calendar file says of the calendar: its name, description, colour and time zone."""
    try:
        lines = calendar_properties(_in_utf8(content))
    except GrammarError:
        return Properties()
    told: dict[str, str] = {}
    for line in lines:
        name = _SAYS.get(line.name)
        value = decode_text(line.value).strip()[:_PROPERTY_CHARACTERS]
        if name is not None and value:
            told.setdefault(name, value)
    color = told.get("color", "")
    zone = told.get("timezone_id", "")
    return Properties(
        display_name=told.get("display_name"),
        description=told.get("description"),
        color=color if _COLOR.fullmatch(color) else None,
        timezone_id=zone if named_zone(zone) is not None else None,
    )


class _Pieces:
    """The objects of a file, some at a time; what comes before a fault is told before it."""

    def __init__(self, kind: CollectionKind, content: bytes) -> None:
        self._content = content
        self._kind = kind
        self._objects: Iterator[bytes] | None = None
        self._fault: GrammarError | None = None

    def next(self, wanted: Wanted) -> list[bytes | None]:
        """The next objects, `None` for those not wanted; raises `GrammarError`."""
        if self._fault is not None:
            raise self._fault
        if self._objects is None:
            self._objects = self._begin()
        found: list[bytes | None] = []
        try:
            for one in islice(self._objects, _AT_ONCE):
                found.append(one if _is_wanted(one, wanted) else None)  # noqa: PERF401
        except GrammarError as error:
            self._fault = error
            if not found:
                raise
        return found

    def _begin(self) -> Iterator[bytes]:
        if self._kind is CollectionKind.ADDRESS_BOOK:
            return split_cards(self._content)
        return (one for _, one in split_objects(_in_utf8(self._content)))


def _is_wanted(content: bytes, wanted: Wanted) -> bool:
    if wanted.uids is not None and _about(content)[0] not in wanted.uids:
        return False
    if wanted.components is None and wanted.window is None:
        return True
    try:
        calendar = parse_calendar(content)
        parts = components_of(calendar)
        name = parts[0].name if parts else ""
        if wanted.components is not None and (
            name not in ComponentKind.__members__ or not ComponentKind[name] & wanted.components
        ):
            return False
        if wanted.window is None or not name:
            return True
        asked = CompFilter("VCALENDAR", comps=(CompFilter(name, time_range=wanted.window),))
        return matches(asked, calendar, Zones(calendar, wanted.zone), Budget())
    except GrammarError:
        return True  # what is wrong with it is reported when it is read


def _in_utf8(content: bytes) -> bytes:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace").encode("utf-8", "replace")
    try:
        # Folds may cut a character in two.
        re.sub(rb"\r*\n[ \t]", b"", content).decode("utf-8")
    except UnicodeDecodeError:
        return decode_raw(content).encode("utf-8", "replace")
    return content


def _whole_card(content: bytes) -> bytes:
    """A card of a file as it is stored: unchanged where it has all it needs."""
    if not content.endswith(b"\n"):
        content = content.rstrip(b"\r") + b"\r\n"
    try:
        card = parse_card(content)
    except GrammarError:
        return completed(read_card(content)).written()
    whole = completed(card)
    return content if whole is card else whole.written()


def _renamed(kind: CollectionKind, content: bytes) -> bytes:
    """An object with another UID."""
    line = ContentLine("UID", str(uuid4()))
    if kind is CollectionKind.ADDRESS_BOOK:
        card = parse_card(content)
        kept = [line if one.name == "UID" else one for one in card.lines]
        return Card(card.version, kept).written()
    calendar = parse_calendar(content)
    for part in components_of(calendar):
        part.put(line)
    return calendar.written()


def _about(content: bytes) -> tuple[str, str]:
    """UID and title of an object, as far as they can be seen."""
    uid = title = ""
    depth = 0
    for line in _unfolded(content):
        name, _, value = line.partition(":")
        name = name.partition(";")[0].upper()
        depth += (name == "BEGIN") - (name == "END")
        if depth <= 2 and name == "UID" and not uid:
            uid = decode_text(value).strip()[:_TITLE_CHARACTERS]
        elif depth <= 2 and name in _TITLES and not title:
            title = decode_text(value).strip()[:_TITLE_CHARACTERS]
    return uid, title


def _unfolded(content: bytes) -> list[str]:
    """The lines of an object whose syntax may be wrong."""
    text = re.sub(rb"\r*\n[ \t]", b"", content[:_LOOKED_AT]).decode("utf-8", "replace")
    return text.splitlines()
