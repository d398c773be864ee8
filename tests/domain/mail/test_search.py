"""Searching: every kind of query, on text in every kind of clothing."""

import base64
import quopri

import pytest

from kit.clock import FakeClock
from kit.mail import MailAccount
from pillarbox.base.cache import ByteCache
from pillarbox.base.errors import NotFound
from pillarbox.base.ids import AccountId
from pillarbox.domain.mail import query as q
from pillarbox.domain.mail.flags import FlagChange, change_flags
from pillarbox.domain.mail.model import Flag, FlagSet
from pillarbox.domain.mail.search import search

HOUR_MS = 3_600_000
GERMAN = "Grüße aus Köln, 10 € gespart. Straße"

PLAIN = (
    b"From: Ann Smith <ann@example.test>\r\nTo: Bob <bob@example.test>, carl@example.test\r\n"
    b"Cc: dora@example.test\r\nSubject: Lunch on Monday\r\nX-Tag: blue\r\n"
    b"Date: Thu, 01 Jan 2026 10:00:00 +0000\r\n\r\nShall we eat noodles?\r\n"
)
ENCODED = (
    "From: =?utf-8?B?" + base64.b64encode("Jürgen Müller".encode()).decode() + "?="
    " <j@example.test>\r\nSubject: =?iso-8859-1?Q?Sch=F6ne_Gr=FC=DFe?=\r\n"
    " =?utf-8?Q?_von_=E2=98=83?=\r\nDate: Fri, 02 Jan 2026 10:00:00 +0200\r\n"
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(GERMAN.encode()).decode()
).encode()
QUOTED = (
    b"Bcc: hidden@example.test\r\nSubject: parts\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable"
    b"\r\n\r\n"
    + quopri.encodestring("<p>Überraschung im <b>Büro</b></p>".encode("latin-1"))
    + b"\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
    b"\r\n" + base64.encodebytes(b"attached secret") + b"--b--\r\n"
)
NESTED = (
    b"Subject: forwarded\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    b"--x\r\n\r\nsee below\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n"
    b"From: inner@example.test\r\nSubject: deep =?utf-8?Q?=C3=9Cber?= thing\r\n\r\n"
    b"words of the inner message\r\n--x--\r\n"
)
BARE = b"X-Folded: folded\r\n over lines\r\n\r\nhardly a header\r\n"
MESSAGES = (PLAIN, ENCODED, QUOTED, NESTED, BARE)


@pytest.fixture
async def filled(account: MailAccount, clock: FakeClock) -> MailAccount:
    for number, content in enumerate(MESSAGES):
        flags = FlagSet(Flag(1 << number), ("Work",) if number == 1 else ())
        await account.put(content, flags=flags, internal_ms=number * HOUR_MS)
        clock.advance(hours=1)
    return account


async def found(account: MailAccount, query: q.Query) -> list[int]:
    box = (await account.box()).id
    outcome = await account.database.read(
        search, account.store, ByteCache(1 << 20), account.id, box, query
    )
    return outcome.uids


