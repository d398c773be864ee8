"""What TLS with a host has to be like, and what came of it.

Puts together what a domain asks for (MTA-STS, `mta_sts`), what its name servers vouch for (DANE,
RFC 7672), what the sender asks for (REQUIRETLS and TLS-Required, RFC 8689) and what the host did
before (`tls_memory`). Called by the router, which asks, and by the runner, which tells what
happened; that is counted by `tls_results`.
"""

import asyncio
from dataclasses import dataclass

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Failure, Unavailable
from pillarbox.base.log import logger
from pillarbox.domain.queue.model import Stage
from pillarbox.domain.transport.results import Result
from pillarbox.formats.mta_sts import Mode, StsPolicy
from pillarbox.net import dane
from pillarbox.net.dane import Tlsa
from pillarbox.net.dns import HostAnswer, MxAnswer, Resolver
from pillarbox.net.https import HttpsClient
from pillarbox.pipeline.outbound.model import DomainPolicy, HostFailure, Peer, Security, TlsDemand
from pillarbox.pipeline.outbound.mta_sts import NO_STS, StsPolicies
from pillarbox.pipeline.outbound.tls_memory import TlsMemory
from pillarbox.pipeline.outbound.tls_results import FLUSH_EVERY_S, TlsResults
from pillarbox.storage.db import Database
from pillarbox.wire.smtp.replies import Reply

UPKEEP_EVERY_S = 3600
TRUSTED_ATTEMPTS = 3
"""For so many attempts a host that once offered TLS is expected to do so."""

_REMEMBERED = 20_000
_COUNT_AGAIN_MS = 60_000

_log = logger("outbound")


@dataclass(frozen=True, slots=True)
class TlsPolicyOptions:
    """Which of the ways are used, and whether sessions are counted for reports.

    `sts_port` is where the hosts of policies listen; the world's do at 443.
    """

    dane: bool = True
    mta_sts: bool = True
    count: bool = True
    sts_port: int = 443


