"""Makes the parts that run scripts over mail; part of `compose`."""

from dataclasses import dataclass

from pillarbox.app.config.options import Options
from pillarbox.app.foundation import run_limits
from pillarbox.base.clock import Clock
from pillarbox.base.ids import IdSource
from pillarbox.cluster.bus import Bus
from pillarbox.pipeline.filtering.executing import Executor
from pillarbox.pipeline.filtering.filtering import Filtering
from pillarbox.pipeline.filtering.imap_events import ImapEvents, Machinery
from pillarbox.pipeline.filtering.planning import Planner, Signer
from pillarbox.pipeline.filtering.programs import Programs
from pillarbox.pipeline.filtering.redirects import Redirects
from pillarbox.pipeline.prepare import Preparation
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing

SIEVE_PORT = 4190


@dataclass(frozen=True, slots=True)
class ScriptGround:
    """What running scripts shares with the rest of a process."""

    options: Options
    database: Database
    keys: KeyRing
    bus: Bus
    clock: Clock
    ids: IdSource
    redirects: Redirects
    signer: Signer | None = None


@dataclass(frozen=True, slots=True)
class ScriptParts:
    """The parts; `programs` has to be closed. Without `filters` no script runs at delivery."""

    programs: Programs
    executor: Executor
    planner: Planner
    filters: Filtering | None


def script_parts(ground: ScriptGround) -> ScriptParts:
    """Everything that runs scripts."""
    options, hostname = ground.options, ground.options.hostname
    delimiter = options.subaddress_delimiter
    programs = Programs(
        ground.database, ground.keys, ground.bus, ground.clock, options.sieve_extensions_off
    )
    executor = Executor(ground.database, ground.keys, run_limits(options))
    planner = Planner(
        hostname, ground.keys, ground.clock, ground.ids, ground.redirects, ground.signer, delimiter
    )
    filters = None
    if options.sieve_enabled:
        filters = Filtering(hostname, programs, executor, planner, ground.clock, delimiter)
    return ScriptParts(programs, executor, planner, filters)


def imap_events(
    options: Options,
    database: Database,
    bus: Bus,
    clock: Clock,
    owner: str,
    preparation: Preparation,
    parts: ScriptParts,
) -> ImapEvents:
    """What runs scripts for what happens in mailboxes; `owner` is a name for leases."""
    machinery = Machinery(
        options.hostname,
        parts.programs,
        parts.executor,
        parts.planner,
        preparation,
        clock,
        options.queue_max_age_hours * 3_600_000,
        options.subaddress_delimiter,
    )
    enabled = options.sieve_imap_enabled
    return ImapEvents(database, preparation.store, bus, owner, machinery, enabled=enabled)


def sieve_url(options: Options) -> str:
    """Where clients keep the scripts of mailboxes (RFC 5804 §3); empty where none run."""
    if not (options.sieve_imap_enabled and options.managesieve_enabled):
        return ""
    port = options.managesieve_port
    if not port:
        return ""
    return f"sieve://{options.hostname}" + (f":{port}" if port != SIEVE_PORT else "")
