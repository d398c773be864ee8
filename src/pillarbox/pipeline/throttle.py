"""What slows and stops guessing of passwords; called by `pipeline/login`.

Two counters in the database, so that all processes count together. An address (an IPv6 client: its
/64) that fails too often is barred for hours. An account that is tried from many addresses is
braked, not barred: each further try waits a little longer, up to `BRAKE_MAX_S`, so nobody can lock
a user out from everywhere. Trusted clients are neither counted nor stopped.
"""

import hashlib
import ipaddress
from dataclasses import dataclass

from pillarbox.storage import counters
from pillarbox.storage.counters import Count
from pillarbox.storage.tx import Tx

PREFIX = "login/ip/"
BRAKE_AFTER_FACTOR = 4
BRAKE_FIRST_S = 0.25
BRAKE_MAX_S = 8.0


@dataclass(frozen=True, slots=True)
class ThrottleOptions:
    """How many failures within which time bar an address, and for how long."""

    max_tries: int = 5
    window_ms: int = 30 * 60_000
    ban_ms: int = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a client and the login it tries stand."""

    address: Count
    account: Count

    def is_barred(self, options: ThrottleOptions) -> bool:
        """Whether the address failed too often."""
        return self.address.hits >= options.max_tries

    def brake_s(self, options: ThrottleOptions) -> float:
        """How long this try has to wait."""
        over = self.account.hits - BRAKE_AFTER_FACTOR * options.max_tries
        return 0.0 if over < 0 else min(BRAKE_MAX_S, BRAKE_FIRST_S * 2.0 ** min(over, 8))


def address_name(ip: str) -> str:
    """The counter of a client's address."""
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return PREFIX + ip[:64]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return PREFIX + str(address.ipv4_mapped)
        return PREFIX + str(ipaddress.ip_network((address, 64), strict=False))
    return PREFIX + str(address)


def account_name(login: str) -> str:
    """The counter of a login, whether there is such a user or not."""
    return "login/account/" + hashlib.sha256(login.encode("utf-8", "replace")).hexdigest()[:40]


def standing(tx: Tx, ip: str, login: str) -> Standing:
    """Where a client and a login stand now; without a login (a bare token) the client alone."""
    account = counters.read(tx, account_name(login)) if login else counters.NOTHING
    return Standing(counters.read(tx, address_name(ip)), account)


def failed(tx: Tx, ip: str, login: str, options: ThrottleOptions) -> Standing:
    """Count a failed login."""
    address = counters.hit(
        tx, address_name(ip), options.window_ms, options.max_tries, options.ban_ms
    )
    if not login:
        return Standing(address, counters.NOTHING)
    return Standing(address, counters.hit(tx, account_name(login), options.window_ms))


def barred(tx: Tx, options: ThrottleOptions) -> dict[str, Count]:
    """The addresses (or /64 networks) that are barred now."""
    found = counters.beginning_with(tx, PREFIX)
    return {
        name.removeprefix(PREFIX): count
        for name, count in found.items()
        if count.hits >= options.max_tries
    }


def release(tx: Tx, ip: str) -> bool:
    """Let an address log in again; gives whether it had failures. A /64 may be given, too."""
    return counters.clear(tx, address_name(ip.partition("/")[0]))
