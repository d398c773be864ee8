"""Makes the parts that keep calendars and address books; part of `compose`."""

from dataclasses import dataclass

from pillarbox.base.clock import Clock
from pillarbox.net.https import HttpsClient
from pillarbox.pipeline.collections.feeds import Feeds
from pillarbox.pipeline.collections.objects import Objects
from pillarbox.pipeline.collections.queries import Queries
from pillarbox.pipeline.scheduling.free_busy import FreeBusy
from pillarbox.pipeline.scheduling.scheduling import Scheduling
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing


@dataclass(frozen=True, slots=True)
class Calendaring:
    """The use cases of calendars, address books and meetings."""

    objects: Objects
    queries: Queries
    free_busy: FreeBusy
    feeds: Feeds
    scheduling: Scheduling


def calendaring(database: Database, keys: KeyRing, clock: Clock, https: HttpsClient) -> Calendaring:
    """All of them."""
    scheduling = Scheduling()
    return Calendaring(
        Objects(database, keys, scheduling),
        Queries(database, keys),
        FreeBusy(database, keys, clock),
        Feeds(database, keys, https, clock),
        scheduling,
    )
