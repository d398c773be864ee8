"""Mail from elsewhere that claims to be from a domain of ours, and is to be forwarded.

A forwarded copy leaves from this server with a reverse-path of ours, by which other servers would
take a From field of ours for true, whoever wrote it (RFC 7489 §3.1.2). So where that domain asks
for forgeries to be refused, it must have signed what is forwarded. Called by `receive`.
"""

import re
from typing import Protocol

from pillarbox.base.errors import Denied, GrammarError, Unavailable
from pillarbox.formats.address import ascii_domain
from pillarbox.formats.mailauth.dmarc.authors import read_authors
from pillarbox.formats.mailauth.dmarc.discovery import NoAnswer, Walker
from pillarbox.formats.mailauth.dmarc.record import Disposition
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.formats.mime.header import HEADER_BYTES, Headers, header_of
from pillarbox.pipeline.dmarc_lookup import Names, answered
from pillarbox.pipeline.inbound.checks.arrival import Results
from pillarbox.pipeline.inbound.recipients import Recipients

DOMAINS_MAX = 10
"""Domains of a From field that are looked at; who names more is refused like a forger."""

_DOMAIN = re.compile(rb'@[ \t\r\n]*([^\s<>@"(),:;\\\[\]]+)')
_PARENTS_MAX = 5


class Voucher(Protocol):
    """Checks whether a domain, or one above it, has signed a message."""

    async def vouches(self, domain: str, content: bytes) -> bool: ...


class OwnMail:
    """Tells forged mail in our name from ours."""

    def __init__(self, recipients: Recipients, voucher: Voucher, resolver: Names) -> None:
        self._recipients = recipients
        self._voucher = voucher
        self._resolver = resolver

    async def check(self, content: bytes, results: Results | None = None) -> None:
        """Raise `Denied` for a message that must not be forwarded, `Unavailable` if nobody knows.

        Looks at everything in From that could be read as a domain. `results` are what the checks
        of the message established, if there were any.
        """
        header = header_of(content)
        if len(header) >= HEADER_BYTES:  # the next server may find a From in the rest of it
            raise Denied("The header is too long to be forwarded")
        found = _from_domains(header)
        if len(found) > DOMAINS_MAX:
            raise Denied("The From field has too many addresses to be forwarded")
        walker = Walker()
        signatures = None if results is None else results.dkim
        for domain in found:
            if not await self._serves(domain) or not await self._protected(domain, walker):
                continue
            if not await self._signed(domain, content, signatures):
                raise Denied(
                    f"Mail from {domain} is forwarded only if that domain has signed it (DKIM)"
                )

    async def _serves(self, domain: str) -> bool:
        """Whether the domain, or one above it, is one of ours."""
        labels = domain.split(".")
        for cut in range(min(len(labels), _PARENTS_MAX)):
            if await self._recipients.serves(".".join(labels[cut:])):
                return True
        return False

    async def _protected(self, domain: str, walker: Walker) -> bool:
        """Whether a domain of ours asks for forgeries to be refused (RFC 9989 §4.10.1)."""
        try:
            policy = await answered(self._resolver, walker.policy(domain))
        except NoAnswer as failure:
            raise Unavailable("The domain name system does not answer", str(failure)) from failure
        return policy is not None and policy.disposition is not Disposition.NONE

    async def _signed(
        self, domain: str, content: bytes, signatures: tuple[SignatureResult, ...] | None
    ) -> bool:
        if signatures is None:
            return await self._voucher.vouches(domain, content)
        return any(
            one.status is Status.PASS
            and not (one.testing or one.beyond)
            and f".{domain}".endswith(f".{one.domain}")
            for one in signatures
        )


def _from_domains(header: bytes) -> list[str]:
    fields = Headers(header).all(b"from")
    found = dict.fromkeys(read_authors(fields).domains)
    for value in fields:
        for one in _DOMAIN.findall(value):
            try:
                found[ascii_domain(one.decode("utf-8", "replace").rstrip("."))] = None
            except GrammarError:
                continue  # no domain of ours is spelled so
    return list(found)
