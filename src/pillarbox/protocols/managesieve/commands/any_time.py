"""CAPABILITY, NOOP and LOGOUT (RFC 5804 §2.3, §2.4, §2.13)."""

from pillarbox.protocols.managesieve.capability import capabilities
from pillarbox.protocols.managesieve.session import ManageSieveSession
from pillarbox.wire.managesieve.commands import Capability, Logout, Noop
from pillarbox.wire.managesieve.responses import echoed, ok


async def capability(session: ManageSieveSession, command: Capability) -> None:
    """Tell what there is, in the state the session is in."""
    session.say(capabilities(session) + ok("Those are the capabilities"))


async def noop(session: ManageSieveSession, command: Noop) -> None:
    """Answer, with the tag if there was one."""
    session.say(ok("NOOP completed") if command.tag is None else echoed(command.tag))


async def logout(session: ManageSieveSession, command: Logout) -> None:
    """End the session; what the client has sent behind it is not looked at."""
    session.ending = True
    session.say(ok("Goodbye"))
