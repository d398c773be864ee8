"""The header by which a proxy tells whose connection it passes on: PROXY protocol, both versions.

By HAProxy's specification `proxy-protocol.txt` of 2020: §2.1 is the text of version 1, §2.2 the
binary form of version 2. Read by `protocols/stream` before anything else of a connection.
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType

from pillarbox.base.errors import GrammarError

V1_MAX_BYTES = 107
V2_MAX_BYTES = 4096
"""Of the addresses and what follows them. The form allows 65,535; a proxy that passes on a
certificate's facts needs some hundreds."""

V2_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_V1_SIGNATURE = b"PROXY "
_V2_FIXED_BYTES = 16
_LOCAL, _PROXY = 0x20, 0x21
_UNSPECIFIED, _TCP4, _TCP6 = 0x00, 0x11, 0x21
_ADDRESSES = MappingProxyType({_TCP4: struct.Struct("!4s4sHH"), _TCP6: struct.Struct("!16s16sHH")})


@dataclass(frozen=True, slots=True)
class Client:
    """The client that a proxy speaks for; IPv4 addresses mapped to IPv6 are mapped back."""

    ip: str
    port: int


class HeaderReader:
    """Reads one header from the beginning of a connection, however it is split.

    `client` is `None` where the header says that the proxy speaks for itself, or that it does not
    know for whom: then the connection's own address counts. `rest` is what came behind the header.
    """

    __slots__ = ("_data", "client", "complete", "rest")

    def __init__(self) -> None:
        self._data = b""
        self.client: Client | None = None
        self.complete = False
        self.rest = b""

    def feed(self, data: bytes) -> bool:
        """Add input; gives whether the header is whole. Raises `GrammarError` for what is none."""
        self._data = data = self._data + data
        if data.startswith(V2_SIGNATURE[: len(data)]):
            end = self._binary(data)
        elif data.startswith(_V1_SIGNATURE[: len(data)]):
            end = self._text(data)
        else:
            raise GrammarError("no PROXY header")
        if end:
            self.complete, self.rest, self._data = True, data[end:], b""
        return self.complete

    def _text(self, data: bytes) -> int:
        """Where the header ends; 0: it has not come yet."""
        end = data.find(b"\r\n", 0, V1_MAX_BYTES)
        if end < 0:
            if len(data) >= V1_MAX_BYTES:
                raise GrammarError("the PROXY header is too long", V1_MAX_BYTES)
            return 0
        self.client = _text_client(data[:end])
        return end + 2

    def _binary(self, data: bytes) -> int:
        if len(data) < _V2_FIXED_BYTES:
            return 0
        command, family, length = struct.unpack_from("!BBH", data, len(V2_SIGNATURE))
        if command not in (_LOCAL, _PROXY):
            raise GrammarError("unknown version or command of a PROXY header", len(V2_SIGNATURE))
        if length > V2_MAX_BYTES:
            raise GrammarError("the PROXY header is too long", len(V2_SIGNATURE) + 2)
        if command == _PROXY and family != _UNSPECIFIED:
            layout = _ADDRESSES.get(family)
            if layout is None or length < layout.size:
                raise GrammarError("no addresses of TCP in a PROXY header", len(V2_SIGNATURE) + 1)
            if len(data) >= _V2_FIXED_BYTES + layout.size:
                source, _, port, _ = layout.unpack_from(data, _V2_FIXED_BYTES)
                self.client = _client(source, port)
        end = _V2_FIXED_BYTES + length
        return end if len(data) >= end else 0


def _text_client(line: bytes) -> Client | None:
    """The client of a line of version 1, which is without its end."""
    words = line.split(b" ")
    if words[1] == b"UNKNOWN":
        return None  # whatever follows is not for us (§2.1)
    if len(words) != 6 or words[1] not in (b"TCP4", b"TCP6"):
        raise GrammarError("no addresses of TCP in a PROXY header", len(_V1_SIGNATURE))
    family = IPv4Address if words[1] == b"TCP4" else IPv6Address
    try:
        # Both are read, since a line that is wrong anywhere is not to be believed.
        source, _ = (family(word.decode("ascii")) for word in words[2:4])
    except ValueError:
        raise GrammarError("a bad address in a PROXY header", len(_V1_SIGNATURE)) from None
    port, _ = (_port(word) for word in words[4:])
    return _client(source.packed, port)


def _client(packed: bytes, port: int) -> Client:
    if len(packed) == 4:
        return Client(str(IPv4Address(packed)), port)
    address = IPv6Address(packed)
    return Client(str(address.ipv4_mapped or address), port)


def _port(word: bytes) -> int:
    if not word.isdigit() or len(word) > 5 or int(word) > 0xFFFF or word != b"%d" % int(word):
        raise GrammarError("a bad port in a PROXY header", len(_V1_SIGNATURE))
    return int(word)
