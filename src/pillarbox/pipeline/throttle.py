"""What slows and stops guessing of passwords; called by `pipeline/login`.

Two counters in the database, so that all processes count together. An address (an IPv6 client: its
/64) that fails too often is barred for hours. An account that is tried from many addresses is
braked, not barred: each further try waits a little longer, up to `BRAKE_MAX_S`, so nobody can lock
a user out from everywhere. Trusted clients are neither counted nor stopped.

The policy of `_default` goes before the settings. A domain with limits of its own has one more
counter for each address, which bars from that domain alone; what fails there counts for the address
all the same, so that no domain makes it easier to guess at another. Names that are not served here
meet what all domains do that have nothing of their own.
"""

import hashlib
import ipaddress
from dataclasses import dataclass

from pillarbox.base.ids import AccountId
from pillarbox.domain.bans.lookup import is_barred as is_banned
from pillarbox.domain.policy import policies
from pillarbox.domain.policy.logins import Bar, LoginPolicy
from pillarbox.domain.policy.model import Rate
from pillarbox.storage import counters
from pillarbox.storage.counters import Count
from pillarbox.storage.tx import Tx

PREFIX = "login/ip/"
DOMAIN_PREFIX = "login/domain/"
BRAKE_AFTER_FACTOR = 4
BRAKE_FIRST_S = 0.25
BRAKE_MAX_S = 8.0


@dataclass(frozen=True, slots=True)
class ThrottleOptions:
    """How many failures within which time bar an address, and for how long."""

    max_tries: int = 5
    window_ms: int = 30 * 60_000
    ban_ms: int = 24 * 3_600_000
    bars: bool = True
    """Whether addresses are barred at all."""

    def with_policy(self, bar: Bar) -> "ThrottleOptions":
        """What an admin wants instead, where it is said."""
        return ThrottleOptions(
            self.max_tries if bar.tries is None else bar.tries,
            self.window_ms if bar.window_min is None else bar.window_min * 60_000,
            self.ban_ms if bar.block_min is None else bar.block_min * 60_000,
            bar.enabled is not False,
        )

    def is_reached(self, count: Count) -> bool:
        """Whether so many failures bar an address."""
        return self.bars and count.hits >= self.max_tries


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for a login: for the address, and for its domain where that has limits itself."""

    address: ThrottleOptions
    domain: ThrottleOptions | None
    policy: LoginPolicy


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a client and the login it tries stand."""

    limits: Limits
    address: Count
    account: Count
    domain: Count
    """Failures of the address at the domain; not counted where that has no limits of its own."""
    tries: Count
    banned: bool = False

    @property
    def is_barred(self) -> bool:
        """Whether the address failed too often, or is banned from mail and so from logging in."""
        if self.banned or self.limits.address.is_reached(self.address):
            return True
        return self.limits.domain is not None and self.limits.domain.is_reached(self.domain)

    @property
    def is_too_often(self) -> bool:
        """Whether the address has tried as often as it may, well or not."""
        most = self.limits.policy.per_ip.most
        return 0 < most <= self.tries.hits

    @property
    def brake_s(self) -> float:
        """How long this try has to wait."""
        over = self.account.hits - BRAKE_AFTER_FACTOR * self.limits.address.max_tries
        return 0.0 if over < 0 else min(BRAKE_MAX_S, BRAKE_FIRST_S * 2.0 ** min(over, 8))


def address_name(ip: str) -> str:
    """The counter of a client's address."""
    return PREFIX + _place(ip)


def account_name(login: str) -> str:
    """The counter of a login, whether there is such a user or not."""
    return "login/account/" + _digest(login)


def limits(tx: Tx, settings: ThrottleOptions, domain: str) -> Limits:
    """What holds for logins at a domain; `""` for those that name none."""
    policy = policies.logins(tx, domain)
    general = settings.with_policy(policy.server)
    own = None
    if policy.domain.is_own:
        own = settings.with_policy(policy.server).with_policy(policy.domain)
    return Limits(general, own, policy)


