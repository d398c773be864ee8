"""Settings of how mail from other servers is checked; the last part of `options.Options`.

What differs between domains, and what admins change while the server runs, is no setting but policy
(`domain/policy`).
"""

# ruff: noqa: RUF009 - `key` makes dataclass fields, no shared defaults

from dataclasses import dataclass
from pathlib import Path

from pillarbox.app.config import daemons, kinds
from pillarbox.app.config.daemons import HttpDaemon, MilterSetting
from pillarbox.app.config.setting import key
from pillarbox.formats.dns_lists import DnsList
from pillarbox.net.daemon_address import DaemonAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundOptions:
    """Effective settings; sizes in bytes, times in the unit that the key's comment names."""

    checks_inside: bool = key(
        kinds.BOOLEAN,
        "false",
        "Check mail from private and loopback addresses like that from elsewhere (for tests).",
        section="Checks of mail that comes in",
    )
    trace_keep_days: int = key(
        kinds.whole(1, 3650), "30", "How long it is known what became of a message (days)."
    )
    spam_threshold: int = key(
        kinds.whole(0, 1000),
        "5",
        "From so many points on mail goes to Junk; 0: never. Domains (`pillarbox policy`) and\n"
        "users may have others.",
    )
    arc_trusted_sealers: frozenset[str] = key(
        kinds.DOMAINS,
        "",
        "Domains (d= of ARC-Seal) whose word counts for mail that fails DMARC because they passed\n"
        "it on: forwarders and mailing lists, such as google.com.",
    )
    quarantine_keep_days: int = key(
        kinds.whole(1, 365),
        "14",
        "How long mail that was refused or put into quarantine is kept for its recipients (days).",
    )
    quarantine_user_size: int = key(
        kinds.size(1 << 20, 1 << 40),
        "100M",
        "How much of it is kept for one user; then the oldest goes of what was refused, and what\n"
        "would go into quarantine is put off.",
    )
    quarantine_digest: bool = key(
        kinds.BOOLEAN, "true", "Tell users by mail, once a day at most, what was kept for them."
    )

    smtp_connections_min: int = key(
        kinds.whole(0, 1_000_000),
        "60",
        "Connections within a minute from one address (of IPv6: one /64), to each worker; 0 is no\n"
        "limit. Of this section nothing touches TRUSTED_NETWORKS and private addresses.",
        section="Other servers that connect (port 25)",
    )
    smtp_recipients_hour: int = key(
        kinds.whole(0, 10_000_000),
        "1000",
        "Recipients within an hour from one address, to each worker; 0 is no limit. How many\n"
        "messages is policy (`pillarbox policy`).",
    )
    smtp_unknown_recipients: int = key(
        kinds.whole(0, 100_000),
        "20",
        "Whoever guesses so many addresses within BRUTE_WINDOW_MIN, beyond those that exist, is\n"
        "barred for BRUTE_BAN_HOURS (`pillarbox ban`); 0: guess on.",
    )
    smtp_greeting_pause: int = key(
        kinds.duration("s", 0, 30),
        "1",
        "How long those who were not here within a day wait for the greeting (s): junk mailers\n"
        "often can't.",
    )
    smtp_tarpit: int = key(
        kinds.duration("s", 0, 60),
        "10",
        "The longest delay (s) of replies to those who make many errors or are on block lists; it\n"
        "grows, up to a minute for a whole connection. 0: none.",
    )
    smtp_tarpit_sessions: int = key(
        kinds.whole(0, 100_000), "100", "So many are delayed at once by each worker."
    )
    geo_database: Path | None = key(
        kinds.PATH,
        "",
        "A file that says in which countries addresses are, in MaxMind's format (.mmdb); read\n"
        "again when it changes.",
    )
    geo_allow: frozenset[str] = key(
        kinds.COUNTRIES, "", "Take mail only from servers in these countries; empty: from all."
    )
    geo_deny: frozenset[str] = key(
        kinds.COUNTRIES, "", "Take no mail from servers in these countries."
    )

    spam_dnsbl: tuple[DnsList, ...] = key(
        kinds.LISTS,
        "zen.spamhaus.org,bl.spamcop.net",
        "Lists of addresses that send junk, divided by commas: ZONE, or ZONE:POINTS (5 if not\n"
        "said); ZONE=127.0.0.2,127.0.0.3 counts these answers alone. Many lists refuse those who\n"
        "ask through a public resolver, which is logged and counts nothing: ask by your own then\n"
        "(DNS_PRIMARY).",
        section="Lists in the domain name system",
    )
    spam_dnswl: tuple[DnsList, ...] = key(
        kinds.LISTS,
        "list.dnswl.org",
        "Lists of addresses that behave, as above; their points (3 if not said) are taken off. Of\n"
        "dnswl.org that is for the highest of its levels of trust, and less for the others.",
    )
    spam_uribl: tuple[DnsList, ...] = key(
        kinds.LISTS,
        "dbl.spamhaus.org,multi.surbl.org",
        "Lists of domains, asked about those that a message links to or comes from, as above (4\n"
        "points). ZONE=&8&16 counts answers with one of these bits in their last number.",
    )
    spam_hashbl: tuple[DnsList, ...] = key(
        kinds.LISTS,
        "",
        "Lists of mail addresses, which are asked by their SHA-1 only, such as ebl.msbl.org (4\n"
        "points).",
    )

    clamav_socket: DaemonAddress | None = key(
        daemons.daemon(3310),
        "",
        "Where ClamAV's clamd listens, such as /var/run/clamav/clamd.ctl or 127.0.0.1:3310;\n"
        "empty: no scanning for viruses.",
        section="Scanners and filters of other makers",
    )
    clamav_timeout: int = key(
        kinds.duration("s", 1, 600), "60", "How long a scan for viruses may take (s)."
    )
    clamav_max_size: int = key(
        kinds.size(1024, 1 << 32),
        "50M",
        "Larger messages are not scanned for viruses; clamd's StreamMaxLength must allow it.",
    )
    clamav_chunk_size: int = key(
        kinds.size(2048, 16 << 20), "64K", "In pieces of this size clamd gets a message."
    )
    clamav_keep: int = key(
        kinds.duration("s", 0, 3600),
        "300",
        "How long a result holds for the same content again (s).",
    )
    clamav_outgoing: bool = key(
        kinds.BOOLEAN, "true", "Scan mail of users too, where there is a CLAMAV_SOCKET."
    )
    spamassassin: DaemonAddress | None = key(
        daemons.daemon(783),
        "",
        "Where SpamAssassin's spamd listens, such as 127.0.0.1:783; empty: it is not asked.",
    )
    spamassassin_timeout: int = key(
        kinds.duration("s", 1, 600), "30", "How long SpamAssassin may take (s)."
    )
    spamassassin_max_size: int = key(
        kinds.size(1024, 1 << 30), "512K", "Larger messages are not shown to SpamAssassin."
    )
    spamassassin_user: str = key(
        daemons.USER, "", "Whose rules and knowledge spamd is to take; empty: its own choice."
    )
    spamassassin_learn: bool = key(
        kinds.BOOLEAN,
        "false",
        "Teach SpamAssassin what users mark as spam or not; spamd needs --allow-tell.",
    )
    rspamd_url: HttpDaemon | None = key(
        daemons.HTTP_DAEMON,
        "",
        "Where rspamd answers: its worker (http://127.0.0.1:11333) or, for it to learn, its\n"
        "controller (http://127.0.0.1:11334); empty: it is not asked.",
    )
    rspamd_password: str = key(
        kinds.TEXT,
        "",
        "The password of rspamd's controller; with it, rspamd is taught what users mark as spam.",
        secret=True,
    )
    rspamd_timeout: int = key(kinds.duration("s", 1, 600), "30", "How long rspamd may take (s).")
    rspamd_max_size: int = key(
        kinds.size(1024, 1 << 32), "50M", "Larger messages are not shown to rspamd."
    )
    milters: tuple[MilterSetting, ...] = key(
        daemons.MILTERS,
        "",
        "Milters in their order, divided by spaces: inet:127.0.0.1:8891,fail=tempfail,timeout=30\n"
        "unix:/run/x.sock. fail= says what becomes of mail that one could not see: accept,\n"
        "tempfail, reject or quarantine. They may add header fields, refuse, put off, quarantine.",
    )
    scanners_at_once: int = key(
        kinds.whole(1, 1000), "10", "So many messages a worker shows to one scanner at once."
    )
    dmarc_reports: bool = key(
        kinds.BOOLEAN,
        "true",
        "Tell other domains that ask for it what came of mail with them in From (RFC 9990), of\n"
        "mail for the domains here whose policy has dmarc_report_enabled.",
        section="Reports on mail with a domain in From (DMARC)",
    )
    dmarc_report_email: str = key(
        kinds.TEXT,
        "",
        "Whom those reports name for questions; empty: postmaster. A policy's dmarc_report_email\n"
        "goes before it.",
    )
