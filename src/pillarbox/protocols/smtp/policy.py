"""What an SMTP session may be used for, and its limits.

Read by `conversation`, `session`, `receive` and `commands/*`; made from the configuration by
`app`.
"""

from dataclasses import dataclass
from enum import StrEnum

from pillarbox.pipeline.login_watch import ASK_EVERY_S


class Role(StrEnum):
    """What a port is for; the value is the face's name in the log."""

    MX = "smtp"
    """Mail from other servers for people here; no login, no relay."""
    SUBMISSION = "submission"
    """Mail from users who are logged in, for anybody."""
    LMTP = "lmtp"
    """Mail from another server of the house, for people here."""


@dataclass(frozen=True, slots=True)
class SmtpOptions:
    """Limits of a session; `hostname` is how the server greets.

    `max_refused_recipients` and `max_errors` bound what a session may get wrong, `max_idle` the
    commands between two messages, `max_commands` all of them. `timeout_s` is for one read,
    `max_content_s` for a whole message (RFC 5321 §4.5.3.2), `peer_name_wait_s` for the name of the
    peer once the message is whole.
    """

    hostname: str
    max_message_bytes: int = 52_428_800
    max_recipients: int = 100
    max_hold_s: int = 31_536_000
    """For how long a submission may ask to be held (RFC 4865); 0: that is not offered."""
    min_deliver_by_s: int = 60
    """The least time to deliver within that can be asked for (RFC 2852 §3)."""
    timeout_s: float = 300.0
    max_content_s: float = 3600.0
    peer_name_wait_s: float = 2.0
    max_errors: int = 20
    max_refused_recipients: int = 100
    max_failed_logins: int = 3
    max_idle: int = 200
    max_commands: int = 100_000
    login_asked_every_s: float = ASK_EVERY_S
    channel_binding: bool = False
    """Offer SCRAM-SHA-256-PLUS. Programs with GNU SASL that can't bind to the channel as it does
    (mutt 2.2) choose it all the same, and in SMTP try nothing else."""
    allow_plaintext_auth: bool = False
    """Offer AUTH without TLS to loopback addresses; for development only."""
