"""Both directions of a connection as raw DEFLATE (RFC 4978 §3), with bounds on memory.

What a peer sends can expand a thousandfold, so it is expanded only as far as the session has room.
The compressor can be let go of while nothing is sent, and a new one goes on in the same stream:
what it writes refers to nothing before it. Used by `stream/connection`.
"""

import zlib

_LEVEL = 1
"""Higher levels take several times as long on the event loop for mail that is little smaller."""
_RAW = -15
_OWN_WINDOW, _OWN_MEMORY = -13, 6
"""64 KB for a compressor instead of 260: 8 KB to look back on are nearly as good for mail."""


class Deflate:
    """The compressor and the expander of one connection."""

    __slots__ = ("_deflater", "_inflater", "_more", "_packed", "ended")

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(_RAW)
        self._deflater: zlib._Compress | None = None
        self._packed = b""
        self._more = False
        self.ended = False
        """Whether the peer has ended its stream."""

    # To the peer.

    def compress(self, data: bytes | memoryview) -> bytes:
        """`data` in a form that the peer can expand at once."""
        deflater = self._deflater
        if deflater is None:
            deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, _OWN_WINDOW, _OWN_MEMORY)
            self._deflater = deflater
        return deflater.compress(data) + deflater.flush(zlib.Z_SYNC_FLUSH)

    def rest(self) -> None:
        """Let go of the compressor, since nothing is sent for now."""
        self._deflater = None

    # From the peer.

    @property
    def waiting(self) -> bool:
        """Whether there may be input that was not expanded yet."""
        return (self._more or bool(self._packed)) and not self.ended

    def feed(self, data: bytes) -> None:
        """Add compressed input."""
        self._packed = self._packed + data if self._packed else data

    def expand(self, most_bytes: int) -> bytes:
        """What the input holds, so many bytes at most; raises `zlib.error` for what is no DEFLATE.

        Behind the end of the peer's stream nothing is read.
        """
        plain = self._inflater.decompress(self._packed, most_bytes)
        self._packed = self._inflater.unconsumed_tail
        # The expander may hold the end of a match that there was no room for.
        self._more = len(plain) == most_bytes
        self.ended = self._inflater.eof
        return plain
