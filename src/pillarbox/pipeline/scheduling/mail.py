"""Messages about meetings that came by mail: noted for their recipients, if their sender is proved.

Who is believed: the one address in From, where DMARC passes for it, or a signature or the
reverse-path of its domain does; or the user who submitted the mail. What the calendar says of its
sender is then held against that address. Called once mail is delivered, so nothing may fail by
this; the mail itself stays where it is.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from pillarbox.base.errors import GrammarError
from pillarbox.base.ids import AccountId
from pillarbox.base.log import logger
from pillarbox.domain.mail.content import is_quick
from pillarbox.domain.scheduling import messages
from pillarbox.domain.scheduling.model import NewMessage, Why
from pillarbox.formats.address import mailboxes, parse_address_list
from pillarbox.formats.imip import calendar_parts
from pillarbox.formats.itip.address import bare_address
from pillarbox.formats.itip.message import Incoming, read_message
from pillarbox.formats.itip.model import Method
from pillarbox.formats.mailauth.dmarc.authors import read_authors
from pillarbox.formats.mailauth.organizational import registrable
from pillarbox.formats.mailauth.results import Status
from pillarbox.formats.mime.header import Headers, header_of
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.message import Envelope, Fate
from pillarbox.pipeline.inbound.report_reading import vouched
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

RECIPIENTS_MOST = 200
"""Of one mail; it is applied for no more."""
ASKED_FOR = (
    Method.REQUEST,
    Method.ADD,
    Method.CANCEL,
    Method.REPLY,
    Method.REFRESH,
    Method.COUNTER,
    Method.DECLINECOUNTER,
)
"""Publications are for people."""
_NO_FATES: Mapping[AccountId, Fate] = {}

_log = logger("scheduling")


@dataclass(frozen=True, slots=True)
class MeetingMail:
    """Looks for messages about meetings in mail that was delivered."""

    database: Database
    keys: KeyRing
    enabled: bool = True

    async def take_submitted(
        self, envelope: Envelope, content: bytes, fates: Mapping[AccountId, Fate] = _NO_FATES
    ) -> int:
        """`take` for what a user sends, whose From was found to be theirs."""
        if not self.enabled or not may_have_calendar(content):
            return 0
        return await self.take(envelope, content, None, fates, author(content))

    async def take(
        self,
        envelope: Envelope,
        content: bytes,
        arrival: Arrival | None,
        fates: Mapping[AccountId, Fate] = _NO_FATES,
        submitted_by: str = "",
    ) -> int:
        """Note what a mail says of meetings for its recipients here; gives for how many.

        `fates` tell whose copy is junk or kept: for them nothing is noted. `submitted_by` is the
        address of the user who sent it, where one here did. Never fails.
        """
        if not self.enabled or not may_have_calendar(content):
            return 0
        whom = {
            target.account_id: recipient.path
            for recipient in envelope.recipients
            for target in recipient.local
            if fates.get(target.account_id, Fate.INBOX) is Fate.INBOX
        }
        if not whom:
            return 0
        try:
            sender = author(content)
            if not sender or not (sender == submitted_by.lower() or is_proved(sender, arrival)):
                return 0
            if is_quick(content):
                found = _messages(content, sender)
            else:
                found = await asyncio.to_thread(_messages, content, sender)
            if not found:
                return 0
            some = dict(list(whom.items())[:RECIPIENTS_MOST])
            await self.database.write(_note, self.keys, some, found, sender)
            return len(some)
        except Exception:
            _log.exception("a message about a meeting could not be taken from mail")
            return 0


def may_have_calendar(content: bytes) -> bool:
    """Whether it is worth a look."""
    return b"calendar" in content or b"/ics" in content or b"/ICS" in content


def author(content: bytes) -> str:
    """The one address in From, bare; empty where readers may see another."""
    headers = Headers(header_of(content))
    values = headers.all(b"from")
    authors = read_authors(values)
    if not authors.certain or len(values) != 1:
        return ""
    found = mailboxes(parse_address_list(values[0], 3))
    if len(found) != 1:
        return ""
    return bare_address(found[0].address.decode("utf-8", "replace"))


def is_proved(address: str, arrival: Arrival | None) -> bool:
    """Whether a mail is proved to be of its From's domain (RFC 6047 §5 leaves that to us)."""
    if arrival is None:
        return False
    domain = address.rpartition("@")[2]
    dmarc = arrival.results.dmarc
    if dmarc is not None and dmarc.status is Status.PASS and dmarc.domain.lower() == domain:
        return True
    if dmarc is not None and dmarc.status is Status.FAIL:
        return False
    organization = registrable(domain) or domain
    return any(
        one == domain or (registrable(one) or one) == organization for one in vouched(arrival)
    )


def _messages(content: bytes, sender: str) -> list[tuple[Incoming, bytes]]:
    """The messages of a mail that are of its sender; others are not looked at any more."""
    found = []
    for calendar in calendar_parts(content):
        try:
            incoming = read_message(calendar)
        except GrammarError as error:
            _log.debug("no message about a meeting", why=error.text)
            continue
        said = {incoming.sender or sender, incoming.sent_by}
        if incoming.method in ASKED_FOR and sender in said:
            found.append((incoming, calendar))
    return found


def _note(
    tx: Tx,
    keys: KeyRing,
    whom: Mapping[AccountId, str],
    found: list[tuple[Incoming, bytes]],
    sender: str,
) -> None:
    for account, path in sorted(whom.items()):
        made = [
            NewMessage(
                incoming.method.value,
                incoming.uid,
                sender,
                bare_address(path),
                calendar,
                Why.ARRIVED,
            )
            for incoming, calendar in found
        ]
        messages.note(tx, keys, account, made, now=True)
