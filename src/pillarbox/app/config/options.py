"""The one schema of settings: every key that does something, its default and its comment.

A field's name in capitals is the key in the file; `PILLARBOX_` and the key is the environment
variable. `app/compose` hands the values to the parts; nothing else reads them.
"""

# ruff: noqa: RUF009 - `key` makes dataclass fields, no shared defaults

import secrets
import socket
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType

from pillarbox.app.config import kinds
from pillarbox.app.config.inbound_options import InboundOptions
from pillarbox.app.config.kinds import Network
from pillarbox.app.config.setting import Setting, key

LISTENERS = (
    "smtp", "submission", "smtps", "lmtp", "imap", "imaps", "pop3", "pop3s", "managesieve",
    "https", "webclient", "caldav",
)  # fmt: skip

_COUNT = kinds.whole(0, 100_000_000)


def _new_master_key() -> str:
    return "1:" + secrets.token_hex(kinds.KEY_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(InboundOptions):
    """Effective settings; sizes in bytes, times in the unit that the key's comment names."""

    hostname: str = key(
        kinds.HOST,
        "localhost",
        "The name other servers know this one by; its address should lead back to it (PTR).",
        section="Server",
        make=lambda: socket.gethostname().lower(),
    )
    default_domain: str = key(
        kinds.DOMAIN, "", "The domain of users who log in without one; empty: they must name it."
    )
    workers: int = key(
        kinds.whole(0, 100),
        "0",
        "Worker processes. 0: one for each processor, 4 at most, fewer where memory is short.",
    )
    shutdown_timeout: int = key(
        kinds.duration("s", 0, 300), "10", "How long sessions may take to end at a shutdown (s)."
    )

    smtp_enabled: bool = key(
        kinds.BOOLEAN, "true", "Mail from other servers.", section="Listeners (port 0 is off)"
    )
    smtp_iface: tuple[str, ...] = key(kinds.INTERFACES, "*", "")
    smtp_port: int = key(kinds.PORT, "25", "")
    submission_enabled: bool = key(
        kinds.BOOLEAN, "true", "Mail from users' programs, TLS by STARTTLS."
    )
    submission_iface: tuple[str, ...] = key(kinds.INTERFACES, "*", "")
    submission_port: int = key(kinds.PORT, "587", "")
    smtps_enabled: bool = key(
        kinds.BOOLEAN, "true", "Mail from users' programs, TLS from the start."
    )
    smtps_iface: tuple[str, ...] = key(kinds.INTERFACES, "*", "")
    smtps_port: int = key(kinds.PORT, "465", "")
    lmtp_enabled: bool = key(
        kinds.BOOLEAN, "false", "Mail from a relay of yours, which is believed without a password."
    )
    lmtp_iface: tuple[str, ...] = key(kinds.INTERFACES, "127.0.0.1", "")
    lmtp_port: int = key(kinds.PORT, "24", "")
    imap_enabled: bool = key(kinds.BOOLEAN, "true", "Reading mail, TLS by STARTTLS.")
    imap_iface: tuple[str, ...] = key(kinds.INTERFACES, "*", "")
    imap_port: int = key(kinds.PORT, "143", "")
    imaps_enabled: bool = key(kinds.BOOLEAN, "true", "Reading mail, TLS from the start.")
    imaps_iface: tuple[str, ...] = key(kinds.INTERFACES, "*", "")
    imaps_port: int = key(kinds.PORT, "993", "")
    pop3_enabled: bool = key(kinds.BOOLEAN, "false", "Fetching mail (INBOX alone), TLS by STLS.")
    pop3_iface: tuple[str, ...] = key(kinds.INTERFACES, "*", "")
    pop3_port: int = key(kinds.PORT, "110", "")
    pop3s_enabled: bool = key(
        kinds.BOOLEAN, "false", "Fetching mail (INBOX alone), TLS from the start."
    )
    pop3s_iface: tuple[str, ...] = key(kinds.INTERFACES, "*", "")
    pop3s_port: int = key(kinds.PORT, "995", "")
    managesieve_enabled: bool = key(
        kinds.BOOLEAN, "true", "Users' filters, from their mail programs; TLS by STARTTLS."
    )
    managesieve_iface: tuple[str, ...] = key(kinds.INTERFACES, "*", "")
    managesieve_port: int = key(kinds.PORT, "4190", "")
    https_enabled: bool = key(
        kinds.BOOLEAN, "true", "Calendars and contacts (CalDAV, CardDAV), TLS from the start."
    )
    https_iface: tuple[str, ...] = key(kinds.INTERFACES, "*", "")
    https_port: int = key(kinds.PORT, "443", "")
    webclient_enabled: bool = key(
        kinds.BOOLEAN,
        "true",
        "The same without TLS, for this machine and for a proxy on it that does TLS.",
    )
    webclient_iface: tuple[str, ...] = key(kinds.INTERFACES, "127.0.0.1", "")
    webclient_port: int = key(kinds.PORT, "8080", "")
    caldav_enabled: bool = key(
        kinds.BOOLEAN,
        "false",
        "The same as HTTPS, for programs that expect it at a port of its own.",
    )
    caldav_iface: tuple[str, ...] = key(kinds.INTERFACES, "*", "")
    caldav_port: int = key(kinds.PORT, "5232", "")

    tls_mode: str = key(
        kinds.choice("self-signed", "file", "off", manual="file", selfsigned="self-signed"),
        "self-signed",
        "self-signed; file (TLS_CERT and TLS_KEY; also spelled manual); off (only for tests or\n"
        "behind a proxy that does TLS: passwords then travel in clear).",
        section="TLS",
    )
    tls_cert: Path | None = key(kinds.PATH, "", "Certificate chain, PEM.")
    tls_key: Path | None = key(kinds.PATH, "", "Its private key, PEM.")
    tls_extra_ca: Path | None = key(
        kinds.PATH,
        "",
        "Authorities to believe beside the system's when other servers show certificates, PEM.",
    )

    encryption_key: tuple[tuple[int, bytes], ...] = key(
        kinds.KEY_RING,
        "",
        "Seals all mail at rest. WITHOUT IT THE MAIL CAN'T BE READ: keep a copy elsewhere.\n"
        "To rotate, add a new version: 1:<64 hex digits>,2:<64 hex digits>",
        section="Storage",
        secret=True,
        make=_new_master_key,
    )
    db_driver: str = key(
        kinds.choice("sqlite", "postgresql", sqlite3="sqlite", postgres="postgresql"),
        "sqlite",
        "sqlite or postgresql.",
    )
    db_path: Path = key(kinds.PATH, "pillarbox.db", "The SQLite file.")
    db_dsn: str = key(
        kinds.TEXT,
        "",
        "How to reach PostgreSQL: postgresql://user:password@host/database",
        secret=True,
    )
    storage_backend: str = key(
        kinds.choice("hybrid", "db", "fs"),
        "hybrid",
        "Where content lies: db (database), fs (files), hybrid (files from STORAGE_THRESHOLD on).",
    )
    storage_fs_path: Path = key(kinds.PATH, "blobs", "The folder of content kept in files.")
    storage_threshold: int = key(
        kinds.size(1, 1 << 30), "1M", "The size from which content becomes a file (hybrid)."
    )

    search_cache: int = key(
        kinds.size(1 << 20, 1 << 34),
        "64M",
        "Memory of each process for parts of the search index that are in use.",
    )

    max_message_size: int = key(
        kinds.size(1 << 10, 1 << 30), "50M", "The largest message taken.", section="Limits"
    )
    max_recipients: int = key(kinds.whole(1, 10_000), "100", "Recipients of one message.")
    default_quota: int = key(
        kinds.size(0, 1 << 50), "1G", "Room of a new user who gets no other; 0 is no limit."
    )
    connections_max: int = key(
        kinds.whole(1, 1_000_000), "10000", "Connections at once, all together."
    )
    connections_per_ip: int = key(
        kinds.whole(1, 1_000_000), "100", "Connections at once from one address."
    )
    smtp_command_timeout: int = key(
        kinds.duration("s", 1, 3600), "300", "How long SMTP waits for the next command (s)."
    )
    imap_idle_timeout: int = key(
        kinds.duration("s", 1, 86_400), "1800", "How long IMAP waits for the next command (s)."
    )
    imap_message_limit: int = key(
        kinds.whole(0, 1_000_000), "0", "Messages one IMAP command may be for; 0 is no limit."
    )
    imap_save_limit: int = key(
        kinds.whole(0, 1_000_000), "0", "Messages one IMAP command may store; 0 is no limit."
    )
    pop3_idle_timeout: int = key(
        kinds.duration("s", 1, 86_400), "600", "How long POP3 waits for the next command (s)."
    )
    queue_max_age_hours: int = key(
        kinds.duration("h", 1, 8760), "168", "How long delivery is tried before mail goes back (h)."
    )

    relay_host: str = key(
        kinds.TEXT,
        "",
        "A host that takes all mail which leaves, as host or host:port, and for which there is no\n"
        "route (`pillarbox route`). Empty: mail goes to the mail exchangers of its domain.",
        section="Sending",
    )
    relay_username: str = key(kinds.TEXT, "", "How to log in there; empty: without a login.")
    relay_password: str = key(kinds.TEXT, "", "", secret=True)
    relay_tls: str = key(
        kinds.choice("off", "opportunistic", "required", "verified", "implicit"),
        "verified",
        "TLS with that host: off, opportunistic, required (any certificate, but with a wrong one\n"
        "no login except by SCRAM, which tells no password), verified, implicit (verified, and\n"
        "from the start: port 465).",
    )
    relay_fallback: bool = key(
        kinds.BOOLEAN, "false", "Use that host only where the mail exchangers can't be used."
    )
    outbound_sources: tuple[str, ...] = key(
        kinds.IPS, "", "Addresses of this machine to send from, IPv4 and IPv6; empty: any."
    )
    outbound_port: int = key(
        kinds.whole(1, 65535), "25", "The port of other servers' mail exchangers."
    )
    outbound_inside: bool = key(
        kinds.BOOLEAN,
        "false",
        "Send to mail exchangers whose addresses are not public. Strangers choose whom their\n"
        "domain names: then they can have this server talk to hosts of your network.",
    )
    queue_retry_mins: tuple[int, ...] = key(
        kinds.PAUSES,
        "5,15,30,60,120,240,480,960,1440",
        "After how many minutes delivery is tried again, each time; the last one repeats.",
    )
    queue_delay_notice_hours: int = key(
        kinds.duration("h", 0, 8760),
        "4",
        "After how long users are told that their mail is still waiting (h); 0: never.",
    )
    queue_keep_sent_days: int = key(
        kinds.whole(0, 3650), "7", "How long delivered mail is shown in the queue (days)."
    )
    queue_keep_failed_days: int = key(
        kinds.whole(0, 3650),
        "30",
        "How long mail that failed, expired or was cancelled is kept, to be tried again (days).",
    )
    queue_keep_log_days: int = key(
        kinds.whole(1, 3650), "30", "How long the log of deliveries is kept (days)."
    )
    queue_per_destination: int = key(
        kinds.whole(1, 1000), "10", "Messages on their way to one domain at once."
    )
    queue_per_host: int = key(
        kinds.whole(1, 1000), "20", "Messages on their way to one host at once, from each worker."
    )
    queue_connections: int = key(
        kinds.whole(1, 10_000),
        "200",
        "Messages on their way at once, from each worker; the slow ones do not count.",
    )
    queue_lease: int = key(
        kinds.duration("s", 3, 3600),
        "60",
        "How long what a worker was sending waits for another one when it has died (s).",
    )
    dkim_selector: str = key(
        kinds.SELECTOR,
        "mail",
        "What the key of a new domain is called in the DNS: mail._domainkey.example.org; a second\n"
        "one mail-ed25519. See `pillarbox dkim`.",
    )
    dkim_algo: str = key(
        kinds.choice("both", "rsa2048", "rsa4096", "ed25519", "none", rsa="rsa2048"),
        "both",
        "The keys of a new domain: rsa2048, rsa4096, ed25519, both (rsa2048 and ed25519), none.",
    )
    tls_reports: bool = key(
        kinds.BOOLEAN,
        "true",
        "Tell other domains, if they ask, how TLS with their mail servers went (RFC 8460).",
    )
    submission_show_client: bool = key(
        kinds.BOOLEAN, "false", "Show where users' messages came from (address, name) in the trace."
    )
    submission_max_hold_hours: int = key(
        kinds.duration("h", 0, 87_600),
        "8760",
        "For how long a message may be held to be sent later (h); 0: not at all.",
    )
    sending_user_messages_hour: int = key(
        _COUNT,
        "500",
        "Limits on what users send through this server; 0 is no limit. They are counted from the\n"
        "first message on, for an hour or a day. A user's messages in an hour.",
    )
    sending_user_messages_day: int = key(_COUNT, "0", "A user's messages in a day.")
    sending_user_recipients_hour: int = key(_COUNT, "0", "A user's recipients in an hour.")
    sending_user_recipients_day: int = key(_COUNT, "1000", "A user's recipients in a day.")
    sending_user_newcomers_day: int = key(
        _COUNT,
        "100",
        "Recipients elsewhere in a day to whom a user never wrote before, after the first week: a\n"
        "brake for those who stole a password. The postmaster is told.",
    )
    sending_domain_messages_hour: int = key(
        _COUNT, "0", "The same for all users of a domain together."
    )
    sending_domain_messages_day: int = key(_COUNT, "0", "")
    sending_domain_recipients_hour: int = key(_COUNT, "0", "")
    sending_domain_recipients_day: int = key(_COUNT, "0", "")
    sending_server_messages_hour: int = key(
        _COUNT, "0", "The same for all users of the server together."
    )
    sending_server_messages_day: int = key(_COUNT, "0", "")
    sending_server_recipients_hour: int = key(_COUNT, "0", "")
    sending_server_recipients_day: int = key(_COUNT, "0", "")

    brute_max_tries: int = key(
        kinds.whole(1, 100_000),
        "5",
        "Failed logins from one address within BRUTE_WINDOW_MIN that bar it.",
        section="Security",
    )
    brute_window_min: int = key(kinds.duration("m", 1, 10_080), "30", "In minutes.")
    brute_ban_hours: int = key(kinds.duration("h", 1, 8760), "24", "How long it is barred (h).")
    submission_channel_binding: bool = key(
        kinds.BOOLEAN,
        "false",
        "Offer SCRAM-SHA-256-PLUS for sending too; some mutt then can't send.",
    )
    trusted_networks: tuple[Network, ...] = key(
        kinds.NETWORKS, "", "Clients that no throttle, limit or check of mail touches."
    )
    proxy_protocol_from: tuple[Network, ...] = key(
        kinds.NETWORKS,
        "",
        "Proxies before this server. What comes from them must begin with a PROXY header (version\n"
        "1 or 2), which tells the client's address; from others none is accepted.",
    )

    subaddress_delimiter: str = key(
        kinds.DELIMITER,
        "+",
        "What divides user+detail@domain; empty: nothing does.",
        section="Addresses",
    )

    sieve_enabled: bool = key(
        kinds.BOOLEAN,
        "true",
        "Run the filters of users and of the site (`pillarbox sieve`) over mail that is delivered.",
        section="Sieve",
    )
    sieve_imap_enabled: bool = key(
        kinds.BOOLEAN,
        "true",
        "Run the filters that users attach to mailboxes (/shared/imapsieve/script) over what\n"
        "happens there by IMAP: messages put, copied or moved there, and flags that change.",
    )
    sieve_max_script_size: int = key(
        kinds.size(1 << 10, 1 << 20), "32K", "How large a script of a user may be."
    )
    sieve_max_scripts_per_user: int = key(kinds.whole(1, 1000), "5", "")
    sieve_max_redirects: int = key(
        kinds.whole(0, 100), "5", "To so many addresses scripts may redirect one message."
    )
    sieve_max_actions: int = key(
        kinds.whole(1, 1000), "32", "So many things scripts may do with one message."
    )
    sieve_extensions_off: frozenset[str] = key(
        kinds.SIEVE_EXTENSIONS,
        "",
        "Extensions that scripts may not use, such as enotify,editheader. What uses them\n"
        "already is kept, but fails; mail then goes where it would go without the script.",
    )

    calendar_scheduling: bool = key(
        kinds.BOOLEAN,
        "true",
        "Tell those who are invited to meetings, and apply what they answer; by mail too.",
        section="Calendars",
    )
    calendar_invitations: str = key(
        kinds.choice("known", "all"),
        "known",
        "Whose invitations by mail are put into calendars: known (contacts, users here, and\n"
        "addresses the user has written to); all (whoever is proved to have sent the mail).",
    )
    calendar_invitation_mail: str = key(
        kinds.choice("all", "outside"),
        "all",
        "Who gets mail about invitations: all (users here too, beside their calendars); outside\n"
        "(those elsewhere alone).",
    )

    dns_reverse: bool = key(
        kinds.BOOLEAN,
        "true",
        "Note the names of other servers' addresses in the trace of their mail.",
        section="Domain name system",
    )
    dns_primary: str = key(kinds.IP, "", "The name server to ask; empty: the system's.")
    dns_secondary: str = key(kinds.IP, "", "The one to ask when that does not answer.")
    dns_port: int = key(kinds.whole(1, 65_535), "53", "")
    dns_validating: str = key(
        kinds.choice("auto", "on", "off"),
        "auto",
        "Whether those servers are believed when they say that DNSSEC was checked, which DANE\n"
        "needs: on; off; auto (if all of them run on this machine).",
    )

    log_level: str = key(
        kinds.choice("debug", "info", "warning", "error", warn="warning"),
        "info",
        "debug, info, warning or error.",
        section="Logging",
    )
    log_format: str = key(kinds.choice("text", "json"), "text", "text or json.")
    log_file: Path | None = key(kinds.PATH, "", "Empty: standard error.")
    debug: bool = key(kinds.BOOLEAN, "false", "Log everything, as LOG_LEVEL = debug does.")


def _schema() -> tuple[Setting, ...]:
    found = []
    section = ""
    last = {one.name for one in fields(InboundOptions)}
    for one in sorted(fields(Options), key=lambda one: one.name in last):
        kind, default, comment, new_section, secret, make = one.metadata["setting"]
        section = new_section or section
        found.append(Setting(one.name.upper(), kind, default, comment, section, secret, make))
    return tuple(found)


SCHEMA = _schema()
BY_KEY = MappingProxyType({setting.key: setting for setting in SCHEMA})

# Other names that files and environments of other mail servers have for the same thing.
ALIASES = MappingProxyType(
    {
        "SUBMIT_ENABLED": "SUBMISSION_ENABLED",
        "SUBMIT_IFACE": "SUBMISSION_IFACE",
        "SUBMIT_PORT": "SUBMISSION_PORT",
        "DOMAIN_DEFAULT": "DEFAULT_DOMAIN",
        "SERVER_HOSTNAME": "HOSTNAME",
        "SMTP_HOSTNAME": "HOSTNAME",
        "SERVER_DOMAIN": "DEFAULT_DOMAIN",
        "SERVER_SMTP_PORT": "SMTP_PORT",
        "SMTP_RELAY_PORT": "SMTP_PORT",
        "SERVER_SUBMISSION_PORT": "SUBMISSION_PORT",
        "SMTP_SUBMISSION_PORT": "SUBMISSION_PORT",
        "SERVER_SMTPS_PORT": "SMTPS_PORT",
        "SMTP_SMTPS_PORT": "SMTPS_PORT",
        "SERVER_IMAP_PORT": "IMAP_PORT",
        "SERVER_IMAPS_PORT": "IMAPS_PORT",
        "IMAP_IMAPS_PORT": "IMAPS_PORT",
        "SERVER_SHUTDOWN_TIMEOUT": "SHUTDOWN_TIMEOUT",
        "TLS_CERT_FILE": "TLS_CERT",
        "TLS_KEY_FILE": "TLS_KEY",
        "DATABASE_PATH": "DB_PATH",
        "STORAGE_DATABASE_PATH": "DB_PATH",
        "DATABASE_DSN": "DB_DSN",
        "DATABASE_DRIVER": "DB_DRIVER",
        "SECURITY_MAX_MESSAGE_SIZE": "MAX_MESSAGE_SIZE",
        "SMTP_MAX_MESSAGE_SIZE": "MAX_MESSAGE_SIZE",
        "QUEUE_RETRY_MAX_AGE": "QUEUE_MAX_AGE_HOURS",
        "QUEUE_MAX_AGE_H": "QUEUE_MAX_AGE_HOURS",
        "QUEUE_RETRY_MIN": "QUEUE_RETRY_MINS",
        "LOGGING_LEVEL": "LOG_LEVEL",
        "LOGGER_LEVEL": "LOG_LEVEL",
        "LOGGING_FORMAT": "LOG_FORMAT",
        "LOGGER_FORMAT": "LOG_FORMAT",
        "LOGGER_OUTPUT_PATH": "LOG_FILE",
        "CLAMAV_SOCKET_PATH": "CLAMAV_SOCKET",
        "SECURITY_CLAMAV_SOCKET_PATH": "CLAMAV_SOCKET",
        "SECURITY_CLAMAV_TIMEOUT": "CLAMAV_TIMEOUT",
        "SPAMASSASSIN_HOST": "SPAMASSASSIN",
        "SECURITY_SPAMASSASSIN_HOST": "SPAMASSASSIN",
        "SECURITY_SPAMASSASSIN_TIMEOUT": "SPAMASSASSIN_TIMEOUT",
    }
)


def canonical(name: str) -> str | None:
    """The key that a name in a file or the environment stands for; `None` if there is none."""
    key = name.upper().replace("-", "_")
    key = ALIASES.get(key, key)
    return key if key in BY_KEY else None


@dataclass(frozen=True, slots=True)
class ListenerOptions:
    """One listener that is to be opened."""

    name: str
    interfaces: tuple[str, ...]
    port: int


def listeners(options: Options) -> tuple[ListenerOptions, ...]:
    """The listeners that are on, in the order of `LISTENERS`."""
    found = []
    for name in LISTENERS:
        port: int = getattr(options, name + "_port")
        if getattr(options, name + "_enabled") and port:
            found.append(ListenerOptions(name, getattr(options, name + "_iface"), port))
    return tuple(found)
