"""Barring networks from sending mail here, and letting them again.

Called by the command line and, for bans that the server decides on, by `pipeline/inbound/gate`,
which keeps the list in memory. Failed logins bar addresses from logging in by other means
(`pipeline/throttle`).
"""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network

from sqlalchemy import bindparam, delete, or_, select, update

from pillarbox.base.errors import Invalid, TooLarge
from pillarbox.domain.bans.tables import bans
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

TOPIC = "bans"
"""The bus topic: whoever keeps the list in memory reads it again at a hint."""

BANS_MAX = 100_000
WHY_MAX = 200
SHORTEST_4, SHORTEST_6 = 8, 16
"""The shortest prefixes that are taken: nobody means to bar half the world."""

Network = IPv4Network | IPv6Network

_b = bans.c
_RUNNING = or_(_b.expires_ms.is_(None), _b.expires_ms > bindparam("now"))
_LIST = Statement(
    select(_b.network, _b.why, _b.automatic, _b.created_ms, _b.expires_ms)
    .where(_RUNNING)
    .order_by(_b.automatic, _b.created_ms.desc())
    .limit(bindparam("most"))
)
_GET = Statement(select(_b.automatic, _b.expires_ms).where(_b.network == bindparam("named")))
_INSERT = insert_row(bans)
_CHANGE = Statement(
    update(bans)
    .where(_b.network == bindparam("named"))
    .values(
        why=bindparam("reason"),
        automatic=bindparam("by_itself"),
        created_ms=bindparam("now"),
        expires_ms=bindparam("until"),
    )
)
_DELETE = Statement(delete(bans).where(_b.network == bindparam("named")))
_SWEEP = Statement(delete(bans).where(_b.expires_ms <= bindparam("now")))


@dataclass(frozen=True, slots=True)
class Ban:
    """One barred network; `expires_ms` is `None` where it is barred until it is released."""

    network: str
    why: str
    automatic: bool
    created_ms: int
    expires_ms: int | None


def parse_network(text: str) -> Network:
    """The network of an address or prefix, bits behind the prefix cleared; `Invalid` if none.

    IPv4 mapped to IPv6 is IPv4, as it is where clients are looked up.
    """
    try:
        network = ip_network(text.strip().partition("%")[0], strict=False)
    except ValueError:
        raise Invalid(f"{text} is no address or network such as 192.0.2.0/24") from None
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = IPv6Address(network.network_address).ipv4_mapped
        if mapped is not None:
            network = ip_network(f"{mapped}/{network.prefixlen - 96}")
    shortest = SHORTEST_4 if network.version == 4 else SHORTEST_6
    if network.prefixlen < shortest:
        raise TooLarge(f"{network} is too large; at least /{shortest} is needed")
    return network


def add(tx: Tx, network: str, for_ms: int | None = None, why: str = "") -> Ban:
    """Bar a network, for a while or until it is released; a ban of it that runs is replaced."""
    return _put(tx, str(parse_network(network)), why, False, for_ms)


def add_automatic(tx: Tx, network: str, for_ms: int, why: str) -> Ban | None:
    """Bar a network for what it did; `None` where it is barred for longer already."""
    name = str(parse_network(network))
    found = tx.one(_GET, named=name)
    if found is not None and (found[1] is None or found[1] >= tx.now_ms + for_ms):
        return None
    return _put(tx, name, why, True, for_ms)


def release(tx: Tx, network: str) -> bool:
    """Let a network send mail again; gives whether it was barred."""
    released = tx.run(_DELETE, named=str(parse_network(network))) > 0
    if released:
        tx.emit(TOPIC)
    return released


def running(tx: Tx, most: int = BANS_MAX) -> list[Ban]:
    """The bans that hold now, the oldest first; of too many, those of admins and the newest."""
    rows = tx.all(_LIST, now=tx.now_ms, most=most)
    found = [Ban(name, why, bool(auto), created, end) for name, why, auto, created, end in rows]
    return sorted(found, key=lambda ban: (ban.created_ms, ban.network))


def sweep(tx: Tx) -> int:
    """Forget the bans that are over."""
    return tx.run(_SWEEP, now=tx.now_ms)


def _put(tx: Tx, network: str, why: str, automatic: bool, for_ms: int | None) -> Ban:
    until_ms = None if for_ms is None else tx.now_ms + for_ms
    ban = Ban(network, why[:WHY_MAX], automatic, tx.now_ms, until_ms)
    changed = tx.run(
        _CHANGE,
        named=network,
        reason=ban.why,
        by_itself=int(automatic),
        now=tx.now_ms,
        until=until_ms,
    )
    if not changed:
        tx.run(
            _INSERT,
            network=network,
            why=ban.why,
            automatic=int(automatic),
            created_ms=tx.now_ms,
            expires_ms=until_ms,
        )
    tx.emit(TOPIC)
    return ban
