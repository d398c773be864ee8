"""CAPABILITY, NOOP, LOGOUT and ID (RFC 9051 §6.1, RFC 2971)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.protocols.imap.reply import Reply
from pillarbox.wire.imap.parse.any_state import Capability, Id, Logout, Noop
from pillarbox.wire.imap.respond import any_state as respond
from pillarbox.wire.imap.respond.replies import status_response

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession


async def capability(session: ImapSession, args: Capability) -> Reply:
    """Tell what the server can do."""
    session.write(respond.capability(session.capabilities()))
    return Reply("CAPABILITY completed")


async def noop(session: ImapSession, args: Noop) -> Reply:
    """Do nothing; the session then tells what is new."""
    return Reply("NOOP completed")


async def id_(session: ImapSession, args: Id) -> Reply:
    """Say the product's name; what the client says it is changes nothing (RFC 2971 §3.1)."""
    session.write(respond.server_id((("name", "pillarbox"),)))
    return Reply("ID completed")


async def logout(session: ImapSession, args: Logout) -> Reply:
    """Say goodbye."""
    session.leaving = True
    session.write(status_response("BYE", "Until next time"))
    return Reply("LOGOUT completed")
