"""Makes what shows mail to daemons of the admin, as far as the settings name any."""

from dataclasses import dataclass

from pillarbox.app.config.options import Options
from pillarbox.base.clock import Clock
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.inbound.checks.clamav import ClamavCheck
from pillarbox.pipeline.inbound.checks.milter import MilterCheck
from pillarbox.pipeline.inbound.checks.rspamd import RspamdCheck
from pillarbox.pipeline.inbound.checks.spamassassin import SpamAssassinCheck
from pillarbox.pipeline.learning.training import Learner
from pillarbox.pipeline.scanning.clamd import Clamd, ClamdOptions
from pillarbox.pipeline.scanning.guard import Guard, GuardOptions
from pillarbox.pipeline.scanning.milter import Milter, MilterOptions, OnFailure
from pillarbox.pipeline.scanning.model import Scanner
from pillarbox.pipeline.scanning.rspamd import Rspamd, RspamdOptions
from pillarbox.pipeline.scanning.spamassassin import SpamAssassin, SpamAssassinOptions

_LESSONS_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Scanning:
    """Checks for mail that comes in, a scanner for mail of users, filters to be taught."""

    checks: tuple[Check, ...] = ()
    outgoing: Scanner | None = None
    learners: tuple[Learner, ...] = ()


def scanning(options: Options, clock: Clock) -> Scanning:
    """One for each process; all of it is empty unless daemons are named."""
    checks: list[Check] = []
    learners: list[Learner] = []
    clamd = _clamd(options, clock)
    if clamd is not None:
        checks.append(ClamavCheck(clamd, options.clamav_timeout))
    if (spamassassin := _spamassassin(options, clock)) is not None:
        checks.append(SpamAssassinCheck(spamassassin, options.hostname, clock))
        if options.spamassassin_learn:
            learners.append(spamassassin)
    if (rspamd := _rspamd(options, clock)) is not None:
        checks.append(RspamdCheck(rspamd))
        if options.rspamd_password:
            learners.append(rspamd)
    if milters := _milters(options, clock):
        checks.append(MilterCheck(milters, options.hostname))
    outgoing = clamd if options.clamav_outgoing else None
    return Scanning(tuple(checks), outgoing, tuple(learners))


def _guard(name: str, options: Options, clock: Clock, timeout_s: int) -> Guard:
    return Guard(name, GuardOptions(timeout_s, at_once=options.scanners_at_once), clock)


def _lessons(name: str, clock: Clock, timeout_s: int) -> Guard:
    return Guard(name, GuardOptions(timeout_s, at_once=_LESSONS_AT_ONCE), clock)


def _clamd(options: Options, clock: Clock) -> Clamd | None:
    if options.clamav_socket is None:
        return None
    wanted = ClamdOptions(
        options.clamav_socket,
        options.clamav_max_size,
        options.clamav_chunk_size,
        options.clamav_keep * 1000,
    )
    return Clamd(wanted, _guard("ClamAV", options, clock, options.clamav_timeout), clock)


def _spamassassin(options: Options, clock: Clock) -> SpamAssassin | None:
    if options.spamassassin is None:
        return None
    timeout_s = options.spamassassin_timeout
    return SpamAssassin(
        SpamAssassinOptions(
            options.spamassassin, options.spamassassin_max_size, options.spamassassin_user
        ),
        _guard("SpamAssassin", options, clock, timeout_s),
        _lessons("SpamAssassin's lessons", clock, timeout_s),
    )


def _rspamd(options: Options, clock: Clock) -> Rspamd | None:
    daemon = options.rspamd_url
    if daemon is None:
        return None
    timeout_s = options.rspamd_timeout
    return Rspamd(
        RspamdOptions(
            daemon.address, daemon.prefix, options.rspamd_password, options.rspamd_max_size
        ),
        _guard("rspamd", options, clock, timeout_s),
        _lessons("rspamd's lessons", clock, timeout_s),
    )


def _milters(options: Options, clock: Clock) -> tuple[Milter, ...]:
    return tuple(
        Milter(
            MilterOptions(one.address, OnFailure(one.on_failure)),
            _guard(f"milter {one.address}", options, clock, one.timeout_s),
        )
        for one in options.milters
    )
