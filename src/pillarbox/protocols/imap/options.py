"""What the admin can set for IMAP, and the services its sessions use."""

from dataclasses import dataclass

from pillarbox.base.clock import Clock
from pillarbox.cluster.bus import Bus
from pillarbox.domain.mail.content import ContentStore
from pillarbox.pipeline.authentication import Authentication
from pillarbox.pipeline.login import Login
from pillarbox.pipeline.login_watch import ASK_EVERY_S
from pillarbox.pipeline.mail_search import MailSearch
from pillarbox.pipeline.prepare import Preparation
from pillarbox.protocols.stream.budget import InFlight
from pillarbox.storage.db import Database


@dataclass(frozen=True, slots=True)
class ImapOptions:
    """Settings of IMAP sessions.

    Without TLS nobody may log in, unless `allow_plaintext_login`, or `allow_trusted_plaintext` and
    the peer is in a trusted network. Mailboxes up to `small_mailbox_messages` are read when they
    are opened, larger ones when a command first needs to know their messages.
    `content_timeout_s` is for one read while a message arrives; all of it has
    `content_total_s`, and a second more for each `content_slowest_bytes`. Bad commands are counted
    in a row: people who are logged in may send many. `message_limit` is how many messages one
    command may be for, `save_limit` how many it may store; 0 is no limit. `sieve_url` is where
    clients keep scripts (RFC 5804 §3), empty where none run for what happens in mailboxes.
    """

    hostname: str = "localhost"
    allow_plaintext_login: bool = False
    allow_trusted_plaintext: bool = False
    max_message_size_bytes: int = 52_428_800
    idle_timeout_s: float = 1800.0
    login_timeout_s: float = 60.0
    content_timeout_s: float = 60.0
    content_total_s: float = 600.0
    content_slowest_bytes: int = 4096
    max_commands_before_login: int = 50
    max_failed_logins: int = 5
    max_bad_commands: int = 20
    max_bad_commands_of_users: int = 100_000
    small_mailbox_messages: int = 500
    login_asked_every_s: float = ASK_EVERY_S
    message_limit: int = 0
    save_limit: int = 0
    sieve_url: str = ""
    progress_every_s: float = 10.0


@dataclass(frozen=True, slots=True)
class ImapServices:
    """What sessions need of the rest of the server."""

    database: Database
    login: Login
    bus: Bus
    content: ContentStore
    clock: Clock
    preparation: Preparation
    in_flight: InFlight
    search: MailSearch
    authentication: Authentication
    options: ImapOptions
