"""POP3 sessions over a connection in memory, in front of a `kit.imap.MailHouse`."""

import asyncio
from typing import cast

from kit.connection import ClientSide, FakeConnection
from kit.imap import USER, MailHouse
from kit.login import PASSWORD, FakeLogin
from pillarbox.protocols.pop3.conversation import Conversation
from pillarbox.protocols.pop3.options import Pop3Options, Pop3Services
from pillarbox.protocols.pop3.registry import HANDLERS
from pillarbox.protocols.pop3.session import Pop3Session
from pillarbox.protocols.stream.connection import Connection


class Talk(ClientSide):
    """A session under way, and the client's side of it."""

    def __init__(self, connection: FakeConnection, services: Pop3Services) -> None:
        self.fake_login = cast(FakeLogin, services.login)
        self.session = Pop3Session(cast(Connection, connection), services)
        conversation = Conversation(self.session, HANDLERS)
        super().__init__(connection, asyncio.ensure_future(conversation.run()))

    async def ask(self, command: str) -> list[str]:
        """Send one command; gives the lines of the answer."""
        answer = await self.say(f"{command}\r\n".encode())
        return answer.decode("utf-8", "replace").splitlines()

    async def login(self, *commands: str) -> "Talk":
        """Log in and run commands that must be answered with +OK."""
        await self.hear()
        for command in (f"USER {USER}", f"PASS {PASSWORD}", *commands):
            answer = await self.ask(command)
            assert answer[0].startswith("+OK"), answer
        return self


def pop3_services(house: MailHouse, options: Pop3Options | None = None) -> Pop3Services:
    """What a session works with."""
    imap = house.services()
    return Pop3Services(
        house.database,
        imap.login,
        house.content,
        imap.authentication,
        options or Pop3Options("mx.example.test"),
    )


def pop3_talk(
    house: MailHouse,
    *,
    tls: bool = True,
    can_start_tls: bool = False,
    options: Pop3Options | None = None,
) -> Talk:
    """A new session."""
    connection = FakeConnection(tls=tls, can_start_tls=can_start_tls)
    return Talk(connection, pop3_services(house, options))
