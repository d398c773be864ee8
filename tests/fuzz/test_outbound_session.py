"""A letter over a connection whose peer says anything: each recipient has one answer, or nobody."""

import asyncio
from collections import Counter
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from kit.letters import letter
from pillarbox.base.clock import SystemClock
from pillarbox.domain.queue.model import Stage
from pillarbox.net.client_tls import ClientContexts, TlsClientOptions, TlsFacts, TlsFailure
from pillarbox.net.stream import ClientStream
from pillarbox.pipeline.outbound.model import (
    HostFailure,
    NextHop,
    RelayLogin,
    Security,
    TlsDemand,
    Transmitted,
)
from pillarbox.pipeline.outbound.session import Session, SessionOptions
from pillarbox.pipeline.outbound.transmit import transmit

few = settings(max_examples=400, deadline=None)

GOOD = [b"220 hi\r\n", b"250-x\r\n250-PIPELINING\r\n250 SIZE\r\n", b"250 ok\r\n", b"354 go\r\n"]
SAID = [
    *GOOD,
    b"250-x\r\n250-STARTTLS\r\n250-AUTH PLAIN SCRAM-SHA-256\r\n250 LIMITS RCPTMAX=1\r\n",
    b"250-x\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250 SMTPUTF8\r\n",
    b"550 5.1.1 no\r\n", b"450 later\r\n", b"452 4.5.3 many\r\n", b"421 bye\r\n", b"334 \r\n",
    b"235 in\r\n", b"250-half", b"\r\n", b"junk\r\n", b"2", b"250 ok\r\n250 ok\r\n250 ok\r\n",
    b"250 ok\r\n250 ok\r\n354 go\r\n", b"250 ok\r\n550 no\r\n354 go\r\n", b"250 ok\r\n250 ok\r\n",
    b"502 no\r\n", b"503 no\r\n", b"554 no\r\n", b"\xff\x00", b"",
]  # fmt: skip
# Most scripts begin well, or few would come far.
scripts = st.builds(
    lambda well, rest: [*GOOD[:2][:well], *rest],
    st.integers(0, 2),
    st.lists(st.sampled_from(SAID) | st.binary(max_size=6), max_size=14),
)


class Scripted:
    """A stream that says its pieces one after the other, whatever it hears."""

    ip, port, local_ip = "192.0.2.1", 25, "192.0.2.9"

    def __init__(self, pieces: list[bytes], *, hasty: bool) -> None:
        self._pieces = pieces
        self._hasty = hasty
        self.heard = b""

    @property
    def quiet(self) -> bool:
        return not (self._hasty and len(self._pieces) == 1)

    async def read(self, timeout_s: float) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    def write(self, data: bytes) -> None:
        self.heard += bytes(data)

    async def drain(self, timeout_s: float) -> None:
        if not self._pieces:
            raise ConnectionResetError

    async def start_tls(self, options: TlsClientOptions, contexts: ClientContexts) -> TlsFacts:
        if not self._pieces:
            raise TlsFailure("the server left")
        return TlsFacts("TLSv1.3", "x")

    def abort(self) -> None:
        self._pieces.clear()


async def outcome(stream: Scripted, hop: NextHop, *addresses: str) -> Transmitted | HostFailure:
    session = Session(
        cast(ClientStream, stream),
        hop,
        SessionOptions("client.test"),
        ClientContexts(),
        SystemClock(),
    )
    try:
        await session.open()
        return await transmit(session, letter(*addresses))
    except HostFailure as failure:
        return failure


@few
@given(
    scripts,
    st.booleans(),
    st.booleans(),
    st.sampled_from([Security.PLAIN, Security.OPPORTUNISTIC, Security.ENCRYPTED]),
    st.booleans(),
)
def test_each_recipient_has_one_answer(
    script: list[bytes], lmtp: bool, hasty: bool, security: Security, login: bool
) -> None:
    relay_login = RelayLogin("ann", "s3cret") if login else None
    hop = NextHop("x.test", ("192.0.2.1",), TlsDemand(security), lmtp=lmtp, login=relay_login)
    stream = Scripted(list(script), hasty=hasty)
    found = asyncio.run(outcome(stream, hop, "a@x.test", "b@x.test"))
    if isinstance(found, HostFailure):
        assert found.reply.is_temporary or found.reply.is_permanent
        return
    assert Counter(one.recipient_id for one in found.answers) == {1: 1, 2: 1}
    for answer in found.answers:
        if answer.reply.is_success:
            assert answer.stage is Stage.CONTENT
            assert not answer.ours
            assert b"X-Marker: m1\r\n\r\nHello\r\n.\r\n" in stream.heard
        else:
            assert answer.reply.is_temporary or answer.reply.is_permanent
