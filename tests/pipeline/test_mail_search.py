"""Searching by the index finds what reading every message finds: no miss and no false hit."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from kit import corpus
from kit.mail import EVERYTHING, MailAccount, content_store
from pillarbox.base.cache import ByteCache
from pillarbox.base.cpu import Line
from pillarbox.base.errors import Unavailable
from pillarbox.domain.accounts.owned import close_account
from pillarbox.domain.mail import copy, expunge, read, sweep
from pillarbox.domain.mail import query as q
from pillarbox.domain.mail.flags import FlagChange, change_flags
from pillarbox.domain.mail.index import store as index
from pillarbox.domain.mail.index.catch_up import Limits
from pillarbox.domain.mail.index.tables import index_marks as marks
from pillarbox.domain.mail.index.tables import index_sections as sections
from pillarbox.domain.mail.model import Flag, FlagSet
from pillarbox.domain.mail.query import Query
from pillarbox.domain.mail.search import scan
from pillarbox.formats.mime.scan import scan as scan_mime
from pillarbox.formats.mime.searchable import searchable
from pillarbox.formats.text.fold import folded
from pillarbox.pipeline.extraction import Extraction
from pillarbox.pipeline.jobs.indexing import Indexing
from pillarbox.pipeline.mail_search import MailSearch
from pillarbox.storage import leases
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

ROUNDS = 120


class PlainExtraction(Extraction):
    """Takes every document for plain text, without another process."""

    async def text(self, content_type: str, filename: str | None, data: bytes) -> str | None:
        return data.decode("utf-8", "replace")


@pytest.fixture
async def account(database: Database, tmp_path: Path) -> MailAccount:
    return await MailAccount.open(database, content_store(tmp_path / "blobs"))


@pytest.fixture
async def indexing(account: MailAccount) -> AsyncIterator[Indexing]:
    made = new_indexing(account)
    yield made
    await made.close()


def new_indexing(account: MailAccount, owner: str = "one", emails: int = 7) -> Indexing:
    """Indexing in small steps, so that there is much to merge."""
    cache = ByteCache(1 << 20)
    limits = Limits(emails=emails)
    return Indexing(account.database, account.store, cache, PlainExtraction(), owner, limits)


def new_search(account: MailAccount, indexing: Indexing | None) -> MailSearch:
    line = Line(2, 8)
    return MailSearch(account.database, account.store, line, ByteCache(1 << 20), indexing)


class Reading:
    """What a search finds, told by reading all mail: written apart from the search itself."""

    def __init__(self, content: bytes, uid: int, flags: int) -> None:
        found = searchable(content, scan_mime(content))
        self.uid = uid
        self.flags = flags
        self.size_bytes = len(content)
        self.headers = [(name, folded(value)) for name, value in found.headers]
        lines = [f"{folded(name)}: {value}" for name, value in self.headers]
        documents = "\n".join(
            part.content().decode("utf-8", "replace") for part in found.attachments
        )
        self.body = [
            *map(folded, (*found.texts, *found.filenames)),
            *(f"{folded(name)}: {folded(value)}" for name, value in found.nested_headers),
            folded(documents),
        ]
        self.text = [*lines, *self.body]

    def holds(self, query: Query) -> bool:  # noqa: C901
        match query:
            case q.And(parts):
                return all(map(self.holds, parts))
            case q.Or(parts):
                return any(map(self.holds, parts))
            case q.Not(part):
                return not self.holds(part)
            case q.HasFlag(flag):
                return bool(self.flags & flag)
            case q.InUids(ranges):
                return any(first <= self.uid <= last for first, last in ranges)
            case q.SizeOver(size_bytes):
                return self.size_bytes > size_bytes
            case q.Everything():
                return True
            case q.SentBetween():
                return False  # no message here has a date
            case q.Text(text):
                return not text or any(folded(text) in one for one in self.text)
            case q.Body(text):
                return not text or any(folded(text) in one for one in self.body)
            case q.Subject(text):
                return self._field("subject", text)
            case q.Address(name, text) | q.Header(name, text):
                return self._field(name.lower(), text)
        raise AssertionError(query)

    def _field(self, name: str, text: str) -> bool:
        return any(folded(text) in value for field, value in self.headers if field == name)


async def readings(account: MailAccount, name: str = "INBOX") -> list[Reading]:
    """Every message of a mailbox."""
    box = (await account.box(name)).id
    rows = await account.database.read(
        read.contents, account.store, account.id, box, EVERYTHING, False
    )
    flags = {uid: row[0] for uid, row in (await account.rows(name)).items()}
    return [Reading(content, uid, flags[uid]) for uid, content, _ in rows]


async def compare(
    account: MailAccount,
    search: MailSearch,
    source: random.Random,
    contents: list[bytes],
    rounds: int = ROUNDS,
    name: str = "INBOX",
) -> int:
    """Random searches against reading everything; gives how many messages were found."""
    box = (await account.box(name)).id
    all_of_it = await readings(account, name)
    total = 0
    for _ in range(rounds):
        query = corpus.query(source, contents)
        found = await search.find(account.id, box, query)
        expected = [one.uid for one in all_of_it if one.holds(query)]
        assert found.uids == expected, query
        total += len(expected)
    return total


async def fill(account: MailAccount, source: random.Random, count: int) -> list[bytes]:
    contents = [corpus.message(source) for _ in range(count)]
    for content in contents:
        flags = FlagSet(Flag.SEEN if source.randrange(2) else Flag.FLAGGED)
        await account.put(content, flags=flags)
    return contents


@pytest.mark.parametrize("seed", range(6))
async def test_as_by_reading(account: MailAccount, indexing: Indexing, seed: int) -> None:
    source = random.Random(seed)
    contents = await fill(account, source, 40)
    search = new_search(account, indexing)
    assert await compare(account, search, source, contents, 40)  # nothing is indexed yet
    assert await indexing.index(account.id)
    assert await compare(account, search, source, contents)
    # Some more, which is not indexed; some copied, moved and expunged meanwhile.
    contents += await fill(account, source, 10)
    inbox, trash = (await account.box()).id, (await account.box("Trash")).id
    await account.database.write(copy.copy, account.id, inbox, ((3, 20), (44, 46)), trash)
    await account.database.write(copy.move, account.id, inbox, ((30, 32), (47, 47)), trash)
    await account.do(change_flags, "INBOX", ((5, 9),), FlagChange.ADD, FlagSet(Flag.DELETED), None)
    await account.do(expunge.expunge, "INBOX", None)
    assert await compare(account, search, source, contents, 60)
    assert await compare(account, search, source, contents, 60, "Trash")
    assert await indexing.index(account.id)
    assert await compare(account, search, source, contents, 60)
    assert await compare(account, search, source, contents, 60, "Trash")
    assert await compare(account, new_search(account, None), source, contents, 30, "Trash")


@pytest.mark.parametrize("seed", range(2))
async def test_after_merges(account: MailAccount, seed: int) -> None:
    source = random.Random(100 + seed)
    indexing = new_indexing(account, emails=2)
    contents: list[bytes] = []
    for _ in range(5):
        contents += await fill(account, source, 9)
        await indexing.index(account.id)
    segments = await account.database.read(index.segments, account.id)
    assert sum(one.emails for one in segments) == 45
    assert any(one.emails >= 13 for one in segments)
    assert len(segments) < 20
    assert await compare(account, new_search(account, indexing), source, contents)
    await indexing.close()


async def test_deleted_mail_leaves_the_index(
    account: MailAccount, indexing: Indexing, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = random.Random(7)
    contents = await fill(account, source, 40)
    await indexing.index(account.id)
    await account.do(expunge.remove, "INBOX", ((1, 30),))
    before = await account.database.read(index.segments, account.id)
    later_ms = 1 << 50
    await account.database.write(sweep.sweep, account.store.blobs, later_ms, 100)
    monkeypatch.setattr("pillarbox.domain.mail.index.catch_up.bloated", lambda tx: [account.id])
    await indexing.upkeep()
    after = await account.database.read(index.segments, account.id)
    assert sum(one.emails for one in before) == 40
    assert sum(one.emails for one in after) == 10
    assert sum(one.size_bytes for one in after) < sum(one.size_bytes for one in before)
    assert await compare(account, new_search(account, indexing), source, contents, 60)


async def test_nothing_is_left_of_an_account(account: MailAccount, indexing: Indexing) -> None:
    await fill(account, random.Random(3), 10)
    await indexing.index(account.id)
    await account.database.write(index.drop, account.id)
    assert await account.database.read(index.segments, account.id) == []
    assert await account.database.read(index.lagging) == {account.id: 10}


async def test_copies_are_indexed_once(account: MailAccount, indexing: Indexing) -> None:
    await fill(account, random.Random(3), 10)
    await indexing.index(account.id)
    inbox, trash = (await account.box()).id, (await account.box("Trash")).id
    await account.database.write(copy.copy, account.id, inbox, ((1, 10),), trash)
    assert await account.database.read(index.lagging) == {account.id: 10}
    await indexing.index(account.id)
    assert await account.database.read(index.lagging) == {}
    segments = await account.database.read(index.segments, account.id)
    assert sum(one.emails for one in segments) == 10


async def test_one_process_at_a_time(account: MailAccount, indexing: Indexing) -> None:
    await fill(account, random.Random(3), 20)
    other = new_indexing(account, "other")
    first = indexing.index(account.id)
    done = await asyncio.gather(first, other.index(account.id))
    assert any(done)
    segments = await account.database.read(index.segments, account.id)
    assert sum(one.emails for one in segments) == 20
    await other.close()


async def test_scan_is_the_reference(account: MailAccount, indexing: Indexing) -> None:
    source = random.Random(11)
    contents = await fill(account, source, 15)
    await indexing.index(account.id)
    box = (await account.box()).id
    everything = await readings(account)
    cache = ByteCache(1 << 20)
    for _ in range(60):
        query = corpus.query(source, contents)
        found = await account.database.read(scan, account.store, cache, account.id, box, query)
        assert found.uids == [one.uid for one in everything if one.holds(query)], query


def letter(subject: str, body: str) -> bytes:
    return f"From: ann@ex.test\r\nSubject: {subject}\r\n\r\n{body}\r\n".encode()


async def test_nothing_is_missed_while_mail_moves(account: MailAccount) -> None:
    """What was there when a search began, and stayed, is found whatever goes on."""
    indexing = new_indexing(account, emails=3)
    search = new_search(account, indexing)
    inbox, trash = (await account.box()).id, (await account.box("Trash")).id
    stays: list[int] = []
    ended = asyncio.Event()

    async def come_and_go() -> None:
        for number in range(40):
            stays.append((await account.put(letter("stays", f"keeper {number}"))).uid)
            passing = (await account.put(letter("goes", f"keeper {number}"))).uid
            back = await account.database.write(
                copy.move, account.id, inbox, ((passing, passing),), trash
            )
            if number % 3 == 0:
                await account.database.write(copy.copy, account.id, trash, ((1, 2),), inbox)
            if number % 5 == 0:
                await account.do(expunge.remove, "Trash", ((back.uids[0], back.uids[0]),))
        ended.set()

    async def index_all() -> None:
        while not ended.is_set():
            await indexing.index(account.id)
            await asyncio.sleep(0)

    async def look() -> int:
        searches = 0
        while not ended.is_set():
            before = set(stays)
            found = await search.find(account.id, inbox, q.Subject("stay"))
            assert before <= set(found.uids)
            last = max(stays, default=0)
            assert {uid for uid in found.uids if uid <= last} <= set(stays)
            wide = await search.find(account.id, inbox, q.Body("eeper 1"))
            assert {uid for uid in before if stays.index(uid) in range(10, 20)} <= set(wide.uids)
            searches += 1
        return searches

    _, _, searches = await asyncio.gather(come_and_go(), index_all(), look())
    assert searches > 5
    await indexing.close()


async def test_much_is_indexed_before_it_is_searched(
    account: MailAccount, indexing: Indexing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pillarbox.pipeline.mail_search.INDEX_FIRST_FROM", 20)
    search = new_search(account, indexing)
    told: list[tuple[int, int]] = []

    async def find() -> list[int]:
        box = (await account.box()).id
        found = await search.find(
            account.id, box, q.Text("noodle"), lambda done, total: told.append((done, total))
        )
        return found.uids

    for number in range(25):
        await account.put(letter(f"number {number}", "noodles" if number % 5 else "rice"))
        if number == 10:
            assert len(await find()) == 8
            assert await account.database.read(index.segments, account.id) == []
    assert len(await find()) == 20
    assert await account.database.read(index.lagging) == {}
    assert told[-1] == (25, 25)


async def test_very_much_is_read_rather_than_waited_for(
    account: MailAccount, indexing: Indexing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pillarbox.pipeline.mail_search.INDEX_FIRST_FROM", 2)
    monkeypatch.setattr("pillarbox.pipeline.mail_search.INDEX_FIRST_UP_TO", 4)
    for number in range(5):
        await account.put(letter(f"number {number}", "noodles"))
    box = (await account.box()).id
    search = new_search(account, indexing)
    assert (await search.find(account.id, box, q.Text("noodle"))).uids == [1, 2, 3, 4, 5]
    assert await account.database.read(index.segments, account.id) == []
    monkeypatch.setattr("pillarbox.pipeline.jobs.indexing.QUIET_S", 0.0)
    monkeypatch.setattr("pillarbox.pipeline.jobs.indexing.FEW", 0)
    await indexing.run_noted()  # it was noted to be done
    assert await account.database.read(index.lagging) == {}


async def test_without_a_lease_all_is_read(
    account: MailAccount, indexing: Indexing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pillarbox.pipeline.mail_search.INDEX_FIRST_FROM", 2)
    for number in range(5):
        await account.put(letter(f"number {number}", "noodles"))
    await account.database.write(leases.take, f"index {account.id}", "another", 60_000)
    box = (await account.box()).id
    found = await new_search(account, indexing).find(account.id, box, q.Text("noodle"))
    assert found.uids == [1, 2, 3, 4, 5]
    assert await account.database.read(index.segments, account.id) == []


FUZZY: list[tuple[q.Query, dict[int, int]]] = [
    (q.Text("noodle"), {1: 100, 2: 80}),
    (q.Text("nodles"), {1: 80}),
    (q.Text("noodels"), {1: 80, 2: 80}),
    (q.Subject("informatino"), {3: 80}),
    (q.Subject("infromatino"), {3: 60}),
    (q.Text("information"), {3: 100}),
    (q.Text("lunch nodles"), {1: 90}),
    (q.Text("noodles lunch"), {1: 95}),
    (q.Header("x-tag", "crimsn"), {2: 80}),
    (q.Header("x-other", "crimsn"), {}),
    (q.Body("xyz"), {}),
    (q.Body(""), {1: 100, 2: 100, 3: 100}),
    (q.Text("@"), {1: 100, 2: 100, 3: 100}),
    (q.Text("%"), {}),
]


async def test_fuzzy(account: MailAccount, indexing: Indexing) -> None:
    await account.put(letter("Lunch", "noodles for all"))
    await account.put(b"X-Tag: Crimson\r\n" + letter("dinner", "noodls anyone"))
    await account.put(letter("Information", "cat"))
    box = (await account.box()).id
    search = new_search(account, indexing)
    expected = [dict(ratings) for _, ratings in FUZZY]
    for is_indexed in (False, True):
        if is_indexed:
            await indexing.index(account.id)
        found = [await search.find(account.id, box, q.Fuzzy(query)) for query, _ in FUZZY]
        assert [dict(one.relevancy) for one in found] == expected
        assert [one.uids for one in found] == [sorted(ratings) for ratings in expected]
    assert not (await search.find(account.id, box, q.Text("noodle"))).relevancy


class DeadExtraction(Extraction):
    """Can never tell."""

    async def text(self, content_type: str, filename: str | None, data: bytes) -> str | None:
        raise Unavailable("The child has died")


async def test_fuzzy_finds_nothing_in_attachments_that_were_not_read(account: MailAccount) -> None:
    source = random.Random(2)
    while b"application/pdf" not in (content := corpus.message(source)):
        pass
    await account.put(content)
    cache = ByteCache(1 << 20)
    indexing = Indexing(account.database, account.store, cache, DeadExtraction(), "one")
    await indexing.index(account.id)
    search = new_search(account, indexing)
    box = (await account.box()).id
    assert (await search.find(account.id, box, q.Fuzzy(q.Text("xylophonist")))).uids == []
    assert (await search.find(account.id, box, q.Fuzzy(q.Header("subject", "")))).uids == [1]
    await indexing.close()


async def test_documents_keep_no_search_waiting_for_long(
    account: MailAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = random.Random(2)
    while b"application/pdf" not in (content := corpus.message(source)):
        pass
    for _ in range(3):
        await account.put(content)
    box = (await account.box()).id
    busy, over = asyncio.Event(), asyncio.Event()

    class SlowExtraction(Extraction):
        """Reads until somebody says that it is over."""

        calls = 0

        async def text(self, content_type: str, filename: str | None, data: bytes) -> str | None:
            self.calls += 1
            busy.set()
            await over.wait()
            return None

    extraction = SlowExtraction()
    cache = ByteCache(1 << 20)
    indexing = Indexing(account.database, account.store, cache, extraction, "one")
    search = MailSearch(account.database, account.store, Line(1, 8), cache, indexing)
    slow = asyncio.ensure_future(search.find(account.id, box, q.Text("xylophonist")))
    await busy.wait()
    assert (await search.find(account.id, box, q.Header("from", "xylophonist"))).uids == []
    later = SimpleNamespace(monotonic=lambda: float("inf"))
    monkeypatch.setattr("pillarbox.pipeline.mail_search.time", later)
    over.set()
    assert (await slow).uids == []
    assert extraction.calls < 3
    await indexing.close()


async def test_documents_that_take_too_long_are_given_up(
    account: MailAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = b"--b\r\nContent-Type: application/pdf\r\n\r\n%%PDF %d\r\n"
    parts = b"".join(part % number for number in range(9))
    head = (
        b"Subject: many\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    )
    await account.put(head + parts + b"--b--\r\n")

    class HangingExtraction(Extraction):
        """Never finds anything."""

        calls = 0

        async def text(self, content_type: str, filename: str | None, data: bytes) -> str | None:
            self.calls += 1
            return None

    extraction = HangingExtraction()
    monkeypatch.setattr("pillarbox.pipeline.jobs.indexing.SLOW_FROM_S", 0.0)
    cache = ByteCache(1 << 20)
    indexing = Indexing(account.database, account.store, cache, extraction, "one")
    await indexing.index(account.id)
    assert extraction.calls == 3
    await indexing.close()


async def test_a_message_that_is_gone_does_not_end_searches(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await MailAccount.open(database, content_store(tmp_path / "blobs", 0))
    indexing = new_indexing(account)
    search = new_search(account, indexing)
    for number in range(4):
        await account.put(letter(f"number {number}", "noodles"))
    box = (await account.box()).id
    _, path = next(account.store.blobs.files())
    path.unlink()
    for is_indexed in (False, True):
        if is_indexed:
            await indexing.index(account.id)
        for query in (q.Text("noodle"), q.Not(q.Text("rice")), q.Fuzzy(q.Text("nodles"))):
            assert len((await search.find(account.id, box, query)).uids) == 3
    monkeypatch.setattr("pillarbox.domain.mail.search.UNREADABLE_MAX", 0)
    with pytest.raises(Unavailable):
        await search.find(account.id, box, q.Text("noodle"))
    await indexing.close()


async def test_text_of_attachments_goes_with_the_email(
    account: MailAccount, indexing: Indexing
) -> None:
    source = random.Random(2)
    while b"application/pdf" not in (content := corpus.message(source)):
        pass
    email = (await account.put(content)).email_id
    await indexing.index(account.id)
    keys = account.store.keys
    sealer = await account.database.read(index.sealer_of, keys, account.id)
    assert await account.database.read(index.attached, sealer, email)
    await account.do(expunge.remove, "INBOX", ((1, 1),))
    await account.database.write(sweep.sweep, account.store.blobs, 1 << 50, 100)
    assert await account.database.read(index.attached, sealer, email) is None
    # What was still being read meanwhile is not kept.
    sealed = index.seal_attached(sealer, email, "late")
    assert not await account.database.write(index.save_attached, email, sealed)
    assert await account.database.read(index.attached, sealer, email) is None


async def test_the_index_goes_with_the_account(account: MailAccount, indexing: Indexing) -> None:
    await fill(account, random.Random(3), 10)
    await indexing.index(account.id)
    before = await account.database.read(index.segments, account.id)
    await account.database.write(close_account, account.id)
    assert before
    assert await account.database.read(index.segments, account.id) == []
    tables = await account.database.read(_left_over)
    assert tables == (0, 0)


def _left_over(tx: Tx) -> tuple[int, int]:
    """Rows in the tables of sections and marks."""
    counts = [tx.select(select(func.count()).select_from(one)) for one in (sections, marks)]
    return counts[0][0][0], counts[1][0][0]