JAN_1 = 1_767_225_600_000
DAY_MS = 24 * HOUR_MS
CASES: list[tuple[q.Query, list[int]]] = [
    (q.Everything(), [1, 2, 3, 4, 5]),
    (q.And(()), [1, 2, 3, 4, 5]),
    (q.Or(()), []),
    (q.Not(q.Everything()), []),
    (q.HasFlag(Flag.SEEN), [1]),
    (q.HasFlag(Flag.DRAFT), [5]),
    (q.HasKeyword("WORK"), [2]),
    (q.HasKeyword("wor"), []),
    (q.Not(q.HasKeyword("work")), [1, 3, 4, 5]),
    (q.InUids(((2, 3), (5, 99))), [2, 3, 5]),
    (q.InUids(()), []),
    (q.Not(q.InUids(((2, 3), (5, 99)))), [1, 4]),
    (q.SizeOver(len(BARE)), [1, 2, 3, 4]),
    (q.SizeOver(len(BARE) - 1), [1, 2, 3, 4, 5]),
    (q.SizeUnder(len(BARE)), []),
    (q.SizeUnder(len(BARE) + 1), [5]),
    (q.InternalBetween(HOUR_MS, 3 * HOUR_MS), [2, 3]),
    (q.InternalBetween(None, HOUR_MS), [1]),
    (q.InternalBetween(4 * HOUR_MS, None), [5]),
    (q.SentBetween(JAN_1, JAN_1 + DAY_MS), [1]),
    (q.SentBetween(JAN_1 + DAY_MS + 8 * HOUR_MS, None), [2]),
    (q.SentBetween(None, None), [1, 2]),
    (q.SavedBetween(JAN_1 + 13 * HOUR_MS, JAN_1 + 15 * HOUR_MS), [2, 3]),
    (q.Header("x-tag", ""), [1]),
    (q.Header("X-Tag", "BLU"), [1]),
    (q.Header("x-tag", "red"), []),
    (q.Header("subject", ""), [1, 2, 3, 4]),
    (q.Header("Content-Type", "multipart"), [3, 4]),
    (q.Header("from", "smith"), [1]),
    (q.Header("From", "Ann Smith <ann@"), [1]),
    (q.Address("from", "MÜLLER"), [2]),
    (q.Address("from", "ann smith"), [1]),
    (q.Address("to", "carl@EXAMPLE"), [1]),
    (q.Address("cc", "dora"), [1]),
    (q.Address("bcc", "hidden"), [3]),
    (q.Address("to", "dora"), []),
    (q.Address("cc", ""), [1]),
    (q.Subject("lunch"), [1]),
    (q.Subject("schöne grüsse von"), [2]),
    (q.Subject("☃"), [2]),
    (q.Subject("GRÜSSE"), [2]),
    (q.Subject(""), [1, 2, 3, 4]),
    (q.Subject("iso-8859-1"), []),
    (q.Not(q.Subject("lunch")), [2, 3, 4, 5]),
    (q.Body("NOODLES"), [1]),
    (q.Body("lunch"), []),
    (q.Body("köln"), [2]),
    (q.Body("KO\u0308LN"), [2]),
    (q.Body("STRASSE"), [2]),
    (q.Body("10 €"), [2]),
    (q.Body("überraschung"), [3]),
    (q.Body("BÜRO"), [3]),
    (q.Body("attached secret"), []),
    (q.Body("inner message"), [4]),
    (q.Body("über thing"), [4]),
    (q.Body("hardly a"), [5]),
    (q.Body(""), [1, 2, 3, 4, 5]),
    (q.Not(q.Body("noodles")), [2, 3, 4, 5]),
    (q.Text("lunch"), [1]),
    (q.Text("müller"), [2]),
    (q.Text("x-tag: blue"), [1]),
    (q.Text("inner@example"), [4]),
    (q.Text("subject: deep über thing"), [4]),
    (q.Text("folded over"), [5]),
    (q.Header("x-folded", "folded over"), [5]),
    (q.Text("köln"), [2]),
    (q.Text("hidden@"), [3]),
    (q.Text("nowhere"), []),
    (q.And((q.Subject("lunch"), q.Body("noodles"))), [1]),
    (q.And((q.Subject("lunch"), q.Body("köln"))), []),
    (q.Or((q.Subject("lunch"), q.Body("köln"))), [1, 2]),
    (q.Or((q.HasFlag(Flag.DRAFT), q.Body("noodles"), q.Subject("parts"))), [1, 3, 5]),
    (q.Not(q.Or((q.Body("noodles"), q.Subject("parts")))), [2, 4, 5]),
    (q.And((q.InUids(((2, 5),)), q.Not(q.Body("köln")))), [3, 4, 5]),
    (q.And((q.InUids(((1, 3),)), q.InUids(((3, 5),)))), [3]),
    (q.And((q.InUids(((1, 1), (4, 5))), q.Text("e"))), [1, 4, 5]),
]


async def test_queries(filled: MailAccount) -> None:
    wrong = {
        repr(query): uids
        for query, expected in CASES
        if (uids := await found(filled, query)) != expected
    }
    assert wrong == {}


async def test_email_and_modseq(filled: MailAccount) -> None:
    rows = await filled.rows()
    assert await found(filled, q.ModseqFrom(rows[4][2])) == [4, 5]
    await filled.do(change_flags, "INBOX", ((2, 2),), FlagChange.ADD, FlagSet(Flag.FLAGGED), None)
    assert await found(filled, q.ModseqFrom(rows[5][2] + 1)) == [2]
    appended = await filled.put(PLAIN)
    assert await found(filled, q.EmailIs(appended.email_id)) == [6]


async def test_gaps_between_candidates(account: MailAccount) -> None:
    for number in range(1, 20):
        flags = FlagSet(Flag.SEEN if number % 3 else 0)
        await account.put(b"Subject: s\r\n\r\n" + b"word %d." % number * number, flags=flags)
    seen = [number for number in range(1, 20) if number % 3]
    assert await found(account, q.And((q.HasFlag(Flag.SEEN), q.Body("word")))) == seen
    some = q.InUids(((2, 4), (9, 12), (17, 17)))
    expected = [2, 4, 10, 11, 17]
    assert await found(account, q.And((some, q.HasFlag(Flag.SEEN), q.Body("WORD")))) == expected
    assert await found(account, q.And((some, q.Body("word 11.")))) == [11]
    assert await found(account, q.And((q.Subject("S"), q.Body("word 1.")))) == [1]


async def test_large_content_is_searched(account: MailAccount) -> None:
    await account.put(b"Subject: big\r\n\r\n" + b"filler line\r\n" * 2000 + b"needle\r\n")
    assert await found(account, q.Body("needle")) == [1]


async def test_unknown_account(account: MailAccount) -> None:
    await account.put()
    box = (await account.box()).id
    with pytest.raises(NotFound):
        await account.database.read(
            search, account.store, ByteCache(0), AccountId(9), box, q.Body("x")
        )
