"""What the admin can set for POP3, and the services its sessions use."""

from dataclasses import dataclass

from pillarbox.domain.mail.content import ContentStore
from pillarbox.pipeline.authentication import Authentication
from pillarbox.pipeline.login import Login
from pillarbox.pipeline.login_watch import ASK_EVERY_S
from pillarbox.storage.db import Database

HOLD_EVERY_S = 20.0
"""How often the lock of a maildrop is renewed; a third of `domain.mail.maildrop.LOCK_MS`."""


@dataclass(frozen=True, slots=True)
class Pop3Options:
    """Settings of POP3 sessions.

    Without TLS nobody may send a password, unless `allow_plaintext_login`, or
    `allow_trusted_plaintext` and the peer is in a trusted network. `idle_timeout_s` is the
    autologout timer, 10 minutes or more (RFC 1939 §3).
    """

    hostname: str = "localhost"
    allow_plaintext_login: bool = False
    allow_trusted_plaintext: bool = False
    idle_timeout_s: float = 600.0
    login_timeout_s: float = 60.0
    max_commands_before_login: int = 50
    max_failed_logins: int = 5
    max_bad_commands: int = 20
    login_asked_every_s: float = ASK_EVERY_S
    hold_every_s: float = HOLD_EVERY_S


@dataclass(frozen=True, slots=True)
class Pop3Services:
    """What sessions need of the rest of the server."""

    database: Database
    login: Login
    content: ContentStore
    authentication: Authentication
    options: Pop3Options
