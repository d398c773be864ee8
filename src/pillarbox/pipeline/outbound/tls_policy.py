"""What TLS with a host has to be like, and what came of it.

Puts together what a domain asks for (MTA-STS, `mta_sts`), what its name servers vouch for (DANE),
what the sender asks for (REQUIRETLS, TLS-Required) and what the host did before. Called by the
router, which asks, and by the runner, which tells what happened.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pillarbox.base.clock import Clock
from pillarbox.pipeline.outbound.model import Peer, TlsDemand
from pillarbox.storage.db import Database

if TYPE_CHECKING:
    from pillarbox.net.dns import HostAnswer, MxAnswer, Resolver
    from pillarbox.net.https import HttpsClient


class StsMode(Protocol):
    """Placeholder of the policy's type."""


@dataclass(frozen=True, slots=True)
class TlsPolicyOptions:
    """Which of the ways are used."""

    dane: bool = True
    mta_sts: bool = True


@dataclass(frozen=True, slots=True)
class DomainPolicy:
    """What a recipient domain says of TLS with its hosts.

    `secure` says that its MX answer was validated, without which there is no DANE; `canonical` is
    the domain behind its aliases then. `sts` is its MTA-STS policy in force, if it has one, and
    `sts_failure` the result type of RFC 8460 §4.3 where it should have one that can't be had.
    """

    domain: str
    secure: bool = False
    canonical: str = ""
    sts: StsMode | None = None
    sts_failure: str = ""


class TlsPolicies:
    """Answers for one process; what it learns is shared with the others through the database."""

    def __init__(
        self,
        resolver: "Resolver",
        https: "HttpsClient",
        database: Database,
        clock: Clock,
        options: TlsPolicyOptions,
    ) -> None:
        self._resolver = resolver
        self._https = https
        self._database = database
        self._clock = clock
        self._options = options

    async def of_domain(self, domain: str, mx: "MxAnswer") -> DomainPolicy:
        """What `domain` asks for; never raises for a policy that can't be had."""
        raise NotImplementedError

    async def demand(
        self,
        policy: DomainPolicy,
        host: str,
        answer: "HostAnswer",
        *,
        port: int = 25,
        require_tls: bool = False,
        optional: bool = False,
        attempts: int = 0,
    ) -> TlsDemand:
        """What a connection to `host` must be like; `optional` is TLS-Required: No (RFC 8689 §5).

        Raises `HostFailure` where it must not be used, now or for this message; the next one may.
        """
        raise NotImplementedError

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
        """What came of a connection to `host`; `failure` is a result type of RFC 8460 §4.3.

        Once for each letter: those over a connection that is reused are not counted. Only takes
        it down; `run` writes it.
        """
        raise NotImplementedError

    async def run(self) -> None:
        """Write what was noted, every minute, until cancelled."""
        raise NotImplementedError

    async def close(self) -> None:
        """Write what was noted since, and end what runs in the background."""
        raise NotImplementedError
