"""A name server on loopback, by UDP and TCP, that says what a test wants said.

    zones = {"example.test": "@ MX 10 mx\nmx A 127.0.0.1", "2.0.192.in-addr.arpa": "7 PTR mx.test."}
    async with NameServer(zones, signed={"example.test"}) as server:
        server.port

It answers as a validating resolver does: follows aliases, sets AD where every name on the way is
signed and the client knows of AD, and says SERVFAIL for what is bogus.
"""

import asyncio
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from textwrap import dedent
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone

from kit.peers import Peers

HOST = "127.0.0.1"
TTL = 60
SOA = "ns.invalid. admin.invalid. 1 3600 600 86400 120"

_UDP_BYTES = 512  # for clients without EDNS
_ALIASES_MAX = 16


class NameServer:
    """Answers from zones, the text of each as in a zone file, for as long as a block lasts.

    These sets may be changed while it runs; what is in them is a name, or a kind and a name such as
    `AAAA mx.example.test`. `.` in `signed` stands for every name.

    signed: names, with all below them, that answers get AD for.
    unsigned: no AD for these, whatever is in `signed`.
    failing: SERVFAIL, as for zones whose signatures are bogus.
    refusing: REFUSED, as by a server that does not know the zone (lame).
    silent: no answer at all.
    truncated: an answer by UDP is cut off (TC); others only if they are too long.
    slow: so many seconds until the answer.
    foreign: an answer with another ID comes first, as by somebody who guesses.
    """

    def __init__(self, zones: Mapping[str, str] | None = None, *, signed: set[str] | None = None):
        self.zones: dict[dns.name.Name, dns.zone.Zone] = {}
        self.signed = signed or set()
        self.unsigned: set[str] = set()
        self.failing: set[str] = set()
        self.refusing: set[str] = set()
        self.silent: set[str] = set()
        self.truncated: set[str] = set()
        self.foreign: set[str] = set()
        self.slow: dict[str, float] = {}
        self.asked: Counter[str] = Counter()
        """How often what was asked: `MX example.test`, in lower case."""
        self.asked_by_tcp: Counter[str] = Counter()
        self.garble: Callable[[bytes], bytes] = bytes
        """Changes every answer on its way."""
        self.seen = asyncio.Event()
        """Set by every question."""
        self.port = 0
        self._peers = Peers()
        for origin, text in (zones or {}).items():
            self.add(origin, text)

    def add(self, origin: str, text: str) -> None:
        """Serve a zone, instead of what it was before."""
        name = dns.name.from_text(origin)
        self.zones[name] = dns.zone.from_text(
            f"$TTL {TTL}\n{dedent(text)}\n", name, relativize=False, check_origin=False
        )

    async def __aenter__(self) -> "NameServer":
        loop = asyncio.get_running_loop()
        for attempt in range(20):
            self.port = await self._peers.serve(self._serve, host=HOST)
            try:
                self._udp, _ = await loop.create_datagram_endpoint(
                    lambda: _Datagrams(self), (HOST, self.port)
                )
            except OSError:
                await self._peers.close()
                if attempt == 19:
                    raise
            else:
                break
        return self

    async def __aexit__(self, *_: object) -> None:
        self._udp.close()
        await self._peers.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            size = struct.unpack("!H", await reader.readexactly(2))[0]
            answers, wait_s = self.answers(await reader.readexactly(size), udp=False)
            await asyncio.sleep(wait_s)
            for answer in answers:
                writer.write(struct.pack("!H", len(answer)) + answer)
            await writer.drain()

    def answers(self, data: bytes, *, udp: bool) -> tuple[list[bytes], float]:
        """What to send for a question, and when (seconds)."""
        query = dns.message.from_wire(data)
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        name = _text(question.name)
        (self.asked if udp else self.asked_by_tcp)[f"{kind} {name}"] += 1
        self.seen.set()
        keys = {name, f"{kind} {name}"}
        if keys & self.silent:
            return [], 0
        response = self._respond(query, question.name, kind)
        if udp and keys & self.truncated:
            wire = _cut_off(response)
        else:
            wire = _packed(response, query, udp=udp)
        wire = self.garble(wire)
        answers = [wire]
        if keys & self.foreign:
            answers.insert(0, bytes((wire[0] ^ 0xFF,)) + wire[1:])
        return answers, next((self.slow[key] for key in keys if key in self.slow), 0)

    def _respond(
        self, query: dns.message.Message, name: dns.name.Name, kind: str
    ) -> dns.message.Message:
        response = dns.message.make_response(query, recursion_available=True)
        secure = True
        for _ in range(_ALIASES_MAX):
            keys = {_text(name), f"{kind} {_text(name)}"}
            zone = self._zone(name)
            if keys & self.failing:
                return _refusal(query, dns.rcode.SERVFAIL)
            if keys & self.refusing or zone is None:
                return _refusal(query, dns.rcode.REFUSED)
            secure = secure and self._is_signed(name) and not keys & self.unsigned
            alias = self._records(zone, name, "CNAME")
            found = self._records(zone, name, kind)
            if found is None and alias is not None:
                response.answer.append(alias)
                name = alias[0].target
                continue
            if found is not None:
                response.answer.append(found)
            else:
                self._nothing(response, zone, name)
            break
        if secure and (query.flags & dns.flags.AD or query.ednsflags & dns.flags.DO):
            response.flags |= dns.flags.AD
        return response

    def _zone(self, name: dns.name.Name) -> dns.zone.Zone | None:
        found = [origin for origin in self.zones if name.is_subdomain(origin)]
        return self.zones[max(found, key=len)] if found else None

    @staticmethod
    def _records(zone: dns.zone.Zone, name: dns.name.Name, kind: str) -> dns.rrset.RRset | None:
        found = zone.get_rdataset(name, kind)
        if found is None and not _exists(zone, name):
            found = zone.get_rdataset(dns.name.Name((b"*", *name.parent().labels)), kind)
        if found is None:
            return None
        return dns.rrset.from_rdata_list(name, found.ttl, list(found))

    @staticmethod
    def _nothing(response: dns.message.Message, zone: dns.zone.Zone, name: dns.name.Name) -> None:
        if not _exists(zone, name):
            response.set_rcode(dns.rcode.NXDOMAIN)
        origin = zone.origin or dns.name.root
        response.authority.append(dns.rrset.from_text(origin, 600, "IN", "SOA", SOA))

    def _is_signed(self, name: dns.name.Name) -> bool:
        return any(name.is_subdomain(dns.name.from_text(one)) for one in self.signed)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, source: tuple[str | bytes, int]) -> None:
        answers, wait_s = self._server.answers(data, udp=True)
        asyncio.get_running_loop().call_later(wait_s, self._send, answers, source)

    def _send(self, answers: list[bytes], source: tuple[str | bytes, int]) -> None:
        if not self._transport.is_closing():
            for answer in answers:
                self._transport.sendto(answer, source)


@contextmanager
def serving_apart(server: NameServer) -> Iterator[NameServer]:
    """The server in a thread and loop of its own, for tests that block theirs."""
    ready, over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with server:
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


def _exists(zone: dns.zone.Zone, name: dns.name.Name) -> bool:
    """Whether there is anything of this name or below it."""
    return name == zone.origin or any(one.is_subdomain(name) for one in zone.nodes)


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def _refusal(query: dns.message.Message, code: dns.rcode.Rcode) -> dns.message.Message:
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(code)
    return response


def _packed(response: dns.message.Message, query: dns.message.Message, *, udp: bool) -> bytes:
    room = max(query.payload, _UDP_BYTES) if udp else 65_535
    try:
        return response.to_wire(max_size=room)
    except dns.exception.TooBig:
        return _cut_off(response)


def _cut_off(response: dns.message.Message) -> bytes:
    response.answer.clear()
    response.authority.clear()
    response.flags |= dns.flags.TC
    return response.to_wire()
