"""The client's side of SOCKS5 (RFC 1928), with user names (RFC 1929): bytes in, bytes out, no I/O.

Used by `net/dial`.
"""

from dataclasses import dataclass, field
from ipaddress import ip_address
from types import MappingProxyType

_VERSION, _LOGIN_VERSION = 5, 1
_NO_LOGIN, _BY_NAME = 0, 2
_CONNECT = 1
_ADDRESS_BYTES = MappingProxyType({1: 4, 4: 16})
_DOMAIN = 3
_NAME_BYTES_MAX = 255
_WHY = MappingProxyType(
    {
        1: "the proxy failed",
        2: "the proxy does not allow it",
        3: "the network can't be reached from the proxy",
        4: "the host can't be reached from the proxy",
        5: "the connection was refused",
        6: "the connection took too long",
        7: "the proxy can't make connections",
        8: "the proxy does not know this kind of address",
    }
)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A SOCKS5 proxy to go through (RFC 1928), with a user name if it wants one (RFC 1929)."""

    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)


class SocksError(ValueError):
    """The proxy refused, or did not speak SOCKS5."""


class Socks:
    """One conversation with a proxy: send `begin`, then what `receive` gives, until `done`."""

    def __init__(self, proxy: Proxy, ip: str, port: int) -> None:
        """Raises `SocksError` where the user name or password can't be said."""
        self._login = b""
        if proxy.username:
            name, password = proxy.username.encode(), proxy.password.encode()
            if not (0 < len(name) <= _NAME_BYTES_MAX and 0 < len(password) <= _NAME_BYTES_MAX):
                raise SocksError("name and password of the proxy must have 1 to 255 bytes")
            self._login = b"".join(
                (bytes((_LOGIN_VERSION, len(name))), name, bytes((len(password),)), password)
            )
        address = ip_address(ip)
        kind = 1 if address.version == 4 else 4
        self._request = (
            bytes((_VERSION, _CONNECT, 0, kind)) + address.packed + port.to_bytes(2, "big")
        )
        self._step = self._chosen
        self._waiting = b""
        self.done = False
        """Whether the way is open."""
        self.rest = b""
        """What came after the proxy's last word: the server's first."""

    def begin(self) -> bytes:
        """The first bytes to send."""
        methods = (_NO_LOGIN, _BY_NAME) if self._login else (_NO_LOGIN,)
        return bytes((_VERSION, len(methods), *methods))

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the proxy; gives what to send now. Raises `SocksError`."""
        self._waiting += data
        answer = b""
        while not self.done:
            needed = self._needed()
            if len(self._waiting) < needed:
                break
            part, self._waiting = self._waiting[:needed], self._waiting[needed:]
            answer += self._step(part)
        if self.done:
            self.rest, self._waiting = self._waiting, b""
        return answer

    def _needed(self) -> int:
        """How many bytes the proxy's next reply has, as far as that can be told."""
        if self._step != self._connected:
            return 2
        head = self._waiting[:5]
        if len(head) < 5:
            return 5  # no reply is shorter
        if head[0] != _VERSION:
            raise SocksError("the proxy does not speak SOCKS5")
        if head[3] == _DOMAIN:
            return 7 + head[4]
        if head[3] not in _ADDRESS_BYTES:
            raise SocksError("the proxy's reply has an unknown kind of address")
        return 6 + _ADDRESS_BYTES[head[3]]

    def _chosen(self, reply: bytes) -> bytes:
        version, method = reply
        if version != _VERSION:
            raise SocksError("the proxy does not speak SOCKS5")
        if method == _BY_NAME and self._login:
            self._step = self._admitted
            return self._login
        if method != _NO_LOGIN:
            raise SocksError("the proxy wants another kind of login")
        self._step = self._connected
        return self._request

    def _admitted(self, reply: bytes) -> bytes:
        if reply != bytes((_LOGIN_VERSION, 0)):
            raise SocksError("the proxy does not take the user name and password")
        self._step = self._connected
        return self._request

    def _connected(self, reply: bytes) -> bytes:
        if reply[1]:
            raise SocksError(_WHY.get(reply[1], f"the proxy failed ({reply[1]})"))
        self.done = True
        return b""
