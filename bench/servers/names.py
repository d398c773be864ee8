"""The name server of a bench: senders with SPF, DKIM, DMARC and reverse names; lists have nobody.

    python bench/servers/names.py --port 5353 --folder /var/tmp/bench

It makes a key for the senders, puts it into the folder as `senders.pem` (only whoever can read that
can sign as they do), says `ready` and answers by UDP until standard input closes. What is in no
zone does not exist, which is what lists say of those they do not have. `questions.bench` tells in a
TXT record how many questions there were.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import struct
import sys
from ipaddress import ip_address
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "src")]

import senders  # noqa: E402
import uvloop  # noqa: E402

from pillarbox.formats.mailauth.keys import KeyAlgorithm, key_record, new_key  # noqa: E402

A, PTR, MX, TXT, SOA = 1, 12, 15, 16, 6
TTL_S, MISSING_TTL_S = 300, 60
QUESTIONS = b"questions.bench"
_COMPRESSED = b"\xc0\x0c"  # the name that was asked for
_MISSING = 0x8183
_FOUND = 0x8180


def _name(text: str) -> bytes:
    labels = (label.encode() for label in text.rstrip(".").split("."))
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def _text(text: str) -> bytes:
    data = text.encode()
    pieces = [data[at : at + 255] for at in range(0, len(data), 255)] or [b""]
    return b"".join(bytes((len(piece),)) + piece for piece in pieces)


def _record(kind: int, data: bytes, ttl_s: int = TTL_S) -> bytes:
    return _COMPRESSED + struct.pack("!HHIH", kind, 1, ttl_s, len(data)) + data


_AUTHORITY = (
    b"\0"
    + struct.pack("!HHIH", SOA, 1, MISSING_TTL_S, 22)
    + b"\0\0"
    + struct.pack("!5I", 1, 3600, 600, 86400, MISSING_TTL_S)
)


class Zone:
    """What is known, by name (in wire form) and kind."""

    def __init__(self) -> None:
        self._records: dict[tuple[bytes, int], list[bytes]] = {}
        self._names: set[bytes] = set()

    def add(self, name: str, kind: int, data: bytes) -> None:
        """Another record; every name above it exists too."""
        key = _name(name)
        self._records.setdefault((key, kind), []).append(_record(kind, data))
        while key != b"\0":
            self._names.add(key)
            key = key[key[0] + 1 :]

    def answer(self, name: bytes, kind: int) -> tuple[int, list[bytes]]:
        """Flags and records."""
        found = self._records.get((name, kind))
        if found is not None:
            return _FOUND, found
        return (_FOUND if name in self._names else _MISSING), []


def zone(key: str) -> Zone:
    """The senders of `senders`, all with one key."""
    made = Zone()
    for number in range(senders.COUNT):
        one = senders.Sender(number)
        made.add(one.domain, TXT, _text(f"v=spf1 include:_spf.{one.domain} -all"))
        made.add(f"_spf.{one.domain}", TXT, _text(f"v=spf1 ip4:{one.ip} -all"))
        made.add(one.domain, MX, struct.pack("!H", 10) + _name(one.host))
        made.add(one.host, A, ip_address(one.ip).packed)
        made.add(ip_address(one.ip).reverse_pointer, PTR, _name(one.host))
        made.add(f"{senders.SELECTOR}._domainkey.{one.domain}", TXT, _text(key))
        made.add(
            f"_dmarc.{one.domain}", TXT, _text(f"v=DMARC1; p=reject; rua=mailto:r@{one.domain}")
        )
    return made


class Answers(asyncio.DatagramProtocol):
    """Answers each question at once."""

    def __init__(self, known: Zone) -> None:
        self._zone = known
        self._asked = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's is no subclass

    def datagram_received(self, data: bytes, source: tuple[str | bytes, int]) -> None:
        end = data.find(b"\0", 12) + 1
        if self._transport is None or not end or len(data) < end + 4:
            return
        name, kind = data[12:end].lower(), int.from_bytes(data[end : end + 2], "big")
        flags, found = self._zone.answer(name, kind)
        if name == _name(QUESTIONS.decode()):
            flags, found = _FOUND, [_record(TXT, _text(str(self._asked)), 0)]
        else:
            self._asked += 1
        counts = struct.pack("!4H", 1, len(found), 0 if found else 1, 0)
        answer = (data[:2], flags.to_bytes(2, "big"), counts, data[12 : end + 4], *found)
        self._transport.sendto(b"".join(answer) + (b"" if found else _AUTHORITY), source)


def questions(port: int) -> int:
    """How many questions the name server of a port has had."""
    query = b"\0\1\1\0" + struct.pack("!4H", 1, 0, 0, 0) + _name(QUESTIONS.decode())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        asking.sendto(query + struct.pack("!2H", TXT, 1), ("127.0.0.1", port))
        answer = asking.recv(512)
    return int(answer[answer.rindex(_COMPRESSED) + 13 :])


async def _serve(port: int, known: Zone) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Answers(known), local_addr=("127.0.0.1", port)
    )
    print("ready", flush=True)
    try:
        await loop.run_in_executor(None, sys.stdin.buffer.read)
    finally:
        transport.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="a name server for benches")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="where the key is put")
    options = parser.parse_args()
    key = new_key(KeyAlgorithm.RSA)
    path = options.folder / senders.KEY_FILE
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(key.pem())
    uvloop.run(_serve(options.port, zone(key_record(KeyAlgorithm.RSA, key.public()))))


if __name__ == "__main__":
    main()
