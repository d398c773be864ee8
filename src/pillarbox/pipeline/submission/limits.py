"""How much users may send: counted with the message, told to the postmaster when it is too much.

A stolen password shows in mail to people the user never wrote to. Called by `submit`; calls
`domain/sending` and, for the notice, `inbound/deliver`.
"""

from dataclasses import replace

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Failure
from pillarbox.base.ids import IdSource, public_id
from pillarbox.base.log import logger
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.policy import policies
from pillarbox.domain.sending import alerts, counts
from pillarbox.domain.sending.model import LimitReached, Sending, SendingLimits, Unit
from pillarbox.formats.mime.date import format_date
from pillarbox.pipeline.inbound.deliver import Also, Delivery, Parcel
from pillarbox.pipeline.inbound.message import Envelope, Origin, Recipient
from pillarbox.pipeline.inbound.recipients import POSTMASTER, Recipients
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

__all__ = ["LimitReached", "SendingWatch"]

_log = logger("sending")


class SendingWatch:
    """Holds users to the limits on sending."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        limits: SendingLimits,
        recipients: Recipients,
        delivery: Delivery,
        clock: Clock,
        ids: IdSource,
        hostname: str,
    ) -> None:
        self._database = database
        self._keys = keys
        self._limits = limits
        self._recipients = recipients
        self._delivery = delivery
        self._clock = clock
        self._ids = ids
        self._hostname = hostname

    async def check(self, actor: Actor) -> None:
        """Raise `LimitReached` where no message of the user would be accepted now."""
        try:
            await self._database.lookup(self._require_room, actor)
        except LimitReached as limit:
            await self.refused(actor, limit)
            raise

    def counting(self, actor: Actor, envelope: Envelope) -> Also:
        """What counts a message in the transaction that accepts it."""
        sending = Sending(
            actor.account_id,
            actor.domain_id,
            len(envelope.recipients),
            tuple(
                address
                for recipient in envelope.recipients
                if not recipient.here
                for address in recipient.outside
            ),
        )

        def count(tx: Tx) -> None:
            counts.count(tx, self._keys, self._limits_of(tx, actor), sending)

        return count

    def _require_room(self, tx: Tx, actor: Actor) -> None:
        limits = self._limits_of(tx, actor)
        counts.require_room(tx, limits, actor.account_id, actor.domain_id)

    def _limits_of(self, tx: Tx, actor: Actor) -> SendingLimits:
        """The limits of the settings, and beside them that of the policy of the user's domain."""
        rate = policies.sending(tx, actor.address.rpartition("@")[2])
        if not rate.most:
            return self._limits
        window_ms = rate.window_s * 1000
        user = replace(self._limits.user, messages_window=rate.most, window_ms=window_ms)
        return replace(self._limits, user=user)

    async def refused(self, actor: Actor, limit: LimitReached) -> None:
        """Note it for the admins, and tell the postmaster once a day and limit."""
        _log.warning(
            "limit on sending reached",
            user=actor.address,
            scope=limit.scope.name.lower(),
            what=limit.unit.value,
            limit=limit.limit,
        )
        try:
            if await self._database.write(alerts.note, actor.account_id, limit.unit):
                await self._tell(actor, limit)
        except Failure as failure:
            _log.warning("the postmaster was not told", why=failure.cause or failure.public)

    async def _tell(self, actor: Actor, limit: LimitReached) -> None:
        found = await self._recipients.find(POSTMASTER)
        if found is None or not found.local:
            return
        path = f"{POSTMASTER}@{self._recipients.default_domain}"
        origin = Origin("", self._hostname, "LOCAL")
        envelope = Envelope(origin, "", (Recipient(path, found.local),))
        await self._delivery.deliver(Parcel(envelope, b"", self._notice(actor, limit, path)))

    def _notice(self, actor: Actor, limit: LimitReached, path: str) -> bytes:
        what = {
            Unit.MESSAGES: f"more than {limit.limit} messages",
            Unit.RECIPIENTS: f"to more than {limit.limit} recipients",
            Unit.NEWCOMERS: f"to more than {limit.limit} people they never wrote to before",
        }[limit.unit]
        message_id = public_id("", self._ids.next())
        lines = (
            f"From: Mail server <{POSTMASTER}@{self._recipients.default_domain}>",
            f"To: <{path}>",
            f"Date: {format_date(self._clock.now())}",
            f"Message-ID: <{message_id}@{self._hostname}>",
            f"Subject: {actor.address} met a limit on sending",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 8bit",
            "",
            f"{actor.address} tried to send {what}, and was refused.",
            "",
            f"The answer was: {limit.public}.",
            "",
            "If that is not what this user does, somebody else may have the password: disable the",
            "user or set a new password, and look at what waits in the queue. If it is, raise the",
            "limit in the settings (the keys that begin with SENDING_) or in the policy of the",
            "domain (ratelimit_smtp_per_user).",
            "",
            "You are told of this once a day at most.",
            "",
        )
        return "\r\n".join(lines).encode()