class TlsPolicies:
    """Answers for one process; what it learns is shared with the others through the database."""

    def __init__(
        self,
        resolver: Resolver,
        https: HttpsClient,
        database: Database,
        clock: Clock,
        options: TlsPolicyOptions,
    ) -> None:
        self._resolver = resolver
        self._clock = clock
        self._options = options
        self._sts = StsPolicies(resolver, https, database, clock, options.sts_port)
        self._memory = TlsMemory(database, clock)
        self._results = TlsResults(database, clock)
        self._latest: dict[str, DomainPolicy] = {}
        self._refused: dict[tuple[str, str], int] = {}

    async def of_domain(self, domain: str, mx: MxAnswer) -> DomainPolicy:
        """What `domain` asks for; a policy that can't be had is none.

        Raises `Failure` where the database does.
        """
        sts = await self._sts.of_domain(domain) if self._options.mta_sts else NO_STS
        policy = sts.policy
        if policy is not None and policy.mode is Mode.NONE:
            policy = None
        found = DomainPolicy(domain, mx.secure, mx.name, policy, sts.failure, sts.text)
        if domain not in self._latest and len(self._latest) >= _REMEMBERED:
            del self._latest[next(iter(self._latest))]
        self._latest[domain] = found
        return found

    async def demand(
        self,
        policy: DomainPolicy,
        host: str,
        answer: HostAnswer,
        *,
        port: int = 25,
        require_tls: bool = False,
        optional: bool = False,
        attempts: int = 0,
    ) -> TlsDemand:
        """What a connection to `host` must be like.

        `require_tls` is REQUIRETLS, `optional` TLS-Required: No, which the former outdoes (RFC 8689
        §4.1); `attempts` are those before. Raises `HostFailure` where the host must not be used:
        temporary as a rule, 5.7.30 where this message may not go there. Another host may do.
        """
        if optional and not require_tls:
            return TlsDemand(Security.OPPORTUNISTIC)
        found = await self._dane(policy, host, answer, port)
        if found is not None and found.security is Security.DANE:
            return found  # whatever MTA-STS says (RFC 8461 §2)
        sts = policy.sts
        if sts is not None and sts.mode is Mode.ENFORCE:
            if not sts.allows(host):
                self._count_refusal(policy, host, sts)
                raise _failure(f"{host} is not in the MTA-STS policy of {policy.domain}")
            return TlsDemand(Security.VERIFIED, (host,), policy="mta-sts")
        if require_tls:
            return _required(policy, host)
        if found is not None:
            return found
        return await self._opportunistic(policy, host, attempts)

    def note(
        self,
        domain: str,
        policy: DomainPolicy | None,
        peer: Peer | None,
        host: str,
        failure: str = "",
        *,
        demand: TlsDemand | None = None,
        optional: bool = False,
    ) -> None:
        """What came of TLS with `host`; only takes it down, `run` writes it.

        For each letter that was handed over, and each `HostFailure` that has a `tls_result`, which
        is `failure` then. `policy` may be left out after `of_domain`. What went over a connection
        that is reused, by a route, or with TLS-Required: No is not counted: reports are sent so,
        and reports about the delivery of reports would never end.
        """
        if peer is not None and peer.tls is not None:
            self._memory.saw(host)
        by_route = demand is not None and demand.policy == "route"
        if optional or by_route or not self._options.count:
            return
        if not failure and (peer is None or peer.reused):
            return
        if not failure and peer is not None and peer.tls is None and not peer.tls_result:
            return  # it ended before TLS was thought of
        policy = policy or self._latest.get(domain) or DomainPolicy(domain)
        outcome = failure or _outcome(peer, host, policy, demand)
        result = _kind(policy, host, demand)
        if result.policy_type == "sts" and policy.sts is None:
            outcome = policy.sts_failure
        if outcome:
            result = _failed(result, outcome, host, peer, policy)
        self._results.count(domain, result)

    async def run(self) -> None:
        """Write what was noted, every minute, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            await self._flush()

    async def upkeep(self) -> None:
        """Refresh policies and forget what is old; a periodic job, for one process of all."""
        await self._memory.sweep()
        await self._sts.refresh_due()

    async def close(self) -> None:
        """Write what was noted since, and end what runs in the background."""
        await self._sts.close()
        await self._flush()

    async def _flush(self) -> None:
        for part in (self._results, self._memory):
            try:
                await part.flush()
            except Failure as failure:
                _log.warning("what is known of TLS can't be written", why=failure.cause)
            except Exception:
                _log.exception("what is known of TLS can't be written")

    async def _dane(
        self, policy: DomainPolicy, host: str, answer: HostAnswer, port: int
    ) -> TlsDemand | None:
        """What TLSA records ask for, `None` where there are none that count (RFC 7672 §2.2)."""
        if not self._options.dane or not policy.secure:
            return None
        for base in _bases(host, answer):
            try:
                found = await self._resolver.tlsa(f"_{port}._tcp.{base}")
            except Unavailable as failure:
                why = f": {failure.cause}" if failure.cause else ""
                raise _failure(
                    f"The TLSA records of {base} can't be looked up{why}", Stage.DNS
                ) from failure
            if not found.secure or not found.records:
                continue
            usable = dane.usable(found.records)
            if not usable:  # TLS all the same, with nobody to vouch (RFC 7672 §2.2)
                return TlsDemand(Security.ENCRYPTED, policy="dane")
            names = dict.fromkeys((base, host, policy.domain, policy.canonical))
            given = tuple(name for name in names if name)
            return TlsDemand(Security.DANE, given, usable, "dane")
        return None

    async def _opportunistic(self, policy: DomainPolicy, host: str, attempts: int) -> TlsDemand:
        sts = policy.sts
        names = (host,) if sts is not None and sts.allows(host) else ()  # a policy being tested
        if not await self._memory.offered(host):
            return TlsDemand(Security.OPPORTUNISTIC, names)
        expected = attempts < TRUSTED_ATTEMPTS
        security = Security.ENCRYPTED if expected else Security.OPPORTUNISTIC
        return TlsDemand(security, names, policy="memory")

    def _count_refusal(self, policy: DomainPolicy, host: str, sts: StsPolicy) -> None:
        """Count a host that was not even connected to; once a minute, not for each message."""
        now_ms = self._clock.now_ms()
        key = (policy.domain, host)
        if not self._options.count or self._refused.get(key, 0) > now_ms:
            return
        if len(self._refused) >= _REMEMBERED:
            self._refused.clear()
        self._refused[key] = now_ms + _COUNT_AGAIN_MS
        result = Result("sts", policy.domain, sts.lines, sts.mx, "validation-failure", host)
        self._results.count(policy.domain, result)


def _bases(host: str, answer: HostAnswer) -> tuple[str, ...]:
    """The names whose TLSA records count, in this order (RFC 7672 §2.2.2, §2.2.3)."""
    if answer.secure:
        return tuple(dict.fromkeys((answer.name or host, host)))
    return (host,) if answer.alias_secure else ()


def _required(policy: DomainPolicy, host: str) -> TlsDemand:
    """REQUIRETLS without DANE: the host's name has to be sure before its certificate means much.

    It is by DNSSEC, by an MTA-STS policy, or since it is the domain itself (RFC 8689 §4.2.1).
    """
    listed = policy.sts is not None and policy.sts.allows(host)
    if policy.secure or listed or host == policy.domain:
        return TlsDemand(Security.VERIFIED, (host,), policy="requiretls")
    text = f"Nothing vouches for {host} as a host of {policy.domain}, and the message requires TLS"
    raise HostFailure(Stage.TLS, Reply(550, "5.7.30", (text,)))


def _failure(text: str, stage: Stage = Stage.TLS) -> HostFailure:
    return HostFailure(stage, Reply(451, "4.7.5", (text,)))


def _outcome(peer: Peer | None, host: str, policy: DomainPolicy, demand: TlsDemand | None) -> str:
    """The result type of a session that came about; empty: it went well."""
    if peer is None or peer.tls is None or peer.tls_result:
        return "" if peer is None else peer.tls_result
    is_dane = demand is not None and demand.policy == "dane"
    listed = policy.sts is None or is_dane or policy.sts.allows(host)
    return "" if listed else "validation-failure"


def _kind(policy: DomainPolicy, host: str, demand: TlsDemand | None) -> Result:
    """Under which policy a session was (RFC 8460 §4.4)."""
    if demand is not None and demand.policy == "dane":
        base = demand.names[0] if demand.names else host
        return Result("tlsa", base[:255], tuple(map(_text, demand.tlsa)))
    if policy.sts is not None:
        return Result("sts", policy.domain, policy.sts.lines, policy.sts.mx)
    if policy.sts_failure:
        return Result("sts", policy.domain)
    return Result("no-policy-found", policy.domain)


def _failed(
    result: Result, outcome: str, host: str, peer: Peer | None, policy: DomainPolicy
) -> Result:
    reason = policy.sts_text[:255] if outcome == policy.sts_failure else ""
    return Result(
        result.policy_type,
        result.policy_domain,
        result.policy,
        result.policy_mx,
        outcome[:40],
        host[:255],
        peer.ip if peer is not None else "",
        peer.source if peer is not None else "",
        reason,
    )


def _text(record: Tlsa) -> str:
    """A TLSA record as zone files write it."""
    return f"{record.usage} {record.selector} {record.matching} {record.data.hex()}"
