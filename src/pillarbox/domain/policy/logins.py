"""What admins decide of logins: values, as `policies.logins` reads them."""

from dataclasses import dataclass

from pillarbox.domain.policy.model import Rate


@dataclass(frozen=True, slots=True)
class Bar:
    """When addresses that fail to log in are barred; `None`: as otherwise."""

    enabled: bool | None = None
    tries: int | None = None
    window_min: int | None = None
    block_min: int | None = None

    @property
    def is_own(self) -> bool:
        """Whether anything is wished for here."""
        if self.enabled is not None:
            return self.enabled
        return (self.tries, self.window_min, self.block_min) != (None, None, None)


@dataclass(frozen=True, slots=True)
class LoginPolicy:
    """What holds for a login: `server` for all addresses, `domain` for this domain beside it.

    That a login meets `server` whatever its domain is keeps one domain from opening the others.
    """

    server: Bar
    domain: Bar
    bans: bool
    """Whether banned networks may not log in."""
    per_ip: Rate
    imap_per_user: Rate
