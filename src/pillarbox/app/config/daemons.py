"""Kinds of settings that name daemons of the admin: scanners, spam filters, milters."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from pillarbox.app.config.kinds import Kind
from pillarbox.net.daemon_address import DaemonAddress, parse_address

MILTER_TIMEOUT_S = 30
MILTERS_MAX = 10
FAILURES = ("accept", "tempfail", "reject", "quarantine")
_TIMEOUT_MAX_S = 600
_HTTP_PORT = 80


@dataclass(frozen=True, slots=True)
class HttpDaemon:
    """A daemon spoken to over plain HTTP; `prefix` is the path without a slash at its end."""

    address: DaemonAddress
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class MilterSetting:
    """One milter; `on_failure` is one of `FAILURES`."""

    address: DaemonAddress
    on_failure: str = "accept"
    timeout_s: int = MILTER_TIMEOUT_S


def daemon(default_port: int) -> Kind:
    """The address of a daemon, or nothing."""

    def parse(value: str) -> DaemonAddress | None:
        return parse_address(value, default_port) if value else None

    return Kind(
        "a socket such as /run/x.sock, a host, or a host and port such as 127.0.0.1:"
        f"{default_port}, or nothing",
        parse,
    )


def _http(value: str) -> HttpDaemon | None:
    if not value:
        return None
    parts = urlsplit(value)
    if parts.scheme != "http" or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(value)
    if not re.fullmatch(r"[!-~]*", value):
        raise ValueError(value)
    return HttpDaemon(parse_address(parts.netloc, _HTTP_PORT), parts.path.rstrip("/"))


HTTP_DAEMON = Kind("an address such as http://127.0.0.1:11334, or nothing", _http)


def _milters(value: str) -> tuple[MilterSetting, ...]:
    found = tuple(_milter(one) for one in re.split(r"[;\s]+", value) if one)
    if len(found) > MILTERS_MAX:
        raise ValueError(value)
    return found


def _milter(value: str) -> MilterSetting:
    address, *words = value.split(",")
    given = dict(word.split("=", 1) for word in words)
    on_failure = given.pop("fail", "accept")
    timeout_s = int(given.pop("timeout", str(MILTER_TIMEOUT_S)).removesuffix("s"))
    if given or on_failure not in FAILURES or not 1 <= timeout_s <= _TIMEOUT_MAX_S:
        raise ValueError(value)
    return MilterSetting(parse_address(address), on_failure, timeout_s)


def _user(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.@+-]{0,100}", value):
        raise ValueError(value)
    return value


USER = Kind("the name of a user of the scanner, or nothing", _user)

MILTERS = Kind(
    "up to 10 of inet:HOST:PORT or unix:PATH divided by spaces, each perhaps with ,fail= and"
    f" one of {'|'.join(FAILURES)}, and ,timeout=SECONDS",
    _milters,
)
