"""Questions to the domain name system: one interface, and the resolver that asks the network.

Not a recursive resolver: it asks the servers of the system or of the settings and remembers their
answers for as long as they may be. Called by `pipeline/inbound/peer` and by all that sends.
"""

import asyncio
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Protocol

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Unavailable
from pillarbox.net import dns_query
from pillarbox.net.dane import Tlsa
from pillarbox.net.dns_query import MxHost, Records

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver as Stub

_ROOM_S = 30.0
_GIVEN_UP_S = 2.5
"""A question that nobody waits for any longer after so much time has failed."""

__all__ = [
    "DnsOptions",
    "HostAnswer",
    "MxAnswer",
    "MxHost",
    "Resolver",
    "SystemResolver",
    "TlsaAnswer",
    "Validating",
]


@dataclass(frozen=True, slots=True)
class MxAnswer:
    """The mail servers of a domain, the preferred ones first, 100 at most.

    `name` is the domain after all its aliases. `exists` is false where there is no such name.
    """

    hosts: tuple[MxHost, ...]
    secure: bool
    name: str
    exists: bool = True


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """The addresses of a host, IPv4 first, 100 of each kind at most.

    `name` is the host after all its aliases; `alias_secure` says that the first alias was validated
    where the answer as a whole was not (RFC 7672 §2.2.2).
    """

    addresses: tuple[str, ...]
    secure: bool
    name: str
    exists: bool = True
    alias_secure: bool = False


@dataclass(frozen=True, slots=True)
class TlsaAnswer:
    """The TLSA records of a service, usable or not; they count only if `secure`."""

    records: tuple[Tlsa, ...]
    secure: bool


class Resolver(Protocol):
    """Answers questions about names; each raises `Unavailable` when there is no answer.

    That a name does not exist, or has nothing of the kind, is an answer: an empty one. That a
    name's records are not what its zone signed is none. Names come and go in ASCII and lower case,
    without the dot at the end, and may be no host names at all. `secure` says that a resolver we
    believe has validated the answer by DNSSEC, with all the aliases that led to it.
    """

    async def reverse(self, ip: str) -> tuple[str, ...]:
        """The names an address is said to have (PTR)."""
        ...

    async def addresses(self, name: str) -> tuple[str, ...]:
        """The addresses of a host, IPv4 first (A, AAAA)."""
        ...

    async def a(self, name: str) -> tuple[str, ...]:
        """The IPv4 addresses of a name alone, 100 at most (A)."""
        ...

    async def aaaa(self, name: str) -> tuple[str, ...]:
        """The IPv6 addresses of a name alone, 100 at most (AAAA)."""
        ...

    async def host(self, name: str) -> HostAnswer:
        """The addresses of a host, and what is known of them."""
        ...

    async def mx(self, name: str) -> MxAnswer:
        """The mail servers of a domain; one with an empty name where it takes no mail."""
        ...

    async def txt(self, name: str) -> tuple[str, ...]:
        """The texts of a name, each joined to one, 50 of 4 KiB at most."""
        ...

    async def tlsa(self, name: str) -> TlsaAnswer:
        """The TLSA records of a service such as `_25._tcp.mx.example.org`."""
        ...


class Validating(Enum):
    """Whether the name servers are believed that an answer was validated by DNSSEC."""

    AUTO = "auto"
    """If all of them run on this machine."""
    ON = "on"
    OFF = "off"


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
    remembered_bytes: int = 8 * 1024 * 1024
    questions_at_once: int = 100
    validating: Validating = Validating.AUTO


@dataclass(slots=True)
class _Question:
    """A question that is being asked, and how many wait for its answer."""

    task: asyncio.Task[Records]
    waiting: int = 0


