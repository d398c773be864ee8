"""Where a daemon of the admin listens: the scanners and filters that mail is shown to."""

import re
from dataclasses import dataclass

_HOST_AND_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]@/]+)(?::([0-9]{1,5}))?\Z")
_PORT_AT_HOST = re.compile(r"([0-9]{1,5})@(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]@/]+)\Z")
_PREFIXES = re.compile(r"(unix|local|inet6?|tcp):(?!/{2})")


@dataclass(frozen=True, slots=True)
class DaemonAddress:
    """A Unix socket, or a host (a name or an address) and a port."""

    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        if self.path:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str, default_port: int = 0) -> DaemonAddress:
    """Read `/run/x.sock`, `unix:/run/x.sock`, `host:port`, `inet:host:port` or `inet:port@host`.

    Without a default a port must be given; raises `ValueError`.
    """
    kind, rest = "", text.strip()
    if (prefix := _PREFIXES.match(rest)) is not None:
        kind, rest = prefix[1], rest[prefix.end() :]
    if kind in ("unix", "local") or (not kind and rest.startswith("/")):
        if not rest.startswith("/") or "\0" in rest or len(rest.encode()) > _PATH_BYTES_MAX:
            raise ValueError(text)
        return DaemonAddress(path=rest)
    if (found := _PORT_AT_HOST.match(rest)) is not None:
        port, host = found[1], found[2]
    elif (found := _HOST_AND_PORT.match(rest)) is not None:
        host, port = found[1], found[2] or str(default_port)
    else:
        raise ValueError(text)
    if not 1 <= int(port) <= _PORT_MAX:
        raise ValueError(text)
    return DaemonAddress(host=host.strip("[]"), port=int(port))


_PATH_BYTES_MAX = 107  # sun_path of Linux
_PORT_MAX = 65535
