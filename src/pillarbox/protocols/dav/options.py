"""What can be set for calendars and address books, and the services their face uses.

Light: nothing of Starlette is needed to make these.
"""

from dataclasses import dataclass, field

from pillarbox.base.clock import Clock
from pillarbox.domain.collections.model import MAX_ITEM_BYTES, Limits
from pillarbox.pipeline.collections.free_busy import FreeBusy
from pillarbox.pipeline.collections.objects import Objects
from pillarbox.pipeline.collections.queries import Queries
from pillarbox.protocols.http.login import HttpLogin
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing


@dataclass(frozen=True, slots=True)
class DavOptions:
    """Settings. `hosts` are this server's names, in lower case and without ports.

    `page` is how many changes one sync-collection tells at most, `matches` how many items a query.
    `hrefs` bounds what a multiget may name, `people` what a search of principals tells.
    """

    hostname: str = "localhost"
    hosts: tuple[str, ...] = ()
    page: int = 5000
    matches: int = 20_000
    hrefs: int = 5000
    people: int = 200
    body_bytes: int = 1 << 20
    item_bytes: int = MAX_ITEM_BYTES
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class DavServices:
    """What requests need of the rest of the server."""

    database: Database
    keys: KeyRing
    login: HttpLogin
    objects: Objects
    queries: Queries
    clock: Clock
    options: DavOptions
    free_busy: FreeBusy
