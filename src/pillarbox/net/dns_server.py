"""A name server to ask, whose answers are bounded in size and never hold up the event loop.

Strangers choose what their names lead to, and an answer by TCP may have 4,000 records, which take a
fifth of a second to read. Imports dnspython, so it is itself imported at the first question, by
`net/dns_query`.
"""

import asyncio
from typing import Any, Final

from dns.exception import FormError
from dns.message import Message, QueryMessage, from_wire
from dns.nameserver import Do53Nameserver
from dns.query import BadResponse

ANSWER_BYTES_MAX: Final = 16 * 1024
"""Of an answer by TCP; none that mail asks for is near it."""


class BoundedServer(Do53Nameserver):
    """Asked by UDP as ever, and by TCP with a limit."""

    async def async_query(
        self,
        request: QueryMessage,
        timeout: float,  # noqa: ASYNC109 - as in its base
        source: str | None,
        source_port: int,
        max_size: bool,
        backend: Any,
        one_rr_per_rrset: bool = False,
        ignore_trailing: bool = False,
    ) -> Message:
        if not max_size:
            return await super().async_query(
                request, timeout, source, source_port, max_size, backend
            )
        async with asyncio.timeout(timeout):
            data = await self._ask(request.to_wire())
            answer = await asyncio.to_thread(from_wire, data)
        if not request.is_response(answer):
            raise BadResponse
        return answer

    async def _ask(self, question: bytes) -> bytes:
        """The bytes of the answer (RFC 1035 §4.2.2)."""
        reader, writer = await asyncio.open_connection(self.address, self.port)
        try:
            writer.write(len(question).to_bytes(2, "big") + question)
            size = int.from_bytes(await reader.readexactly(2), "big")
            if size > ANSWER_BYTES_MAX:
                # Of all errors the one after which dnspython does not ask again.
                raise FormError(f"an answer of {size} bytes")  # type: ignore[no-untyped-call]
            return await reader.readexactly(size)
        finally:
            writer.close()
