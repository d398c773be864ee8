"""What lists say of the domains a message leads to, and of the addresses in it."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pillarbox.base.clock import Clock
from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.formats.dns_lists import DnsList, last_octet
from pillarbox.formats.mailauth.organizational import (
    are_suffixes_loaded,
    load_suffixes,
    registrable,
)
from pillarbox.formats.text.links import links_in_html, links_in_text
from pillarbox.net.dns import Resolver
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.inbound.checks.content import Content, examine
from pillarbox.pipeline.inbound.checks.list_lookup import Hit, ListLookup, kind_name

DOMAINS_MAX = 20
ADDRESSES_MAX = 10
"""Of one message; each is asked for in every list."""
URI_POINTS = 4.0
HASH_POINTS = 4.0
SHOWN_MAX = 5

_NOBODY = "invalid"
_ABUSED_SHARE = 0.5
"""Of the points, where the domain belongs to somebody honest whose server is misused."""
_ABUSED = frozenset(f"127.0.1.{octet}" for octet in range(102, 107))
_SURBL = MappingProxyType({8: "phishing", 16: "malware", 64: "abuse", 128: "cracked"})
_SPAMHAUS = MappingProxyType(
    {2: "spam", 4: "phishing", 5: "malware", 6: "botnet", 102: "abused", 103: "abused redirector"}
)
_GMAIL = frozenset(["gmail.com", "googlemail.com"])


@dataclass(frozen=True, slots=True)
class _Mentioned:
    """What a message mentions: domains to be asked for, and addresses."""

    domains: tuple[str, ...]
    addresses: tuple[str, ...]


class UriListsCheck(Check):
    """Asks lists of domains, and lists of hashed addresses, once the content is there.

    `own_domains` gives the domains served here, which nobody is asked about.
    """

    name = "uri_lists"
    stage = Stage.DATA
    asks_names = True
    deadline_s = 10.0

    def __init__(
        self,
        resolver: Resolver,
        clock: Clock,
        own_domains: Callable[[], Awaitable[Collection[str]]],
        uri: Sequence[DnsList] = (),
        hashes: Sequence[DnsList] = (),
    ) -> None:
        self._lookup = ListLookup(resolver, clock)
        self._own_domains = own_domains
        self._uri = {one: _kind("uribl", one, URI_POINTS) for one in uri}
        self._hashes = {one: _kind("hashbl", one, HASH_POINTS) for one in hashes}
        self.kinds = (*self._uri.values(), *self._hashes.values())

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Ask about what the message mentions."""
        content = arrival.content
        if content is None or not arrival.peer.outside or not self.kinds:
            return ()
        if not are_suffixes_loaded():
            await asyncio.to_thread(load_suffixes)
        own = {registrable(one) or one for one in await self._own_domains()}
        with_addresses = bool(self._hashes)
        mentioned = await examine(content, lambda of: _mentioned(of, own, with_addresses))
        hashed = {_hashed(one): one for one in mentioned.addresses}
        answers = await asyncio.gather(
            *(self._ask(one, mentioned.domains) for one in self._uri),
            *(self._ask(one, tuple(hashed)) for one in self._hashes),
        )
        return [self._found(hits, hashed) for hits in answers if hits]

    async def _ask(self, source: DnsList, names: tuple[str, ...]) -> list[Hit]:
        if not names:
            return []
        return await self._lookup.look_up(source, names, _NOBODY, reasons=False)

    def _found(self, hits: list[Hit], hashed: dict[str, str]) -> Finding:
        """One finding for each list, whatever it has of the message."""
        source = hits[0].source
        told = ", ".join(_told(hit, hashed) for hit in hits[:SHOWN_MAX])
        more = f" and {len(hits) - SHOWN_MAX} more" if len(hits) > SHOWN_MAX else ""
        kind = self._uri.get(source) or self._hashes[source]
        points = kind.points
        if source.zone.endswith("dbl.spamhaus.org") and all(
            _ABUSED.issuperset(hit.codes) for hit in hits
        ):
            points = round(points * _ABUSED_SHARE, 2)
        reply = f"It mentions {told}{more}, listed by {source.zone}"
        return kind.found(f"{source.zone}: {told}{more}", points=points, reply=reply)


def _kind(prefix: str, one: DnsList, usual: float) -> Kind:
    what = "a domain" if prefix == "uribl" else "an address"
    points = usual if one.points is None else one.points
    return Kind(
        kind_name(prefix, one.zone), points, f"mentions {what} that the list {one.zone} has"
    )


def _mentioned(content: Content, own: Collection[str], with_addresses: bool) -> _Mentioned:
    domains: dict[str, None] = {}
    for host in _hosts(content):
        domain = registrable(host)
        if domain and domain not in own and domain.isascii():
            domains[domain] = None
    addresses: dict[str, None] = {}
    if with_addresses:
        for address in _addresses(content):
            if registrable(address.rpartition("@")[2]) not in own:
                addresses[_one_mailbox(address)] = None
    return _Mentioned(tuple(domains)[:DOMAINS_MAX], tuple(addresses)[:ADDRESSES_MAX])


def _hosts(content: Content) -> Iterator[str]:
    """Who wrote it and who is to be answered come first, then where it leads."""
    yield content.from_domain
    for one in content.fields.reply_to:
        domain = one.address.rpartition("@")[2].lower()
        if domain.isascii():
            yield domain
    for link in content.links:
        if ":" not in link.host and not link.host.rpartition(".")[2].isdigit():
            yield link.host  # a name, no address: of those few lists know anything


def _addresses(content: Content) -> Iterator[str]:
    for one in content.fields.reply_to:
        yield one.address.lower()
    for text in content.texts:
        read = links_in_html if text.subtype == "html" else links_in_text
        yield from read(text.text).addresses


def _one_mailbox(address: str) -> str:
    """The spelling by which lists know a mailbox of a service that has several for one."""
    local, _, domain = address.lower().rpartition("@")
    if domain not in _GMAIL:
        return f"{local}@{domain}"
    return f"{local.partition('+')[0].replace('.', '')}@gmail.com"


def _hashed(address: str) -> str:
    # The lists ask for SHA-1; it protects nothing.
    return hashlib.sha1(address.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def _told(hit: Hit, hashed: dict[str, str]) -> str:
    """What was found, and what for if the list is known to say."""
    name = hashed.get(hit.name, hit.name)
    octets = [last_octet(code) for code in hit.codes]
    meanings: list[str] = []
    if hit.source.zone.endswith("surbl.org"):
        meanings = [word for bit, word in _SURBL.items() if any(one & bit for one in octets)]
    elif hit.source.zone.endswith("dbl.spamhaus.org"):
        meanings = [_SPAMHAUS[one] for one in octets if one in _SPAMHAUS]
    return f"{name} ({', '.join(meanings)})" if meanings else name