def standing(tx: Tx, ip: str, login: str, settings: ThrottleOptions) -> Standing:
    """Where a client and a login stand now; without a login (a bare token) the client alone."""
    domain = domain_of(login)
    held = limits(tx, settings, domain)
    nothing = counters.NOTHING
    return Standing(
        held,
        counters.read(tx, address_name(ip)),
        counters.read(tx, account_name(login)) if login else nothing,
        nothing if held.domain is None else counters.read(tx, _domain_name(ip, domain)),
        counters.read(tx, _tries_name(ip)) if held.policy.per_ip.most else nothing,
        held.policy.bans and is_banned(tx, ip),
    )


def failed(tx: Tx, ip: str, login: str, settings: ThrottleOptions) -> Standing:
    """Count a failed login."""
    domain = domain_of(login)
    held = limits(tx, settings, domain)
    nothing = counters.NOTHING
    general = held.address
    return Standing(
        held,
        _hit(tx, address_name(ip), general),
        counters.hit(tx, account_name(login), general.window_ms) if login else nothing,
        nothing if held.domain is None else _hit(tx, _domain_name(ip, domain), held.domain),
        nothing,
    )


def tried(tx: Tx, ip: str, rate: Rate) -> bool:
    """Count a login that is tried; gives whether it may be."""
    return counters.hit(tx, _tries_name(ip), rate.window_s * 1000).hits <= rate.most


def entered(tx: Tx, account_id: AccountId, rate: Rate) -> bool:
    """Count a user's login by IMAP; gives whether it may be."""
    name = f"login/imap/{account_id}"
    return counters.hit(tx, name, rate.window_s * 1000).hits <= rate.most


def domain_of(login: str) -> str:
    """The domain of a login; `""` where it names none."""
    _, at, domain = login.rpartition("@")
    return domain if at else ""


def barred(tx: Tx, settings: ThrottleOptions) -> dict[str, Count]:
    """The addresses (or /64 networks) that are barred now."""
    general = limits(tx, settings, "").address
    found = counters.beginning_with(tx, PREFIX)
    return {
        name.removeprefix(PREFIX): count
        for name, count in found.items()
        if general.is_reached(count)
    }


def barred_from_domains(tx: Tx, settings: ThrottleOptions) -> list[tuple[str, str, Count]]:
    """Addresses and the domains with limits of their own that they are barred from."""
    known = {_digest(name): name for name in policies.named(tx)}
    found = []
    for name, count in counters.beginning_with(tx, DOMAIN_PREFIX).items():
        place, _, digest = name.removeprefix(DOMAIN_PREFIX).rpartition("/")
        domain = known.get(digest)
        own = None if domain is None else limits(tx, settings, domain).domain
        if domain is not None and own is not None and own.is_reached(count):
            found.append((place, domain, count))
    return found


def release(tx: Tx, ip: str) -> bool:
    """Let an address log in again; gives whether it had failures. A /64 may be given, too."""
    ip = ip.partition("/")[0]
    names = (
        *(address_name(ip), _tries_name(ip)),
        *counters.beginning_with(tx, f"{DOMAIN_PREFIX}{_place(ip)}/"),
    )
    return sum(counters.clear(tx, name) for name in names) > 0


def _hit(tx: Tx, name: str, options: ThrottleOptions) -> Count:
    most = options.max_tries if options.bars else None
    return counters.hit(tx, name, options.window_ms, most, options.ban_ms)


def _place(ip: str) -> str:
    """How an address is counted: one of IPv6 with its /64."""
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return ip[:64]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _tries_name(ip: str) -> str:
    return "login/tries/" + _place(ip)


def _domain_name(ip: str, domain: str) -> str:
    return f"{DOMAIN_PREFIX}{_place(ip)}/{_digest(domain)}"


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:40]
