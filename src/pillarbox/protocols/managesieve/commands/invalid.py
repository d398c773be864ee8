"""Lines that are no command of ours."""

from pillarbox.protocols.managesieve.errors import BadCommand
from pillarbox.protocols.managesieve.session import ManageSieveSession
from pillarbox.wire.managesieve.commands import Unknown


async def unknown(session: ManageSieveSession, command: Unknown) -> None:
    """Refuse a verb nobody knows."""
    raise BadCommand("There is no such command")
