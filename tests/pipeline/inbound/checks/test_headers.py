"""Each sign in a header and in a subject, and the same message without it."""

import pytest

from kit.checks import arrival
from kit.clock import FakeClock
from pillarbox.domain.judgement.model import Kind
from pillarbox.pipeline.inbound.checks import headers, subject
from pillarbox.pipeline.inbound.checks.headers import HeaderCheck

# The clock of tests stands at 2026-01-01 12:00 UTC.
FIELDS = {
    "From": "Ann <ann@sender.test>",
    "To": "bob@example.test",
    "Subject": "Lunch on Friday",
    "Date": "Thu, 1 Jan 2026 11:58:00 +0000",
    "Message-ID": "<20260101.1@sender.test>",
}
HOP = "from a.test by b.test; Thu, 1 Jan 2026 11:59:00 +0000"
MANY = ", ".join(f"u{n}@x.test" for n in range(60))


def message(changed: dict[str, str | None]) -> bytes:
    fields = {**FIELDS, **changed}
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join([*lines, "", "See you there.", ""]).encode("utf-8", "surrogateescape")


async def names(content: bytes, to: tuple[str, ...] = ("bob@example.test",)) -> set[str]:
    check = HeaderCheck(FakeClock())
    found = await check.run(arrival(content, to=to))
    assert {one.name for one in found} <= {kind.name for kind in check.kinds}
    return {one.name for one in found}


