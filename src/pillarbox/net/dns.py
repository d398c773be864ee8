"""Questions to the domain name system: one interface, and the resolver that asks the network.

Not a recursive resolver: it asks the servers of the system or of the settings and remembers their
answers for as long as they may be. Called by `pipeline/inbound/peer`.
"""

import asyncio
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Protocol

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Unavailable

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver as Stub
    from dns.message import QueryMessage

LONGEST_S = 3600
LONGEST_EMPTY_S = 300
FAILURE_S = 30
"""For how long a failure is taken for the answer (RFC 2308 §7 allows five minutes)."""

_TRY_S = 2.0
_UDP_BYTES = 1232  # what passes every link whole


class Resolver(Protocol):
    """Answers questions about names; each raises `Unavailable` when there is no answer.

    That a name does not exist, or has nothing of the kind, is an answer: an empty one. Names come
    and go in ASCII and lower case, without the dot at the end, and may be no host names at all.
    """

    async def reverse(self, ip: str) -> tuple[str, ...]:
        """The names an address is said to have (PTR)."""
        ...

    async def addresses(self, name: str) -> tuple[str, ...]:
        """The addresses of a host, IPv4 first (A, AAAA)."""
        ...


@dataclass(frozen=True, slots=True)
class DnsOptions:
    """Whom to ask, and how much at once.

    `servers` are addresses, asked in this order; without any the system's are asked. `timeout_s`
    is for one question with all its tries, `remembered` counts answers.
    """

    servers: tuple[str, ...] = ()
    port: int = 53
    timeout_s: float = 5.0
    remembered: int = 10_000
    questions_at_once: int = 100


@dataclass(frozen=True, slots=True)
class _Answer:
    """Records in their text form, and for how long they hold; `failure` says why there are none."""

    records: tuple[str, ...]
    lasts_s: int
    failure: str | None = None


class SystemResolver:
    """Asks the network, by dnspython; one object per process."""

    def __init__(self, clock: Clock, options: DnsOptions) -> None:
        self._clock = clock
        self._options = options
        self._stub: Stub | None = None
        self._room = asyncio.Semaphore(options.questions_at_once)  # each has a socket of its own
        self._remembered: dict[tuple[str, str], tuple[_Answer, int]] = {}

    async def reverse(self, ip: str) -> tuple[str, ...]:
        address = ip_address(ip)
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or address
        return await self._records(address.reverse_pointer, "PTR")

    async def addresses(self, name: str) -> tuple[str, ...]:
        answers = await asyncio.gather(
            self._records(name, "A"), self._records(name, "AAAA"), return_exceptions=True
        )
        found = [record for one in answers if isinstance(one, tuple) for record in one]
        for one in answers:
            # Some servers never answer for the one kind of address; the other then has to do.
            if isinstance(one, BaseException) and not (found and isinstance(one, Unavailable)):
                raise one
        return tuple(found)

    async def _records(self, name: str, kind: str) -> tuple[str, ...]:
        key = (kind, name.lower().rstrip("."))
        now_ms = self._clock.now_ms()
        answer, until_ms = self._remembered.get(key, (None, 0))
        if answer is None or until_ms <= now_ms:
            answer = await self._ask(key[1], kind)
            self._remember(key, answer, now_ms)
        if answer.failure is not None:
            raise Unavailable("The domain name system does not answer", answer.failure)
        return answer.records

    def _remember(self, key: tuple[str, str], answer: _Answer, now_ms: int) -> None:
        self._remembered.pop(key, None)
        if len(self._remembered) >= self._options.remembered:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[key] = (answer, now_ms + answer.lasts_s * 1000)

    async def _ask(self, name: str, kind: str) -> _Answer:
        try:
            async with asyncio.timeout(self._options.timeout_s), self._room:
                if self._stub is None:
                    self._stub = await asyncio.to_thread(_stub, self._options)
                return await _resolve(self._stub, name, kind)
        except (TimeoutError, OSError) as error:
            return _failed(name, kind, error)


def _stub(options: DnsOptions) -> "Stub":
    """dnspython's resolver; the import costs 5 MB, so it waits for the first question."""
    from dns.asyncresolver import Resolver as Stub
    from dns.exception import DNSException

    try:
        stub = Stub(configure=not options.servers)
    except DNSException as error:
        raise OSError(str(error)) from error
    stub.port = options.port
    if options.servers:
        stub.nameservers = list(options.servers)
    stub.timeout = _TRY_S
    stub.lifetime = options.timeout_s
    stub.use_edns(0, 0, _UDP_BYTES)
    return stub


async def _resolve(stub: "Stub", name: str, kind: str) -> _Answer:
    from dns.exception import DNSException
    from dns.name import from_text
    from dns.resolver import NXDOMAIN

    try:
        asked = from_text(name)
    except DNSException:
        return _Answer((), LONGEST_EMPTY_S)  # what can't be a name doesn't exist
    try:
        answer = await stub.resolve(asked, kind, raise_on_no_answer=False, search=False)
    except NXDOMAIN as missing:
        response: QueryMessage = missing.response(asked)  # type: ignore[no-untyped-call]
        return _Answer((), min(response.resolve_chaining().minimum_ttl, LONGEST_EMPTY_S))
    except DNSException as error:
        return _failed(name, kind, error)
    ttl = answer.chaining_result.minimum_ttl
    if answer.rrset is None:
        return _Answer((), min(ttl, LONGEST_EMPTY_S))
    records = tuple(record.to_text().rstrip(".").lower() for record in answer.rrset)
    return _Answer(records, min(ttl, LONGEST_S))


def _failed(name: str, kind: str, error: Exception) -> _Answer:
    return _Answer((), FAILURE_S, f"{kind} {name}: {str(error) or type(error).__name__}")
