"""Values of reputations."""

from dataclasses import dataclass
from enum import Enum, IntEnum
from ipaddress import ip_address, ip_network

SERVER = 0
"""The scope of what came of mail to anybody here."""
WHOLE = 1000
"""Weights count thousandths of a message."""


class Kind(IntEnum):
    """What has a reputation; the first three only where the message is proved to be theirs."""

    ADDRESS = 1
    DOMAIN = 2
    SIGNER = 3
    IP = 4
    NETWORK = 5


class Outcome(Enum):
    """What came of a message: by how much it counts as good and as bad.

    What the server decided by itself counts little, for otherwise it would only learn to agree with
    itself; what users say counts whole.
    """

    ACCEPTED = (100, 0)
    JUNKED = (0, 200)
    REFUSED = (0, 300)
    WANTED = (500, 0)
    """Its user answered it, or did something else that says it is welcome."""
    HAM = (WHOLE, 0)
    SPAM = (0, WHOLE)


SAID = frozenset((Outcome.WANTED, Outcome.HAM, Outcome.SPAM))
"""What users say, by what they do."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose a message is. Empty where that is not known, or not proved.

    `address` and `domain` are those of From, where the domain is authenticated; `domain` then is
    the one that SPF, DKIM or DMARC stand for. `signers` are domains of DKIM signatures that pass.
    """

    address: str = ""
    domain: str = ""
    signers: tuple[str, ...] = ()
    ip: str = ""

    def names(self) -> tuple[tuple[Kind, str], ...]:
        """Everything of it that has a reputation."""
        found = [(Kind.ADDRESS, self.address.lower()), (Kind.DOMAIN, self.domain.lower())]
        found += [(Kind.SIGNER, signer.lower()) for signer in self.signers[:SIGNERS_MOST]]
        found += [(Kind.IP, self.ip), (Kind.NETWORK, network_of(self.ip))]
        return tuple(dict.fromkeys((kind, name) for kind, name in found if name))


SIGNERS_MOST = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a name: messages that were good and bad, the older the less."""

    good: float = 0.0
    bad: float = 0.0

    @property
    def weight(self) -> float:
        """How much is known at all, in messages."""
        return self.good + self.bad

    @property
    def badness(self) -> float:
        """The share of what was bad; 0.5 where nothing is known."""
        return self.bad / self.weight if self.weight else 0.5


def network_of(ip: str) -> str:
    """The /24 or /64 of an address; empty for what is none."""
    try:
        address = ip_address(ip)
    except ValueError:
        return ""
    return str(ip_network(f"{address}/{24 if address.version == 4 else 64}", strict=False))
