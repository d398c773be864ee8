"""What leaves because a script redirects it (RFC 5228 §4.2): as a forwarded copy does.

Called by `filtering`; calls `inbound/forward`, `inbound/own_mail`, `submission/limits`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pillarbox.domain.accounts.model import Actor
from pillarbox.pipeline.filtering.outgoing import OutgoingMail, Owner
from pillarbox.pipeline.inbound.checks.arrival import Results
from pillarbox.pipeline.inbound.forward import Forwarding
from pillarbox.pipeline.inbound.own_mail import OwnMail
from pillarbox.pipeline.inbound.recipients import Recipients
from pillarbox.pipeline.submission.limits import SendingWatch
from pillarbox.storage.tx import Tx

Count = Callable[[Tx], None]
"""Counts what leaves in the transaction that queues it; raises `Failure` where it must not."""


@dataclass(frozen=True, slots=True)
class Source:
    """The message that is redirected, as it came.

    `content` has its trace; `results` are its Authentication-Results, `checked` what they rest on.
    """

    reverse_path: str
    content: bytes
    results: str = ""
    checked: Results | None = None
    smtputf8: bool = False


@dataclass(frozen=True, slots=True)
class Redirects:
    """Makes redirected copies; `watch` holds users to their limits."""

    recipients: Recipients
    forwarding: Forwarding
    own_mail: OwnMail | None = None
    watch: SendingWatch | None = None

    async def copy(
        self, address: str, source: Source, owner: Owner, content: bytes | None = None
    ) -> OutgoingMail:
        """The copy for an address; `content` is the message as the script edited it.

        Raises `Failure` where it must not leave: then the message is to be kept. That is a loop,
        the user's own address, one that nobody has, mail that forges a sender of ours.
        """
        raise NotImplementedError

    def counting(self, actor: Actor, addresses: tuple[str, ...]) -> Count:
        """What counts a message for these addresses, and refuses it where it can't be sent."""
        raise NotImplementedError
