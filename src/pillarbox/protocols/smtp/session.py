"""One client's state, and what commands need to work with it.

Reads nothing and runs no command: `conversation` does. Used by `conversation` and every module of
`commands/`.
"""

import asyncio
from ipaddress import ip_address

from pillarbox.domain.accounts.model import Actor
from pillarbox.pipeline.authentication import ChannelFacts
from pillarbox.pipeline.client import ClientFacts
from pillarbox.pipeline.inbound.checks.arrival import Peer
from pillarbox.pipeline.inbound.peer import PeerName, is_outside
from pillarbox.pipeline.inbound.screening import Screening
from pillarbox.pipeline.login_watch import LoginWatch
from pillarbox.protocols.smtp import errors
from pillarbox.protocols.smtp.authentication import SmtpAttempt
from pillarbox.protocols.smtp.policy import Role
from pillarbox.protocols.smtp.receive import SmtpServices, Transaction
from pillarbox.protocols.stream.connection import Connection
from pillarbox.wire.smtp import replies
from pillarbox.wire.smtp.replies import Reply
from pillarbox.wire.smtp.server import ServerParser


class SmtpSession:
    """The state of one connection in one role."""

    __slots__ = (
        "_error_count",
        "_out",
        "actor",
        "attempt",
        "chunk_refusal",
        "connection",
        "ending",
        "extended",
        "failed_logins",
        "idle_count",
        "name",
        "options",
        "parser",
        "peer_name",
        "refused_count",
        "role",
        "screening",
        "services",
        "transaction",
        "watch",
    )

    def __init__(self, connection: Connection, role: Role, services: SmtpServices) -> None:
        self.connection = connection
        self.role = role
        self.services = services
        self.options = services.options
        self.parser = ServerParser()
        self.name: str | None = None
        """What the client called itself; `None` until it has."""
        self.extended = False
        """Whether it greeted with EHLO or LHLO."""
        self.actor: Actor | None = None
        self.watch: LoginWatch | None = None
        self.attempt: SmtpAttempt | None = None
        """The exchange that awaits a line of the client."""
        named = role is Role.MX and not connection.trusted
        self.peer_name = PeerName(services.resolver if named else None, connection.peer_ip)
        self.screening = self._screening(role, services)
        self.transaction: Transaction | None = None
        self.chunk_refusal: Reply = errors.MAIL_FIRST
        """The answer to the chunk that is being dropped."""
        self.ending = False
        self.idle_count = 0
        """Commands since content was last taken."""
        self.refused_count = 0
        """Recipients refused for good."""
        self.failed_logins = 0
        self._error_count = 0
        self._out: list[bytes] = []

    def _screening(self, role: Role, services: SmtpServices) -> Screening | None:
        """The checks of this client; none of those who are trusted, or who judge themselves."""
        connection, screens = self.connection, services.screens
        if screens is None or role is not Role.MX or connection.trusted or not connection.peer_ip:
            return None
        outside = screens.inside or is_outside(connection.peer_ip)
        peer = Peer(connection.peer_ip, outside, connection.id, connection.local_port)
        return Screening(screens, peer)

    @staticmethod
    def loop_time() -> float:
        """Seconds on the clock of the event loop."""
        return asyncio.get_running_loop().time()

    def say(self, reply: Reply) -> None:
        """Answer, with the replies of this turn; a 421 ends the session."""
        transaction = self.transaction
        self._out.append(reply.to_bytes(utf8=transaction is not None and transaction.smtputf8))
        if reply.code == 421:
            self.ending = True

    def refuse(self, reply: Reply) -> None:
        """Answer to something the client did wrong; too many errors end the session."""
        self.say(reply)
        self._error_count += 1
        if self.screening is not None:
            self.screening.erred()
        if self._error_count >= self.options.max_errors:
            self.say(replies.too_many_errors(self.options.hostname))

    def flush(self) -> None:
        """Hand what was said to the connection."""
        if self._out:
            self.connection.write(b"".join(self._out))
            self._out.clear()

    def end_transaction(self) -> None:
        """Forget envelope and content, if there are any."""
        if self.transaction is not None:
            self.transaction.close()
            self.transaction = None
            if self.screening is not None:
                self.screening.end()

    def is_safe(self) -> bool:
        """Whether passwords may cross this connection."""
        if self.connection.tls is not None:
            return True
        ip = self.connection.peer_ip
        return self.options.allow_plaintext_auth and bool(ip) and ip_address(ip).is_loopback

    def channel_facts(self) -> ChannelFacts:
        """What the login may rest on."""
        tls = self.connection.tls
        end_point = tls.end_point if tls is not None and self.options.channel_binding else None
        return ChannelFacts(tls is not None, self.is_safe(), end_point)

    def mechanisms(self) -> tuple[str, ...]:
        """What AUTH is announced with; nothing where nobody can log in now."""
        authentication = self.services.authentication
        if self.role is not Role.SUBMISSION or authentication is None or self.actor is not None:
            return ()
        return authentication.mechanisms(self.channel_facts())

    def client_facts(self) -> ClientFacts:
        """Who is at the other end."""
        connection = self.connection
        return ClientFacts(
            ip=connection.peer_ip,
            protocol=self.role.value,
            tls=connection.tls is not None,
            trusted=connection.trusted,
            session=connection.id,
        )
