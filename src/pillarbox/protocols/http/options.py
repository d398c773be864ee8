"""What HTTP is given to work with; made in `app/compose`. Light: nothing of Starlette is needed."""

import secrets
from dataclasses import dataclass, field

from pillarbox.base.clock import Clock
from pillarbox.pipeline.login import Login
from pillarbox.protocols.http.site import Site
from pillarbox.protocols.stream.budget import InFlight


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """Settings. `allow_plaintext_login` lets everybody send passwords without TLS.

    A request's head has to come within `head_timeout_s`, its content without a silence of
    `body_silence_s` and, after `body_grace_s`, at some speed; `keep_alive_s` may lie between two
    requests.
    """

    hostname: str = "localhost"
    allow_plaintext_login: bool = False
    allow_trusted_plaintext: bool = True
    keep_alive_s: float = 60.0
    head_timeout_s: float = 30.0
    body_silence_s: float = 30.0
    body_grace_s: float = 60.0


@dataclass(frozen=True, slots=True)
class HttpServices:
    """What sessions and faces share in a process; `key` is made for this process."""

    login: Login
    clock: Clock
    in_flight: InFlight
    options: HttpOptions
    site: Site = field(default_factory=Site)
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
