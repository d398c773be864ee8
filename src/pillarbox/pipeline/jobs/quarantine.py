"""Upkeep of the quarantine: what is kept too long goes, and users are told what is kept for them.

Two jobs of `runner`: `QuarantineUpkeep` every hour, `QuarantineDigest` too, which writes to nobody
more than once a day, and to nobody for whom nothing new was kept. Calls `domain/quarantine` and
`inbound/deliver`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Conflict, Failure
from pillarbox.base.ids import AccountId, IdSource, public_id
from pillarbox.base.log import logger
from pillarbox.domain.accounts.model import LocalTarget
from pillarbox.domain.quarantine import rows
from pillarbox.domain.quarantine.model import DAY_MS, KeptMessage, Reason
from pillarbox.domain.rescue import access
from pillarbox.formats.mime.date import format_date
from pillarbox.pipeline.inbound.deliver import Delivery, Parcel
from pillarbox.pipeline.inbound.message import Envelope, Origin, Recipient
from pillarbox.pipeline.inbound.quarantine import Quarantine
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

QUARANTINE_EVERY_S = 3600
STEP = 100
SHOWN_MOST = 100
LINE_CHARS = 200

_log = logger("jobs")


@dataclass(frozen=True, slots=True)
class QuarantineUpkeep:
    """Removes what was kept long enough, was driven out, or whose account is gone."""

    quarantine: Quarantine

    async def run(self) -> None:
        """Remove everything that is due; may be stopped and begun again at any point."""
        while await self.quarantine.tidy(STEP) == STEP:
            pass


@dataclass(frozen=True, slots=True)
class QuarantineDigest:
    """Tells users by mail what is kept for them; `domain` is that of the postmaster."""

    database: Database
    keys: KeyRing
    delivery: Delivery
    clock: Clock
    ids: IdSource
    hostname: str
    domain: str

    async def run(self) -> None:
        """Write to everyone who is to be told; may be stopped and begun again at any point."""
        after = AccountId(0)
        while True:
            told_before_ms = self.clock.now_ms() - DAY_MS
            news = await self.database.read(rows.with_news, after, told_before_ms, STEP)
            for account, told_ms, dropped in news:
                try:
                    await self._tell(account, told_ms, dropped)
                except Failure as failure:
                    why = failure.cause or failure.public
                    _log.warning("a user was not told what is kept", account=account, why=why)
            if len(news) < STEP:
                return
            after = news[-1][0]

    async def _tell(self, account: AccountId, told_ms: int | None, dropped: int) -> None:
        now_ms = self.clock.now_ms()  # what is kept from here on is for the next letter
        address, kept = await self.database.read(_kept_for, self.keys, account)
        fresh = [one for one in kept if one.kept_ms > (told_ms or 0)]
        if not address or not fresh:
            return

        def note(tx: Tx, noted: object) -> None:
            if not rows.note_told(tx, account, told_ms, now_ms):
                raise Conflict("Somebody else has told them")

        recipient = Recipient(address, (LocalTarget(account, address, None),), here=True)
        envelope = Envelope(Origin("", self.hostname, "LOCAL"), "", (recipient,))
        content = self._letter(address, fresh, len(kept), dropped)
        for failure in await self.delivery.deliver(Parcel(envelope, b"", content, note=note)):
            if failure is not None:
                raise failure

    def _letter(
        self, address: str, fresh: Sequence[KeptMessage], total: int, dropped: int
    ) -> bytes:
        count = len(fresh)
        message_id = public_id("", self.ids.next())
        lines = [
            f"From: Mail server <postmaster@{self.domain}>",
            f"To: <{address}>",
            f"Date: {format_date(self.clock.now())}",
            f"Message-ID: <{message_id}@{self.hostname}>",
            f"Subject: Kept back: {_messages(count)}",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 8bit",
            "",
            "These were kept back from your mailbox:",
            "",
        ]
        for one in fresh[-SHOWN_MOST:]:
            lines += _entry(one)
        if count > SHOWN_MOST:
            lines += [f"And {_messages(count - SHOWN_MOST)} more, older than these.", ""]
        if dropped:
            lines += [f"{_messages(dropped)} had to go early to make room.", ""]
        lines += [
            f"To have one of them, write its number to postmaster@{self.domain}, who can release",
            "it with: pillarbox quarantine release NUMBER",
            "",
            f"Kept back for you are now {_messages(total)}. You are told of new ones once a day.",
            "",
        ]
        return "\r\n".join(lines).encode()


def _kept_for(tx: Tx, keys: KeyRing, account: AccountId) -> tuple[str, list[KeptMessage]]:
    address = access.address_of(tx, account)
    return address, rows.list_of(tx, keys, account) if address else []


def _entry(one: KeptMessage) -> list[str]:
    kept = one.kept
    verdict = "accepted, but kept back" if one.reason is Reason.QUARANTINED else "refused"
    reasons = "; ".join(kept.why) or f"{kept.score:g} points"
    return [
        f"  Number:  {public_id('', one.id)}",
        f"  From:    {_line(kept.sender or kept.reverse_path or 'nobody')}",
        f"  Subject: {_line(kept.subject or '(none)')}",
        f"  Why:     {verdict}: it {_line(reasons)}",
        f"  Until:   {datetime.fromtimestamp(one.until_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC",
        "",
    ]


def _line(text: str) -> str:
    """Text of others in one short line, without what would change how the rest is shown."""
    words = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return words if len(words) <= LINE_CHARS else words[: LINE_CHARS - 1] + "…"


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"
