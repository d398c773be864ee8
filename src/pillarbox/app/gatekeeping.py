"""Makes the gate by the settings; part of `checking`."""

from pillarbox.app.config.options import Options
from pillarbox.base.clock import Clock
from pillarbox.cluster.bus import Bus
from pillarbox.net.geo import GeoDatabase
from pillarbox.pipeline.inbound.gate.gate import Gate
from pillarbox.pipeline.inbound.gate.model import HOUR_MS, MINUTE_MS, GateOptions
from pillarbox.pipeline.inbound.gate.tarpit import TarpitOptions
from pillarbox.storage.db import Database


def gate(options: Options, database: Database, bus: Bus, clock: Clock) -> Gate:
    """The gate of a process."""
    path = options.geo_database
    geo = GeoDatabase(path) if path and (options.geo_allow or options.geo_deny) else None
    return Gate(database, bus, clock, gate_options(options), geo)


def gate_options(options: Options) -> GateOptions:
    """Its limits, as the settings say."""
    return GateOptions(
        connections_minute=options.smtp_connections_min,
        recipients_hour=options.smtp_recipients_hour,
        unknown_recipients=options.smtp_unknown_recipients,
        window_ms=options.brute_window_min * MINUTE_MS,
        ban_ms=options.brute_ban_hours * HOUR_MS,
        greeting_pause_s=float(options.smtp_greeting_pause),
        geo_allow=options.geo_allow,
        geo_deny=options.geo_deny,
        tarpit=TarpitOptions(
            longest_s=float(options.smtp_tarpit), at_once=options.smtp_tarpit_sessions
        ),
    )
