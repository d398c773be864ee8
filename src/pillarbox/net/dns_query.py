"""One question to the name servers, by dnspython, and what is kept of the answer.

dnspython costs 5 MB, so it is imported at the first question. Called by `net/dns`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from pillarbox.net.dane import Tlsa

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver as Stub
    from dns.message import Message, QueryMessage
    from dns.rdata import Rdata
    from dns.resolver import NXDOMAIN

SHORTEST_S = 5
LONGEST_S = 3600
LONGEST_EMPTY_S = 300
FAILURE_S = 30
"""For how long a failure is taken for the answer (RFC 2308 §7 allows five minutes)."""
RECORDS_MAX = 100
TEXTS_MAX = 50
TEXT_BYTES_MAX = 4096

_TRY_S = 2.0
_UDP_BYTES = 1232  # what passes every link whole
# Servers here that hand on whatever servers elsewhere say: Docker's, and systemd-resolved's proxy.
_FORWARDERS = ("127.0.0.11", "127.0.0.54")


@dataclass(frozen=True, slots=True)
class MxHost:
    """A host that takes mail of a domain; the name is empty where there is none (RFC 7505 §3)."""

    preference: int
    name: str


@dataclass(frozen=True, slots=True)
class Records:
    """What was answered, and for how long it holds; `failure` says why nothing was.

    `name` is the one asked for after all its aliases. `values` are `MxHost`, `Tlsa`, or else text.
    """

    values: tuple[Any, ...]
    lasts_s: int
    name: str
    secure: bool = False
    exists: bool = True
    failure: str | None = None

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        return 400 + sum(100 + (len(v) if isinstance(v, str) else 100) for v in self.values)


def open_stub(servers: tuple[str, ...], port: int, timeout_s: float) -> "Stub":
    """What asks `servers`, or the system's where there are none; `OSError` where it has none."""
    from dns.asyncresolver import Resolver as Stub
    from dns.exception import DNSException
    from dns.flags import AD, RD

    from pillarbox.net.dns_server import BoundedServer

    try:
        stub = Stub(configure=not servers)
    except DNSException as error:
        raise OSError(str(error)) from error
    named = servers or tuple(one for one in stub.nameservers if isinstance(one, str))
    stub.nameservers = [BoundedServer(server, port) for server in named]
    stub.timeout = _TRY_S
    stub.lifetime = timeout_s
    stub.use_edns(0, 0, _UDP_BYTES)
    # AD in a question asks whether the answer was validated (RFC 6840 §5.7); DO would ask for the
    # signatures too, which nobody reads.
    stub.flags = RD | AD
    _take_any_tlsa()
    return stub


def _take_any_tlsa() -> None:
    """Have dnspython read TLSA records whose data is too short or too long.

    It takes an answer with one for no answer at all, while such a record is merely unusable, and
    the others beside it are as good as ever (RFC 6698 §4.1). dnspython has no option for it.
    """
    from dns import rdata
    from dns.immutable import immutable
    from dns.rdataclass import IN
    from dns.rdatatype import TLSA
    from dns.rdtypes.tlsabase import TLSABase

    class AnyTlsa(TLSABase):
        _cert_length_by_mtype = {}  # noqa: RUF012 - as in its base

    rdata._rdata_classes[IN, TLSA] = immutable(AnyTlsa)  # type: ignore[no-untyped-call]


def all_local(stub: "Stub") -> bool:
    """Whether no answer of these servers crosses a network on its way here."""
    servers = [server.answer_nameserver() for server in stub.nameservers]  # type: ignore[union-attr]
    return all(
        server not in _FORWARDERS and ip_address(server.partition("%")[0]).is_loopback
        for server in servers
    )


async def ask(stub: "Stub", name: str, kind: str, *, believed: bool) -> Records:
    """The records of a kind; `believed` says whether the servers may call an answer secure."""
    from dns.exception import DNSException
    from dns.name import from_text
    from dns.resolver import NXDOMAIN

    missing = Records((), LONGEST_EMPTY_S, name, exists=False)
    if not name.isascii() or name in ("", "@"):  # the last would be taken for the root
        return missing
    try:
        asked = from_text(name)
    except DNSException:
        return missing  # what can't be a name doesn't exist
    try:
        answer = await stub.resolve(asked, kind, raise_on_no_answer=False, search=False)
    except NXDOMAIN as error:
        return _missing(error, name, believed)
    except DNSException as error:
        return failed(name, kind, error)
    secure = believed and _is_authentic(answer.response)
    ttl = max(answer.chaining_result.minimum_ttl, SHORTEST_S)
    canonical = _spelled(answer.canonical_name.to_text())
    if answer.rrset is None:
        return Records((), min(ttl, LONGEST_EMPTY_S), canonical, secure)
    values = _values(kind, answer.rrset)
    return Records(values, min(ttl, LONGEST_S), canonical, secure)


def failed(name: str, kind: str, error: Exception) -> Records:
    """What is remembered of a question that got no answer."""
    why = f"{kind} {name}: {str(error) or type(error).__name__}"
    return Records((), FAILURE_S, name, failure=why)


def _missing(error: "NXDOMAIN", name: str, believed: bool) -> Records:
    from dns.name import from_text

    response: QueryMessage = error.response(from_text(name))  # type: ignore[no-untyped-call]
    chain = response.resolve_chaining()
    ttl = min(max(chain.minimum_ttl, SHORTEST_S), LONGEST_EMPTY_S)
    canonical = _spelled(chain.canonical_name.to_text())
    return Records((), ttl, canonical, believed and _is_authentic(response), exists=False)


def _is_authentic(response: "Message") -> bool:
    from dns.flags import AD

    # Set only where every record of the answer was validated, aliases too (RFC 4035 §3.2.3).
    return bool(response.flags & AD)


def _values(kind: str, records: "Iterable[Rdata]") -> tuple[Any, ...]:
    if kind == "TXT":
        return _texts(records)
    return tuple(_value(kind, record) for record, _ in zip(records, range(RECORDS_MAX)))  # noqa: B905


def _value(kind: str, record: Any) -> object:
    if kind == "MX":
        return MxHost(record.preference, _spelled(record.exchange.to_text()))
    if kind == "TLSA":
        return Tlsa(record.usage, record.selector, record.mtype, record.cert)
    return _spelled(record.to_text())


def _texts(records: Iterable[Any]) -> tuple[str, ...]:
    found: list[str] = []
    for record in records:
        joined = b"".join(record.strings)
        if len(joined) <= TEXT_BYTES_MAX and len(found) < TEXTS_MAX:
            found.append(joined.decode("utf-8", "replace"))
    return tuple(found)


def _spelled(name: str) -> str:
    return name.rstrip(".").lower()
