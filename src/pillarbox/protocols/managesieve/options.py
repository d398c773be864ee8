"""What can be set for ManageSieve, and the services its sessions use."""

from dataclasses import dataclass

from pillarbox.pipeline.authentication import Authentication
from pillarbox.pipeline.filtering.scripts import Scripts
from pillarbox.pipeline.login import Login
from pillarbox.pipeline.login_watch import ASK_EVERY_S


@dataclass(frozen=True, slots=True)
class ManageSieveOptions:
    """Settings of ManageSieve sessions.

    Without TLS nobody may log in, unless `allow_plaintext_login`, or `allow_trusted_plaintext` and
    the peer is in a trusted network. `extensions` are those that scripts may require, and
    `max_redirects` is what one message may be redirected. `idle_timeout_s` is 30 minutes or more
    (RFC 5804 §1.2); a command has to be whole within `command_timeout_s`. Literals up to
    `skipped_octets` are skipped if they are too large to be read, after login only. Bad commands
    are counted in a row.
    """

    hostname: str = "localhost"
    extensions: tuple[str, ...] = ()
    max_redirects: int = 5
    allow_plaintext_login: bool = False
    allow_trusted_plaintext: bool = False
    idle_timeout_s: float = 1800.0
    login_timeout_s: float = 60.0
    command_timeout_s: float = 300.0
    max_commands_before_login: int = 50
    max_failed_logins: int = 5
    max_bad_commands: int = 20
    skipped_octets: int = 16 << 20
    login_asked_every_s: float = ASK_EVERY_S


@dataclass(frozen=True, slots=True)
class ManageSieveServices:
    """What sessions need of the rest of the server."""

    login: Login
    authentication: Authentication
    scripts: Scripts
    options: ManageSieveOptions
