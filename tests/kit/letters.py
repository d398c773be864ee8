"""Letters of tests, and the client that hands them to a sink."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from kit.sink import HOST, Sink
from pillarbox.base.clock import SystemClock
from pillarbox.base.ids import QueueId
from pillarbox.domain.queue.model import LeasedMessage, LeasedRecipient
from pillarbox.net.client_tls import ClientContexts
from pillarbox.pipeline.outbound.connections import ConnectionOptions, Connections
from pillarbox.pipeline.outbound.model import Letter, NextHop, Security, TlsDemand
from pillarbox.pipeline.outbound.session import SessionOptions, Timeouts
from pillarbox.pipeline.outbound.transmit import Resign

SINK_HOST = "mx.sink.test"
QUICK = Timeouts(
    connect_s=2,
    greeting_s=0.4,
    command_s=0.4,
    tls_s=0.4,
    data_s=0.4,
    block_s=0.4,
    final_s=0.4,
    setup_s=3,
    letter_s=3,
)
"""For peers that keep one waiting."""
USUAL = Timeouts()


def letter(
    *addresses: str,
    marker: str = "m1",
    body: bytes = b"Hello\r\n",
    content: bytes | None = None,
    reverse_path: str = "ann@here.test",
    recipients: Sequence[LeasedRecipient] = (),
    **message: Any,
) -> Letter:
    """A letter to these addresses, with ids from 1 on; `message` are fields of `LeasedMessage`."""
    if content is None:
        content = b"From: <ann@here.test>\r\nX-Marker: %b\r\n\r\n%b" % (marker.encode(), body)
    found = tuple(recipients) or tuple(
        LeasedRecipient(number, address, 0, 1 << 60)
        for number, address in enumerate(addresses or ("bob@sink.test",), 1)
    )
    leased = LeasedMessage(QueueId(7), None, reverse_path, len(content), 0, found, **message)
    return Letter(leased, found, content)


def hop(sink: Sink, security: Security = Security.OPPORTUNISTIC, **fields: Any) -> NextHop:
    """The way to a sink."""
    made = hop_to(SINK_HOST, HOST, sink.port, security)
    return replace(made, **{"lmtp": sink.lmtp, **fields})


def hop_to(host: str, ip: str, port: int, security: Security = Security.OPPORTUNISTIC) -> NextHop:
    """The way to a host, by its name if it is to be verified."""
    demand = TlsDemand(security, (host,) if security is Security.VERIFIED else ())
    return NextHop(host, (ip,), demand, port=port)


@asynccontextmanager
async def connections(
    timeouts: Timeouts = USUAL,
    *,
    extra_ca: Path | None = None,
    resign: Resign | None = None,
    **options: Any,
) -> AsyncIterator[Connections]:
    """A client for as long as the block lasts."""
    options.setdefault("allow_private", True)
    chosen = ConnectionOptions(SessionOptions("client.test", timeouts), **options)
    made = Connections(chosen, ClientContexts(extra_ca), SystemClock(), resign)
    try:
        yield made
    finally:
        await made.close()
