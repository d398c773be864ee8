"""The policy of one domain for mail that comes in."""

from dataclasses import dataclass, field

from pillarbox.domain.judgement.model import Rules


@dataclass(frozen=True, slots=True)
class Policy:
    """A domain's policy, the `_default` one's values where it has none of its own."""

    domain: str
    off: frozenset[str] = frozenset()
    """Names of checks that are not wanted."""
    rules: Rules = field(default_factory=Rules)

    def has(self, check: str) -> bool:
        """Whether a check is wanted."""
        return check not in self.off
