"""Values of the lists of senders, and which entry fits a message."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import IPv4Network, IPv6Network, ip_address

from pillarbox.domain.judgement.model import Action

TOPIC = "sender lists"
"""The bus topic: whoever keeps lists in memory drops them at a hint."""

ENTRIES_MOST = 1000
"""Entries of one list."""
_LABELS_MOST = 127

ACTIONS = (Action.ALLOW, Action.JUNK, Action.REFUSE)


class Scope(IntEnum):
    """Whose list it is: everybody's, a domain's or a user's."""

    SERVER = 0
    DOMAIN = 1
    USER = 2


@dataclass(frozen=True, slots=True)
class Owner:
    """A list; `id` is that of the domain or of the account, 0 for the server's."""

    scope: Scope
    id: int = 0


SERVER = Owner(Scope.SERVER)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry.

    `pattern` is an address, a domain, `.domain` for that and all below it, or a network. An entry
    that lets in counts only for senders who were authenticated, but with `even_unauthenticated`.
    """

    id: int
    pattern: str
    action: Action
    even_unauthenticated: bool = False
    created_ms: int = 0


@dataclass(frozen=True, slots=True)
class Sender:
    """Who a message comes from: addresses in lower case, their domains as A-labels.

    `authors` are those of From, `authentic_author` the one that was authenticated. `envelope` is
    the reverse-path, `authentic_envelope` says that SPF passed for it.
    """

    authors: tuple[str, ...] = ()
    authentic_author: str = ""
    envelope: str = ""
    authentic_envelope: bool = False
    ip: str = ""


@dataclass(frozen=True, slots=True)
class SenderList:
    """The entries of one owner, as they are looked up."""

    named: dict[str, Entry] = field(default_factory=dict)
    networks: tuple[tuple[IPv4Network | IPv6Network, Entry], ...] = ()

    def find(self, sender: Sender) -> tuple[Entry, str] | None:
        """The entry that fits best, and what of the sender it fits; `None` if none does.

        An address goes before a domain, a longer domain before a shorter one, names before
        networks; of what is alike, what keeps out goes first.
        """
        found: list[tuple[tuple[int, int, int], Entry, str]] = []
        if self.named:
            for address in dict.fromkeys((*sender.authors, sender.envelope)):
                for rank, pattern in patterns(address):
                    entry = self.named.get(pattern)
                    if entry is not None and _counts(entry, address, sender):
                        keeps_out = int(entry.action is not Action.ALLOW)
                        found.append(((1, rank, keeps_out), entry, address))
        found.extend(
            ((0, network.prefixlen, int(entry.action is not Action.ALLOW)), entry, sender.ip)
            for network, entry in self._around(sender.ip)
        )
        if not found:
            return None
        _, entry, what = max(found, key=lambda one: one[0])
        return entry, what

    def _around(self, ip: str) -> Iterable[tuple[IPv4Network | IPv6Network, Entry]]:
        if not self.networks:
            return ()
        try:
            address = ip_address(ip.partition("%")[0])
        except ValueError:
            return ()
        return [one for one in self.networks if address in one[0]]


def patterns(address: str) -> Sequence[tuple[int, str]]:
    """What may stand in a list for an address, each with its rank: the higher fits closer."""
    local, at, domain = address.rpartition("@")
    if not at or not domain:
        return ()
    labels = domain.split(".")[-_LABELS_MOST:]
    found = [(1000, f"{local}@{domain}"), (999, domain)]
    found += [(len(labels) - start, "." + ".".join(labels[start:])) for start in range(len(labels))]
    return found


def _counts(entry: Entry, address: str, sender: Sender) -> bool:
    if entry.action is not Action.ALLOW or entry.even_unauthenticated:
        return True
    if address == sender.authentic_author:
        return True
    return sender.authentic_envelope and address == sender.envelope
