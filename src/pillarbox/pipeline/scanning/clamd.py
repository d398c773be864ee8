"""ClamAV: shows whole messages to clamd, over a Unix socket or TCP.

Of one content it is asked once in some minutes. Called by `inbound/checks/clamav` and by
`submission/submit`. Own code, because aioclamd knows no Unix sockets and hops to a thread for each
kilobyte.
"""

import asyncio
from dataclasses import dataclass
from hashlib import blake2b

from pillarbox.base.cache import ByteCache
from pillarbox.base.clock import Clock
from pillarbox.net.daemon import connected, read_to_end
from pillarbox.net.daemon_address import DaemonAddress
from pillarbox.pipeline.scanning.guard import Guard
from pillarbox.pipeline.scanning.model import Scan
from pillarbox.wire.clamd import (
    ANSWER_BYTES_MAX,
    INSTREAM,
    Answer,
    Infected,
    OverLimit,
    frames,
    read_answer,
)

_HASHED_HERE_BYTES = 1 << 20
_ENTRY_BYTES = 200


@dataclass(frozen=True, slots=True)
class ClamdOptions:
    """Messages over `max_bytes` are not shown; answers are kept for `keep_ms`, 0: not at all."""

    address: DaemonAddress
    max_bytes: int = 50 << 20
    chunk_bytes: int = 64 * 1024
    keep_ms: int = 300_000
    kept_bytes: int = 1 << 20


class Clamd:
    """One per process; a `Scanner`."""

    def __init__(self, options: ClamdOptions, guard: Guard, clock: Clock) -> None:
        self._options = options
        self._guard = guard
        self._clock = clock
        self._kept = ByteCache(options.kept_bytes)

    async def scan(self, content: bytes) -> Scan:
        """As `Scanner.scan`."""
        options = self._options
        if len(content) > options.max_bytes:
            return Scan(skipped=f"larger than {options.max_bytes} bytes")
        if not options.keep_ms:
            return await self._guard.call(lambda: self._ask(content))
        digest = await _digest(content)
        # A new key at each turn of the clock: nothing kept is ever older, or has to be replaced.
        key = (digest, self._clock.now_ms() // options.keep_ms)
        found: Scan | None = self._kept.get(key)
        if found is None:
            found = await self._guard.call(lambda: self._ask(content))
            self._kept.put(key, found, _ENTRY_BYTES)
        return found

    async def _ask(self, content: bytes) -> Scan:
        timeout_s = self._guard.options.timeout_s
        async with connected(self._options.address, timeout_s) as stream:
            stream.write(INSTREAM)
            try:
                for frame in frames(content, self._options.chunk_bytes):
                    await asyncio.sleep(0)  # or what it says before the end would not be seen
                    if not stream.quiet:
                        break  # it has seen enough
                    stream.write(frame)
                    await stream.drain(timeout_s)
            except ConnectionError:
                pass  # it may have said why before it left
            return _scan(read_answer(await read_to_end(stream, ANSWER_BYTES_MAX, timeout_s)))


def _scan(answer: Answer) -> Scan:
    if isinstance(answer, Infected):
        return Scan(virus=answer.name)
    return Scan(skipped="larger than clamd takes") if isinstance(answer, OverLimit) else Scan()


async def _digest(content: bytes) -> bytes:
    if len(content) <= _HASHED_HERE_BYTES:
        return blake2b(content, digest_size=32).digest()
    return await asyncio.to_thread(lambda: blake2b(content, digest_size=32).digest())
