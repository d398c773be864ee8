"""CAPA and NOOP (RFC 2449 §5, RFC 1939 §5)."""

from pillarbox.protocols.pop3.session import Pop3Session
from pillarbox.wire.pop3.commands import Capa, Noop
from pillarbox.wire.pop3.responses import lines, ok


async def noop(session: Pop3Session, command: Noop) -> None:
    """Answer, and no more."""
    session.say(ok())


async def capa(session: Pop3Session, command: Capa) -> None:
    """Tell what there is, in the state the session is in."""
    session.say(ok("Capability list follows"))
    session.say(lines(capabilities(session)))


def capabilities(session: Pop3Session) -> list[str]:
    """What is announced now; APOP is not among it, for it needs passwords in clear here."""
    found = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER"]
    found.append("UTF8 USER")
    if session.actor is not None:
        return [*found, "IMPLEMENTATION pillarbox"]
    if session.connection.can_start_tls:
        found.append("STLS")
    if session.may_send_password():
        found.append("USER")
    mechanisms = session.services.authentication.mechanisms(session.channel_facts())
    if mechanisms:
        found.append("SASL " + " ".join(mechanisms))
    return found
