"""What leaves because a script redirects it (RFC 5228 §4.2): as a forwarded copy does.

Called by `filtering`; calls `inbound/forward`, `inbound/own_mail`, `submission/limits`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pillarbox.base.errors import Denied, GrammarError, Invalid
from pillarbox.domain.accounts import domains
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.queue.suppression import suppressed
from pillarbox.formats.address import parse_path
from pillarbox.pipeline.filtering.outgoing import OutgoingMail, Owner
from pillarbox.pipeline.filtering.suppression import is_own
from pillarbox.pipeline.inbound.checks.arrival import Results
from pillarbox.pipeline.inbound.forward import Forwarding
from pillarbox.pipeline.inbound.message import Envelope, Origin, Recipient
from pillarbox.pipeline.inbound.own_mail import OwnMail
from pillarbox.pipeline.inbound.recipients import Recipients
from pillarbox.pipeline.inbound.trace import RoutingLoop, checked, delivered_to
from pillarbox.pipeline.submission.limits import LimitReached, SendingWatch
from pillarbox.storage.tx import Tx

HOPS_MAX = 40
"""Received fields of what is redirected; servers refuse a message that has a few more."""
MARKS_MAX = 20

_RECEIVED = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)
_MARK = re.compile(rb"[!-~]{3,320}\Z")
_LOCAL = Origin("", "", "LOCAL")


@dataclass(frozen=True, slots=True)
class Source:
    """The message that is redirected, as it came.

    `content` has its trace; `results` are its Authentication-Results, `found` what they rest on.
    What a user of ours has submitted is `believed`.
    """

    reverse_path: str
    content: bytes
    results: str = ""
    found: Results | None = None
    smtputf8: bool = False
    believed: bool = False


class Counting:
    """Counts what leaves, in the transaction that queues it.

    Raises `Failure` there where it must not leave: the user may send no more now (`reached` has
    that limit afterwards), or all addresses are on the suppression list.
    """

    def __init__(self, watch: SendingWatch | None, actor: Actor, addresses: Sequence[str]) -> None:
        self._watch = watch
        self._actor = actor
        self._addresses = tuple(addresses)
        self.reached: LimitReached | None = None

    def __call__(self, tx: Tx) -> None:
        self.reached = None
        refused = suppressed(tx, self._actor.domain_id, self._addresses)
        if len(refused) == len(self._addresses):
            reason = next(iter(refused.values()))
            raise Denied(f"Nothing is sent to {self._addresses[0]} ({reason})", "suppressed")
        if self._watch is None:
            return
        recipients = tuple(
            Recipient(one, outside=(one,), here=_is_here(tx, one)) for one in self._addresses
        )
        try:
            self._watch.counting(self._actor, Envelope(_LOCAL, "", recipients))(tx)
        except LimitReached as limit:
            self.reached = limit
            raise

    async def tell(self) -> None:
        """Note that a limit was reached, if one was, for the admins; after the transaction."""
        if self.reached is not None and self._watch is not None:
            await self._watch.refused(self._actor, self.reached)


@dataclass(frozen=True, slots=True)
class Redirects:
    """Makes redirected copies; `watch` holds users to their limits.

    Without `own_mail` also what forges a sender of ours is redirected.
    """

    recipients: Recipients
    forwarding: Forwarding
    own_mail: OwnMail | None = None
    watch: SendingWatch | None = None

    async def copy(
        self, address: str, source: Source, owner: Owner, content: bytes | None = None
    ) -> OutgoingMail:
        """The copy for an address; `content` is the message as the script edited it.

        Raises `Failure` where it must not leave: then the message is to be kept. That is a loop,
        the user's own address, one that nobody has, mail that forges a sender of ours; and
        `Unavailable` where that can't be found out now.
        """
        try:
            to = str(parse_path(address).normalized())
        except GrammarError as error:
            raise Invalid(f"{address[:100]} is not an address", str(error)) from error
        if is_own(to, owner.addresses, owner.delimiter):
            raise Denied(f"{to} is an address of the user")
        _refuse_loop(source.content, owner)
        await self.recipients.resolve(to)  # an address here that nobody has
        edited = content is not None and content != source.content
        ready = checked(source.content if content is None else content)
        if self.own_mail is not None and not source.believed:
            # Signatures that were found to be good were so before the script changed anything.
            await self.own_mail.check(ready, None if edited else source.found)
        one = await self.forwarding.onward(
            owner.addresses[0], source.reverse_path, ready, source.results
        )
        marks = _lost_marks(source.content, ready) if edited else b""
        return OutgoingMail(
            ready,
            one.reverse_path,
            (to,),
            source.smtputf8 or not (to.isascii() and one.reverse_path.isascii()),
            fields=one.fields + marks,
        )

    def counting(self, actor: Actor, addresses: Sequence[str]) -> Counting:
        """What counts a message for these addresses, and refuses it where it can't be sent."""
        return Counting(self.watch, actor, addresses)


def _refuse_loop(content: bytes, owner: Owner) -> None:
    """What the user had before; by Delivered-To, which each forwarding server leaves."""
    for mark in delivered_to(content):
        if is_own(mark.decode("utf-8", "replace"), owner.addresses, owner.delimiter):
            raise RoutingLoop("It has come back from where it was redirected")
    end = content.find(b"\r\n\r\n")
    if sum(1 for _ in _RECEIVED.finditer(content, 0, len(content) if end < 0 else end)) > HOPS_MAX:
        raise RoutingLoop("It has passed through too many servers")


def _lost_marks(before: bytes, after: bytes) -> bytes:
    """The Delivered-To fields that a script took out: without them a loop would have no end."""
    lost = sorted(delivered_to(before) - delivered_to(after))[:MARKS_MAX]
    return b"".join(b"Delivered-To: %b\r\n" % one for one in lost if _MARK.match(one))


def _is_here(tx: Tx, address: str) -> bool:
    return domains.is_local(tx, address.rpartition("@")[2])
