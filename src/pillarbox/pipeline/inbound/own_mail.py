"""Mail from elsewhere that claims to be from a domain of ours, and is to be forwarded.

A forwarded copy leaves from this server with a reverse-path of ours, by which other servers would
take a From field of ours for true, whoever wrote it (RFC 7489 §3.1.2). So where that domain asks
for forgeries to be refused, it must have signed what is forwarded. Called by `receive`.
"""

import re
from typing import Protocol

from pillarbox.base.errors import Denied, GrammarError
from pillarbox.formats.address import ascii_domain
from pillarbox.formats.mime.header import HEADER_BYTES, Headers, header_of
from pillarbox.pipeline.inbound.recipients import Recipients

DOMAINS_MAX = 10
"""Domains of a From field that are looked at; who names more is refused like a forger."""

_DOMAIN = re.compile(rb'@[ \t\r\n]*([^\s<>@"(),:;\\\[\]]+)')
_PARENTS_MAX = 5


class Voucher(Protocol):
    """Checks whether a domain, or one above it, has signed a message."""

    async def vouches(self, domain: str, content: bytes) -> bool: ...


class Texts(Protocol):
    """Looks up TXT records; raises `Unavailable`."""

    async def txt(self, name: str) -> tuple[str, ...]: ...


class OwnMail:
    """Tells forged mail in our name from ours."""

    def __init__(self, recipients: Recipients, voucher: Voucher, texts: Texts) -> None:
        self._recipients = recipients
        self._voucher = voucher
        self._texts = texts

    async def check(self, content: bytes) -> None:
        """Raise `Denied` for a message that must not be forwarded, `Unavailable` if nobody knows.

        Looks at everything in From that could be read as a domain.
        """
        header = header_of(content)
        if len(header) >= HEADER_BYTES:  # the next server may find a From in the rest of it
            raise Denied("The header is too long to be forwarded")
        found = _from_domains(header)
        if len(found) > DOMAINS_MAX:
            raise Denied("The From field has too many addresses to be forwarded")
        for domain in found:
            served = await self._served(domain)
            if served is None or not await self._protected(domain, served):
                continue
            if not await self._voucher.vouches(domain, content):
                raise Denied(
                    f"Mail from {domain} is forwarded only if that domain has signed it (DKIM)"
                )

    async def _served(self, domain: str) -> str | None:
        """The domain, or the nearest one above it, if it is one of ours."""
        labels = domain.split(".")
        for cut in range(min(len(labels), _PARENTS_MAX)):
            name = ".".join(labels[cut:])
            if await self._recipients.serves(name):
                return name
        return None

    async def _protected(self, domain: str, served: str) -> bool:
        """Whether a domain of ours asks for forgeries to be refused (RFC 7489 §6.3)."""
        own = _policy(await self._texts.txt(f"_dmarc.{domain}"))
        if own:
            return own.get("p", "none") != "none"
        above = {} if served == domain else _policy(await self._texts.txt(f"_dmarc.{served}"))
        return above.get("sp", above.get("p", "none")) != "none"


def _from_domains(header: bytes) -> list[str]:
    found: dict[str, None] = {}
    for value in Headers(header).all(b"from"):
        for one in _DOMAIN.findall(value):
            try:
                found[ascii_domain(one.decode("utf-8", "replace").rstrip("."))] = None
            except GrammarError:
                continue  # no domain of ours is spelled so
    return list(found)


def _policy(texts: tuple[str, ...]) -> dict[str, str]:
    """The tags of a DMARC record, names and values in lower case; empty without one."""
    for text in texts:
        tags = [tag.partition("=") for tag in text.split(";")]
        if tags[0][0].strip().lower() == "v" and tags[0][2].strip() == "DMARC1":
            return {name.strip().lower(): value.strip().lower() for name, _, value in tags}
    return {}
