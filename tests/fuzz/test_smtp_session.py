"""Whatever is sent to an SMTP session, it answers in order and ends; nothing stays reserved."""

import asyncio
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.connection import ScriptedConnection
from pillarbox.base.errors import NotFound
from pillarbox.domain.accounts.model import LocalTarget
from pillarbox.pipeline.inbound.message import Envelope, Received, Recipient
from pillarbox.pipeline.inbound.receive import Inbound
from pillarbox.protocols.smtp.conversation import Conversation
from pillarbox.protocols.smtp.policy import Role, SmtpOptions
from pillarbox.protocols.smtp.receive import SmtpServices
from pillarbox.protocols.smtp.registry import HANDLERS
from pillarbox.protocols.smtp.session import SmtpSession
from pillarbox.protocols.stream.budget import InFlight
from pillarbox.protocols.stream.connection import Connection

OPTIONS = SmtpOptions("mx.test", max_message_bytes=200, max_recipients=2)
PIECES = st.one_of(
    st.sampled_from(
        [
            b"EHLO c\r\n",
            b"LHLO c\r\n",
            b"MAIL FROM:<a@b.test>\r\n",
            b"MAIL FROM:<> SIZE=100\r\n",
            b"MAIL FROM:<a@b.test> BODY=BINARYMIME RET=HDRS ENVID=x\r\n",
            b"MAIL FROM:<a@b.test> HOLDFOR=5 BY=600;N REQUIRETLS\r\n",
            b"RCPT TO:<a@x.test>\r\n",
            b"RCPT TO:<a@x.test> NOTIFY=SUCCESS ORCPT=utf-8;\\x{F6}\r\n",
            b"DATA\r\n",
            b"DATA\r\ntext\r\n.\r\n",
            b".\r\n",
            b"\r\n.\r\n",
            b"\n.\n",
            b"BDAT 3\r\nabc",
            b"BDAT 0 LAST\r\n",
            b"BDAT 5000 LAST\r\n",
            b"AUTH PLAIN\r\n",
            b"STARTTLS\r\n",
            b"RSET\r\n",
            b"x" * 300,
        ]
    ),
    st.binary(max_size=40),
)


class FakeInbound:
    """Knows one user."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []

    async def recipient(self, path: str, size_bytes: int = 0, reverse_path: str = "") -> Recipient:
        if path != "a@x.test":
            raise NotFound("No such user here")
        return Recipient(path, (LocalTarget(cast(Any, 1), path, None),))

    async def receive(self, envelope: Envelope, content: bytes) -> Received:
        self.contents.append(content)
        return Received("id", (None,) * len(envelope.recipients))


@pytest.mark.parametrize("role", list(Role))
@settings(max_examples=150, deadline=None)
@given(pieces=st.lists(PIECES, max_size=30))
def test_any_input_is_answered_and_leaves_nothing_behind(role: Role, pieces: list[bytes]) -> None:
    inbound, in_flight = FakeInbound(), InFlight(400)
    services = SmtpServices(OPTIONS, in_flight, cast(Inbound, inbound))
    connection = ScriptedConnection(pieces, 25)
    session = SmtpSession(cast(Connection, connection), role, services)
    asyncio.run(Conversation(session, HANDLERS).run())
    assert in_flight.used_bytes == 0
    assert connection.said.startswith(b"220 mx.test ")
    assert connection.said.endswith(b"\r\n")
    for line in connection.said.splitlines():
        assert line[:3].isdigit()
        assert line[:3] != b"451"
    for content in inbound.contents:
        assert len(content) <= OPTIONS.max_message_bytes
        assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")
