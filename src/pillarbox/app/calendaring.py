"""Makes the parts that keep calendars and address books; part of `compose`."""

from dataclasses import dataclass

from pillarbox.app.accepting import Accepting
from pillarbox.app.config.options import Options
from pillarbox.base.clock import Clock
from pillarbox.cluster.bus import Bus
from pillarbox.net.https import HttpsClient
from pillarbox.pipeline.collections.feeds import Feeds
from pillarbox.pipeline.collections.free_busy import FreeBusy
from pillarbox.pipeline.collections.objects import Objects
from pillarbox.pipeline.collections.queries import Queries
from pillarbox.pipeline.scheduling.posting import Posting, Signer
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


def calendaring(
    options: Options,
    database: Database,
    keys: KeyRing,
    clock: Clock,
    bus: Bus,
    owner: str,
    https: HttpsClient,
    taking: Accepting,
    signer: Signer,
) -> Calendaring:
    """All of them; `owner` is a name for leases."""
    submission = taking.submission
    posting = Posting(
        database,
        keys,
        submission,
        taking.delivery,
        clock,
        options.hostname,
        signer,
        submission.watch,
    )
    scheduling = Scheduling(
        database,
        keys,
        clock,
        bus,
        owner,
        posting,
        delimiter=options.subaddress_delimiter,
        known_only=options.calendar_invitations == "known",
        mail_here=options.calendar_invitation_mail == "all",
        enabled=options.calendar_scheduling,
    )
    return Calendaring(
        Objects(database, keys, scheduling),
        Queries(database, keys),
        FreeBusy(database, keys, clock),
        Feeds(database, keys, https, clock),
        scheduling,
    )
