"""Values of routing."""

from dataclasses import dataclass, field
from enum import IntEnum

from pillarbox.base.ids import AccountId

DIRECT = "direct"
"""The name of the way that needs no route: to the mail exchangers of the recipient's domain."""

LOCAL = "local"
"""The name of the way to mailboxes here."""


class Protocol(IntEnum):
    """What is spoken with the host of a route."""

    SMTP = 0
    LMTP = 1


class RouteTls(IntEnum):
    """What TLS with the host of a route must be like; `IMPLICIT` is verified and begins at once."""

    OFF = 0
    OPPORTUNISTIC = 1
    REQUIRED = 2
    VERIFIED = 3
    IMPLICIT = 4


@dataclass(frozen=True, slots=True)
class RouteSecrets:
    """What opens the host and the proxy to us; `proxy` is `host:port`."""

    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    proxy: str = ""
    proxy_username: str = ""
    proxy_password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Match:
    """For which mail a route is; what is `None` does not matter.

    `recipient_domain` with a dot in front is for every domain below it.
    """

    recipient_domain: str | None = None
    sender_domain: str | None = None
    account_id: AccountId | None = None

    def score(self, recipient: str, sender: str, account: AccountId | None) -> int | None:
        """How closely a message fits, `None` if it does not: recipient before user before sender.

        A domain by its name fits closer than one below it, and that closer the longer it is.
        """
        score = 0
        if self.recipient_domain is not None:
            wanted = self.recipient_domain
            if recipient == wanted:
                score += 4000
            elif wanted.startswith(".") and recipient.endswith(wanted):
                score += 2000 + len(wanted)
            else:
                return None
        if self.account_id is not None:
            if account != self.account_id:
                return None
            score += 1000
        if self.sender_domain is not None:
            if sender != self.sender_domain:
                return None
            score += 500
        return score


@dataclass(frozen=True, slots=True)
class Route:
    """A way for some mail.

    Without a `host` it goes to the mail exchangers of its domain, but from `sources` or through
    the proxy. `exchangers` says that the host is a name whose own mail exchangers are meant.
    `fallback` routes are taken only where direct delivery is refused.
    """

    name: str
    match: Match = Match()
    fallback: bool = False
    host: str | None = None
    port: int = 25
    protocol: Protocol = Protocol.SMTP
    tls: RouteTls = RouteTls.OPPORTUNISTIC
    exchangers: bool = False
    sources: tuple[str, ...] = ()
    helo: str = ""
    secrets: RouteSecrets = RouteSecrets()
    enabled: bool = True


def choose(
    routes: tuple[Route, ...],
    recipient: str,
    sender: str,
    account: AccountId | None,
    *,
    fallback: bool = False,
) -> Route | None:
    """The route that fits a message best; of two that fit alike the one made first."""
    best: Route | None = None
    best_score = -1
    for route in routes:
        if route.fallback is not fallback or not route.enabled:
            continue
        score = route.match.score(recipient, sender, account)
        if score is not None and score > best_score:
            best, best_score = route, score
    return best
