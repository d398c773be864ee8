"""ManageSieve sessions over a connection in memory, in front of a `kit.imap.MailHouse`."""

import asyncio
from base64 import b64encode
from typing import cast

from kit.connection import ClientSide, FakeConnection
from kit.imap import USER, MailHouse
from kit.login import PASSWORD, FakeLogin
from pillarbox.domain.sieve.model import ScriptQuota
from pillarbox.pipeline.filtering.scripts import Scripts
from pillarbox.protocols.managesieve.conversation import Conversation
from pillarbox.protocols.managesieve.options import ManageSieveOptions, ManageSieveServices
from pillarbox.protocols.managesieve.registry import HANDLERS
from pillarbox.protocols.managesieve.session import ManageSieveSession
from pillarbox.protocols.stream.connection import Connection
from pillarbox.storage.keys import KeyRing

KEYS = KeyRing({1: bytes(range(32))})
OPTIONS = ManageSieveOptions("mx.example.test", ("enotify", "fileinto", "vacation"))


class Talk(ClientSide):
    """A session under way, and the client's side of it."""

    def __init__(self, connection: FakeConnection, services: ManageSieveServices) -> None:
        self.fake_login = cast(FakeLogin, services.login)
        self.session = ManageSieveSession(cast(Connection, connection), services)
        conversation = Conversation(self.session, HANDLERS)
        super().__init__(connection, asyncio.ensure_future(conversation.run()))

    async def ask(self, command: str) -> list[str]:
        """Send one command; gives the lines of the answer."""
        answer = await self.say(f"{command}\r\n".encode())
        return answer.decode("utf-8", "replace").splitlines()

    async def put(self, name: str, content: bytes) -> list[str]:
        """PUTSCRIPT with a literal; gives the lines of the answer."""
        return await self.ask(f'PUTSCRIPT "{name}" ' + literal(content).decode())

    async def login(self, user: str = USER) -> "Talk":
        """Log in, which must work."""
        await self.hear()
        answer = await self.ask(f'AUTHENTICATE "PLAIN" "{plain(user, PASSWORD)}"')
        assert answer == ['OK "Logged in"'], answer
        return self


def plain(user: str, password: str) -> str:
    """A response of PLAIN, as it is sent."""
    return b64encode(f"\0{user}\0{password}".encode()).decode()


def literal(content: bytes) -> bytes:
    """A string as clients send it."""
    return b"{%d+}\r\n" % len(content) + content


def managesieve_services(
    house: MailHouse,
    options: ManageSieveOptions = OPTIONS,
    quota: ScriptQuota | None = None,
    withheld: tuple[str, ...] = (),
) -> ManageSieveServices:
    """What a session works with."""
    imap = house.services()
    scripts = Scripts(house.database, KEYS, quota or ScriptQuota(), withheld)
    return ManageSieveServices(imap.login, imap.authentication, scripts, options)


def managesieve_talk(
    house: MailHouse,
    *,
    tls: bool = True,
    can_start_tls: bool = False,
    end_point: bytes | None = None,
    options: ManageSieveOptions = OPTIONS,
    quota: ScriptQuota | None = None,
) -> Talk:
    """A new session."""
    connection = FakeConnection(tls=tls, can_start_tls=can_start_tls, end_point=end_point)
    return Talk(connection, managesieve_services(house, options, quota))
