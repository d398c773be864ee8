"""What leaves again for where an address here was made to lead, and what has come back from there.

A copy gets a reverse-path that leads through us (SRS), a seal on what was found when the message
came (ARC), and the address in Delivered-To, by which it is known should it return. Called by
`receive` and, for what scripts redirect, by `filtering/redirects`.
"""

from collections.abc import Sequence
from typing import Protocol

from pillarbox.base.clock import Clock
from pillarbox.pipeline.inbound.deliver import Copy
from pillarbox.pipeline.inbound.message import Envelope, Recipient
from pillarbox.pipeline.inbound.recipients import Recipients, ReversePaths
from pillarbox.pipeline.inbound.trace import delivered_to, delivered_to_field

COPIES_MAX = 16
COPIES_BYTES = 16 << 20
"""Copies of their own for so many recipients, and of so much together; the others share one."""
NO_RESULTS = ""
"""Of mail that is believed without checks."""


class Sealer(Protocol):
    """Makes the fields of one more ARC set, none where a domain has no keys."""

    async def seal(self, domain: str, content: bytes, authserv_id: str, results: str) -> bytes: ...


class Forwarding:
    """Makes what leaves; without `reverse_paths` or `sealer` copies go without theirs."""

    def __init__(
        self,
        hostname: str,
        recipients: Recipients,
        clock: Clock,
        reverse_paths: ReversePaths | None = None,
        sealer: Sealer | None = None,
    ) -> None:
        self._hostname = hostname
        self._recipients = recipients
        self._clock = clock
        self._reverse_paths = reverse_paths
        self._sealer = sealer

    async def copies(
        self, envelope: Envelope, content: bytes, results: str = NO_RESULTS
    ) -> tuple[Copy, ...]:
        """The copies for recipients that are forwarded; `content` with its trace.

        `results` are what was found when it came in, as in Authentication-Results.
        """
        forwarded = [recipient for recipient in envelope.recipients if recipient.forwards]
        if not forwarded:
            return ()
        rewrite = await self._needs_rewriting(envelope.reverse_path)
        most = max(1, min(COPIES_MAX, COPIES_BYTES // max(1, len(content))))
        groups: list[Sequence[Recipient]] = [(one,) for one in forwarded[:most]]
        if forwarded[most:]:
            groups.append(forwarded[most:])
        seals: dict[str, bytes] = {}
        made = []
        for group in groups:
            domain = group[0].domain or self._recipients.default_domain
            if domain not in seals:
                seals[domain] = await self._seal(domain, content, results)
            # In a shared one every recipient could read who the others are.
            mark = delivered_to_field(group[0].path) if len(group) == 1 else b""
            reverse_path = envelope.reverse_path
            if rewrite:
                reverse_path = self._rewritten(reverse_path, domain)
            paths = tuple(recipient.path for recipient in group)
            made.append(Copy(paths, reverse_path, mark + seals[domain]))
        return tuple(made)

    async def onward(
        self, path: str, reverse_path: str, content: bytes, results: str = NO_RESULTS
    ) -> Copy:
        """The copy of a message that whoever has the address `path` sends on; as in `copies`."""
        domain = path.rpartition("@")[2].lower() or self._recipients.default_domain
        if await self._needs_rewriting(reverse_path):
            reverse_path = self._rewritten(reverse_path, domain)
        seal = await self._seal(domain, content, results)
        return Copy((path,), reverse_path, delivered_to_field(path) + seal)

    async def _needs_rewriting(self, reverse_path: str) -> bool:
        """Not for the null one, nor for our own, for which this server may send anyway."""
        if self._reverse_paths is None or not reverse_path:
            return False
        return not await self._recipients.serves(reverse_path.rpartition("@")[2])

    def _rewritten(self, reverse_path: str, domain: str) -> str:
        """What can't be rewritten stays: better a check that fails than a sender never told."""
        if self._reverse_paths is None:
            return reverse_path
        rewritten = self._reverse_paths.forward(reverse_path, domain, self._clock.now())
        return rewritten or reverse_path

    async def _seal(self, domain: str, content: bytes, results: str) -> bytes:
        if self._sealer is None:
            return b""
        return await self._sealer.seal(domain, content, self._hostname, results)


def returned(envelope: Envelope, content: bytes) -> frozenset[str]:
    """The recipients from whose address the message was forwarded before."""
    if not any(recipient.forwards for recipient in envelope.recipients):
        return frozenset()
    seen = delivered_to(content)
    return frozenset(
        recipient.path
        for recipient in envelope.recipients
        if recipient.forwards and recipient.path.lower().encode() in seen
    )
