"""One message's trace, as it is kept."""

import msgspec

from pillarbox.domain.judgement.model import Action, Decision, Rules, Run


class TracedClient(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Who brought it: the connection, and what the client called itself."""

    ip: str = ""
    helo: str = ""
    name: str = ""
    """The name of its address, confirmed both ways."""
    protocol: str = ""
    tls: str = ""
    session: str = ""


class TracedRules(msgspec.Struct, frozen=True, omit_defaults=True):
    """The rules a decision was made by (`Rules`), so that it can be made again."""

    junk_score: float | None = None
    quarantine_score: float | None = None
    refuse_score: float | None = None
    points: dict[str, float] = {}
    actions: dict[str, Action | None] = {}
    ignored: tuple[str, ...] = ()

    @classmethod
    def of(cls, rules: Rules) -> "TracedRules":
        """Rules to be kept."""
        return cls(
            rules.junk_score,
            rules.quarantine_score,
            rules.refuse_score,
            dict(rules.points),
            dict(rules.actions),
            tuple(sorted(rules.ignored)),
        )

    def rules(self) -> Rules:
        """As `decide` takes them."""
        return Rules(
            self.junk_score,
            self.quarantine_score,
            self.refuse_score,
            self.points,
            self.actions,
            frozenset(self.ignored),
        )


class TracedRecipient(msgspec.Struct, frozen=True, omit_defaults=True):
    """One recipient: where the copy went, or why there was none.

    `account_id` is who got it; an address that leads to several has one entry for each, and
    `address` is then where it led. `placement` is a mailbox, `quarantine` or `queue`; empty where
    it was refused, or never sent. `reply` is the refusal.
    """

    path: str
    account_id: int | None = None
    placement: str = ""
    reply: str = ""
    decision: Decision | None = None
    rules: int = 0
    """Which of the trace's `rules`."""
    sieve: tuple[str, ...] = ()
    address: str = ""


class Trace(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything about one message; `id` is what its client was told."""

    id: str
    at_ms: int
    client: TracedClient
    reverse_path: str
    recipients: tuple[TracedRecipient, ...] = ()
    message_id: str = ""
    sender: str = ""
    """The From field."""
    subject: str = ""
    size_bytes: int = 0
    runs: tuple[Run, ...] = ()
    rules: tuple[TracedRules, ...] = ()
    refused: str = ""
    """The reply that refused it as a whole."""
    results: str = ""
    """The Authentication-Results it got."""