class SystemResolver:
    """Asks the network, by dnspython; one object per process."""

    def __init__(self, clock: Clock, options: DnsOptions) -> None:
        self._clock = clock
        self._options = options
        self._stub: Stub | None = None
        self._believed = options.validating is Validating.ON
        self._room = asyncio.Semaphore(options.questions_at_once)  # each has a socket of its own
        self._remembered: dict[tuple[str, str], tuple[Records, int]] = {}
        self._remembered_bytes = 0
        self._asking: dict[tuple[str, str], _Question] = {}

    @property
    def believes(self) -> bool:
        """Whether answers are taken as validated when they say so; known from the first one on."""
        return self._believed

    async def reverse(self, ip: str) -> tuple[str, ...]:
        address = ip_address(ip)
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or address
        return (await self._records(address.reverse_pointer, "PTR")).values

    async def addresses(self, name: str) -> tuple[str, ...]:
        return (await self.host(name)).addresses

    async def a(self, name: str) -> tuple[str, ...]:
        return (await self._records(name, "A")).values

    async def aaaa(self, name: str) -> tuple[str, ...]:
        return (await self._records(name, "AAAA")).values

    async def host(self, name: str) -> HostAnswer:
        answers = await asyncio.gather(
            self._records(name, "A"), self._records(name, "AAAA"), return_exceptions=True
        )
        got = [one for one in answers if isinstance(one, Records)]
        found = tuple(value for one in got for value in one.values)
        for one in answers:
            # Some servers never answer for the one kind of address; the other then has to do.
            if isinstance(one, BaseException) and not (found and isinstance(one, Unavailable)):
                raise one
        canonical = next((one.name for one in got if one.values), got[0].name)
        secure = all(one.secure for one in got)
        alias_secure = False
        if self._believed and not secure and canonical != name.lower().rstrip("."):
            alias_secure = await self._is_signed_alias(name)
        exists = any(one.exists for one in got)
        return HostAnswer(found, secure, canonical, exists, alias_secure)

    async def mx(self, name: str) -> MxAnswer:
        answer = await self._records(name, "MX")
        hosts = tuple(sorted(answer.values, key=lambda host: host.preference))
        return MxAnswer(hosts, answer.secure, answer.name, answer.exists)

    async def txt(self, name: str) -> tuple[str, ...]:
        return (await self._records(name, "TXT")).values

    async def tlsa(self, name: str) -> TlsaAnswer:
        answer = await self._records(name, "TLSA")
        return TlsaAnswer(answer.values, answer.secure)

    async def _is_signed_alias(self, name: str) -> bool:
        try:
            return (await self._records(name, "CNAME")).secure
        except Unavailable:
            return False

    async def _records(self, name: str, kind: str) -> Records:
        key = (kind, name.lower().rstrip("."))
        answer, until_ms = self._remembered.get(key, (None, 0))
        if answer is None or until_ms <= self._clock.now_ms():
            answer = await self._answer(key)
        if answer.failure is not None:
            raise Unavailable("The domain name system does not answer", answer.failure)
        return answer

    async def _answer(self, key: tuple[str, str]) -> Records:
        """Ask, or wait with the others for what is being asked already."""
        question = self._asking.get(key)
        if question is None:
            question = _Question(asyncio.get_running_loop().create_task(self._ask(key)))
            self._asking[key] = question
        question.waiting += 1
        try:
            return await asyncio.shield(question.task)
        finally:
            question.waiting -= 1
            if not question.waiting:
                question.task.cancel()  # nobody wants to know any more, unless it is done
                if self._asking.get(key) is question:
                    del self._asking[key]

    async def _ask(self, key: tuple[str, str]) -> Records:
        kind, name = key
        try:
            async with asyncio.timeout(_ROOM_S):
                await self._room.acquire()
        except TimeoutError as error:
            return dns_query.failed(name, kind, error)  # which says nothing about the name
        asked_ms, loop = self._clock.now_ms(), asyncio.get_running_loop()
        asked_s = loop.time()
        try:
            async with asyncio.timeout(self._options.timeout_s):
                if self._stub is None:
                    await self._open()
                answer = await dns_query.ask(self._opened, name, kind, believed=self._believed)
        except (TimeoutError, OSError) as error:
            answer = dns_query.failed(name, kind, error)
        except asyncio.CancelledError:
            # Else all who have less patience than `timeout_s` would wait anew each time.
            if loop.time() - asked_s >= _GIVEN_UP_S:
                given_up = TimeoutError("no answer in time")
                self._remember(key, dns_query.failed(name, kind, given_up), asked_ms)
            raise
        finally:
            self._room.release()
        self._remember(key, answer, asked_ms)
        return answer

    @property
    def _opened(self) -> "Stub":
        if self._stub is None:
            raise OSError("no name server")
        return self._stub

    async def _open(self) -> None:
        options = self._options
        stub = await asyncio.to_thread(
            dns_query.open_stub, options.servers, options.port, options.timeout_s
        )
        if options.validating is Validating.AUTO:
            self._believed = dns_query.all_local(stub)
        self._stub = stub

    def _remember(self, key: tuple[str, str], answer: Records, now_ms: int) -> None:
        self._forget(key)
        self._remembered_bytes += answer.size_bytes
        options = self._options
        while self._remembered and (
            len(self._remembered) >= options.remembered
            or self._remembered_bytes > options.remembered_bytes
        ):
            self._forget(next(iter(self._remembered)))
        self._remembered[key] = (answer, now_ms + answer.lasts_s * 1000)

    def _forget(self, key: tuple[str, str]) -> None:
        known = self._remembered.pop(key, None)
        if known is not None:
            self._remembered_bytes -= known[0].size_bytes