SIGNS: list[tuple[Kind, dict[str, str | None]]] = [
    (headers.MISSING_DATE, {"Date": None}),
    (headers.DATE_UNREADABLE, {"Date": "yesterday"}),
    (headers.DATE_AHEAD, {"Date": "Sat, 3 Jan 2026 12:00:00 +0000"}),
    (headers.DATE_BEHIND, {"Date": "Mon, 1 Dec 2025 12:00:00 +0000"}),
    (headers.MISSING_MESSAGE_ID, {"Message-ID": None}),
    (headers.MESSAGE_ID_MALFORMED, {"Message-ID": "1@sender.test"}),
    (headers.MISSING_FROM, {"From": None}),
    (headers.MISSING_FROM, {"From": "Ann"}),
    (headers.FROM_REPEATED, {"from": "x@evil.test"}),
    (headers.SEVERAL_AUTHORS, {"From": "ann@sender.test, eve@sender.test"}),
    (headers.HEADER_REPEATED, {"subject": "Another"}),
    (headers.HEADER_REPEATED, {"date": "Thu, 1 Jan 2026 11:58:00 +0000"}),
    (headers.MISSING_TO, {"To": None}),
    (headers.TOO_MANY_RECIPIENTS, {"Cc": MANY}),
    (headers.REPLY_TO_FREE_MAIL, {"Reply-To": "ann123@gmail.com"}),
    (headers.REPLY_TO_FREE_MAIL, {"From": "a@yahoo.com", "Reply-To": "a@gmail.com"}),
    (headers.RECEIVED_MANY, {f"Received{' ' * n}": HOP for n in range(40)}),
    (headers.RECEIVED_ODD, {"Received": "from nowhere"}),
    (headers.RECEIVED_AHEAD, {"Received": HOP.replace("Jan", "Feb")}),
    (headers.CONTROL_CHARACTERS, {"X-Odd": "a\x01b"}),
    (headers.CONTROL_CHARACTERS, {"X-Odd": "a\rb"}),
    (headers.RAW_BYTES, {"X-Odd": "a\udcffb"}),
    (headers.MAILER_FAKED, {"X-Mailer": "iPhone Mail (20A362)"}),
    (headers.MAILER_FAKED, {"User-Agent": "Mozilla Thunderbird"}),
    (headers.OLD_MAILER, {"X-Mailer": "Microsoft Outlook Express 6.00.2600.0000"}),
    (headers.BULK_UNSUBSCRIBE, {"Precedence": "bulk"}),
    (
        headers.LIST_MAIL,
        {"List-Unsubscribe": "<https://x.test/u>", "List-Unsubscribe-Post": "One-Click"},
    ),
    (headers.MARKED_AS_SPAM, {"X-Spam-Flag": "YES"}),
    (headers.MARKED_AS_SPAM, {"X-Spam-Status": "Yes, score=9"}),
    (subject.MISSING_SUBJECT, {"Subject": None}),
    (subject.MISSING_SUBJECT, {"Subject": " "}),
    (subject.ALL_CAPS, {"Subject": "YOU HAVE WON THE PRIZE"}),
    (subject.ALL_CAPS, {"Subject": "Re: ПОЗДРАВЛЯЕМ ПОБЕДИТЕЛЯ"}),
    (subject.SHOUTS, {"Subject": "Buy now!!! Cheap"}),
    (subject.SPACED, {"Subject": "Get your V I A G R A S today"}),
    (subject.UNSEEN, {"Subject": "Pay\u200bPal account"}),
    (subject.UNSEEN, {"Subject": "invoice \u202efdp"}),
    (subject.MIXED, {"Subject": "Yоur pаypаl account"}),
    (subject.NEEDLESSLY_ENCODED, {"Subject": "=?utf-8?B?WW91ciBhY2NvdW50?="}),
    (subject.REPLY_FAKED, {"Subject": "Re: our call"}),
    (subject.NAMES_RECIPIENT, {"Subject": "For bob@example.test"}),
    (subject.GAP, {"Subject": "Offer" + " " * 20 + "x7f"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "changed"), SIGNS)
async def test_a_sign_is_found(kind: Kind, changed: dict[str, str | None]) -> None:
    assert kind.name in await names(message(changed))


def test_every_kind_is_tried() -> None:
    tried = {kind for kind, _ in SIGNS} | {headers.UNNAMED_RECIPIENTS}
    assert tried == set(headers.KINDS)


async def test_recipients_may_be_hidden_from_few_but_not_from_many() -> None:
    hidden = message({"To": "undisclosed-recipients:;"})
    many = tuple(f"u{n}@example.test" for n in range(6))
    assert await names(hidden) == set()
    assert await names(hidden, many) == {headers.UNNAMED_RECIPIENTS.name}


NO_SIGNS: list[dict[str, str | None]] = [
    {},
    {"Date": "Thu, 1 Jan 2026 23:30:00 +1300"},
    {"From": "ann@sender.test, eve@sender.test", "Sender": "ann@sender.test"},
    {"Reply-To": "ann.private@sender.test"},
    {"From": "a@gmail.com", "Reply-To": "other@gmail.com"},
    {"Reply-To": "list-owner@gmail.com", "List-Id": "<l.sender.test>"},
    {"Received": HOP},
    {"Received": HOP.replace(" by ", "\r\n\tby\r\n\t")},
    {"Received": "(qmail 12 invoked by uid 89); 1 Jan 2026 11:59:00 -0000"},
    {"X-Mailer": "iPhone Mail (20A362)",
     "Message-ID": "<0A1B2C3D-1111-2222-3333-0123456789AB@sender.test>"},
    {"User-Agent": "Mozilla Thunderbird",
     "Message-ID": "<0a1b2c3d-1111-2222-3333-0123456789ab@sender.test>"},
    {"X-Mailer": "Microsoft Outlook 16.0",
     "Message-ID": "<000001da3c5b$8b0d5a70$a1280f50$@sender.test>"},
    {"Precedence": "bulk", "Auto-Submitted": "auto-replied"},
    {"Precedence": "list", "List-Unsubscribe": "<mailto:l-leave@x.test>"},
    {"X-Spam-Flag": "NO"},
    {"X-Spam-Status": "No, score=-1"},
    {"Subject": "NASA und ESA"},
    {"Subject": "URGENT"},
    {"Subject": "Re: our call", "In-Reply-To": "<1@x.test>"},
    {"Subject": "Vielen Dank! Bis Freitag!"},
    {"Subject": "=?utf-8?B?R3LDvMOfZSBhdXMgV2llbg==?="},
    {"Subject": "👨\u200d👩\u200d👧 Familienfest"},
    {"Subject": "می\u200cخواهم"},
    {"Subject": "שלום \u200fABC\u200f"},
    {"Subject": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f Edinburgh"},
    {"Subject": "HTML-страница и iPhone"},
    {"X-Name": "Grüße"},
    {"X-Jis": "\x1b$B%K\x1b(B"},
]  # fmt: skip


@pytest.mark.parametrize("changed", NO_SIGNS)
async def test_ordinary_headers_have_no_sign(changed: dict[str, str | None]) -> None:
    assert await names(message(changed)) == set()


async def test_without_content_nothing_is_found() -> None:
    check = HeaderCheck(FakeClock())
    assert await check.run(arrival()) == ()
    assert check.failed(arrival(), "too slow") == ()
