"""Which hosts take the mail of a domain, in the order to try them (RFC 5321 §5, RFC 7505).

Called by `router`; asks `net/dns`. Says why where there is nobody to ask: some reasons pass, others
are final.
"""

import asyncio
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pillarbox.base.errors import Unavailable
from pillarbox.domain.queue.model import Stage
from pillarbox.net.addresses import is_own, is_public
from pillarbox.net.dns import HostAnswer, MxAnswer, MxHost, Resolver
from pillarbox.pipeline.outbound.model import RouteFailure
from pillarbox.wire.smtp.replies import Reply

MAX_HOSTS = 10
"""More mail exchangers than this of one domain are not looked at."""

MAX_ADDRESSES = 8
"""More addresses than this of one host are not tried."""

_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is this server itself, and whether mail may go to addresses that are not public."""

    hostname: str
    addresses: frozenset[str] = frozenset()
    inside: bool = False


@dataclass(frozen=True, slots=True)
class Exchanger:
    """A host that takes a domain's mail; `answer` has those of its addresses that may be used."""

    name: str
    answer: HostAnswer


@dataclass(frozen=True, slots=True)
class Exchangers:
    """The hosts of a domain in the order to try them."""

    mx: MxAnswer
    hosts: tuple[Exchanger, ...]


async def exchangers(resolver: Resolver, domain: str, here: Surroundings) -> Exchangers:
    """The hosts that take mail for `domain`.

    Those that are this server, and those no better than it, are left out, so that a backup passes
    mail on and never back. Raises `RouteFailure`.
    """
    if domain.startswith("["):
        raise _final("5.1.2", f"Mail to the address literal {domain} is not sent")
    try:
        mx = await resolver.mx(domain)
    except Unavailable as failure:
        raise _later("4.4.3", f"The name servers of {domain} do not answer", failure) from failure
    if len(mx.hosts) == 1 and not mx.hosts[0].name.strip("."):
        reply = Reply(556, "5.1.10", (f"The domain {domain} says that it takes no mail",))
        raise RouteFailure(Stage.DNS, reply)
    given = [host for host in mx.hosts if host.name.strip(".")] or [MxHost(0, mx.name or domain)]
    wanted = [host for host in given if is_host_name(host.name)]
    if not wanted and not mx.hosts:
        raise _nobody(domain, False, _Sifted((), "", False))
    if not wanted:
        raise _final("5.4.4", f"The mail servers of {domain} have names that no host can have")
    ordered = in_order(wanted)[:MAX_HOSTS]
    answers = await asyncio.gather(
        *(resolver.host(host.name) for host in ordered), return_exceptions=True
    )
    own = await _own_addresses(resolver, here)
    sifted = _sifted(ordered, answers, here, own)
    if not sifted.hosts and sifted.leads_back and not sifted.unknown:
        raise _final("5.4.6", f"Mail for {domain} would come back to this server")
    found = tuple(one for host in sifted.hosts if (one := _usable(host, here)).answer.addresses)
    if not found:
        raise _nobody(domain, bool(mx.hosts), sifted)
    return Exchangers(mx, found)


@dataclass(frozen=True, slots=True)
class _Sifted:
    """Hosts better than this server; `unknown` is one whose name servers did not answer."""

    hosts: tuple[Exchanger, ...]
    unknown: str
    leads_back: bool


def _sifted(
    ordered: Sequence[MxHost],
    answers: Sequence[HostAnswer | BaseException],
    here: Surroundings,
    own: frozenset[str],
) -> _Sifted:
    hosts: list[tuple[int, Exchanger]] = []
    unknown = ""
    own_preference: int | None = None
    for host, answer in zip(ordered, answers, strict=True):
        if own_preference is not None and host.preference >= own_preference:
            break
        if isinstance(answer, Unavailable):
            unknown = unknown or host.name
        elif isinstance(answer, BaseException):
            raise answer
        elif host.name == here.hostname or _is_here(answer, here, own):
            own_preference = host.preference
        else:
            hosts.append((host.preference, Exchanger(host.name, answer)))
    better = tuple(
        one for preference, one in hosts if own_preference is None or preference < own_preference
    )
    return _Sifted(better, unknown, own_preference is not None)


def is_host_name(name: str) -> bool:
    """Whether a host may be called so (RFC 5321 §2.3.5); of old names underscores are taken too.

    In the domain name system anything is a name, with bytes that no log and no certificate has.
    """
    return _HOST_NAME.fullmatch(name) is not None


def in_order(hosts: Sequence[MxHost]) -> list[MxHost]:
    """By preference, those of one preference in random order (RFC 5321 §5.1)."""
    shuffled = random.sample(hosts, len(hosts))
    return sorted(shuffled, key=lambda host: host.preference)


def _is_here(answer: HostAnswer, here: Surroundings, own: frozenset[str]) -> bool:
    """Whether a host is this server; a loopback address, which anybody may name, says nothing."""
    if not own.isdisjoint(answer.addresses):
        return True
    addresses = () if here.inside else answer.addresses[:MAX_ADDRESSES]
    return any(is_public(ip) and is_own(ip) for ip in addresses)


async def _own_addresses(resolver: Resolver, here: Surroundings) -> frozenset[str]:
    """The addresses of this server as far as the settings and the name servers tell."""
    try:
        found = await resolver.host(here.hostname)
    except Unavailable:
        return here.addresses
    return here.addresses.union(found.addresses)


def _usable(one: Exchanger, here: Surroundings) -> Exchanger:
    found = [ip for ip in one.answer.addresses if here.inside or is_public(ip)]
    # Many of the one kind leave room for the other, which may be all that works here.
    four, six = [ip for ip in found if ":" not in ip], [ip for ip in found if ":" in ip]
    six = six[: max(MAX_ADDRESSES - len(four), MAX_ADDRESSES // 2)]
    found = four[: MAX_ADDRESSES - len(six)] + six
    addresses = tuple(ip for ip in found if here.inside or not is_own(ip))
    return Exchanger(one.name, replace(one.answer, addresses=addresses))


def _nobody(domain: str, has_mx: bool, sifted: _Sifted) -> RouteFailure:
    if sifted.unknown:
        text = f"The name servers of {sifted.unknown}, a mail server of {domain}, do not answer"
        return _later("4.4.3", text)
    if any(one.answer.addresses for one in sifted.hosts):
        return _final("5.4.4", f"The mail server of {domain} has no public address")
    if has_mx:
        return _final("5.4.4", f"The mail servers of {domain} have no address")
    return _final("5.1.2", f"The domain {domain} does not exist or takes no mail")


def _final(enhanced: str, text: str) -> RouteFailure:
    return RouteFailure(Stage.DNS, Reply(550, enhanced, (text,)))


def _later(enhanced: str, text: str, failure: Unavailable | None = None) -> RouteFailure:
    cause = f": {failure.cause}" if failure is not None and failure.cause else ""
    return RouteFailure(Stage.DNS, Reply(451, enhanced, (text + cause,)))
