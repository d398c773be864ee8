"""Settings of how mail from other servers is checked; the last part of `options.Options`.

What differs between domains, and what admins change while the server runs, is no setting but policy
(`domain/policy`).
"""

from dataclasses import dataclass

from pillarbox.app.config import kinds
from pillarbox.app.config.setting import key


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundOptions:
    """Effective settings; sizes in bytes, times in the unit that the key's comment names."""

    checks_inside: bool = key(
        kinds.BOOLEAN,
        "false",
        "Check mail from private and loopback addresses like that from elsewhere (for tests).",
        section="Checks of mail that comes in",
    )
    trace_keep_days: int = key(
        kinds.whole(1, 3650), "30", "How long it is known what became of a message (days)."
    )
    spam_threshold: int = key(
        kinds.whole(0, 1000),
        "5",
        "From so many points on mail goes to Junk; 0: never. Domains (`pillarbox policy`) and users\n"
        "may have others.",
    )
