"""As whom a user may send: own addresses, and those of others who let them (RFC 6409 §6.1).

The same for envelope and header. Called by `submit`; calls `inbound/recipients`, since who gets an
address's mail may use it.
"""

import re
from enum import Enum

from pillarbox.base.errors import Denied, Invalid, NotFound, TooLarge
from pillarbox.domain.accounts.model import Actor
from pillarbox.formats.address import Group, Mailbox, parse_address_list
from pillarbox.formats.mime.header import Headers
from pillarbox.pipeline.inbound.recipients import Recipients

MAX_FROM = 20
MAX_FIELD_BYTES = 8192

_QUOTED = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)


class Standing(Enum):
    """Whose an address is, for a user."""

    OWN = "own"
    DELEGATED = "delegated"
    """A group's whose member the user is, or another user's: by the right to post."""
    NONE = "none"


async def standing(recipients: Recipients, actor: Actor, address: str) -> Standing:
    """Whose an address is: own ones are also those with a sub-address, aliases and catch-alls.

    The login of another is never one's own, though that user's mail may be forwarded to one.
    """
    if address == actor.address:
        return Standing.OWN
    try:
        found = await recipients.resolve(address)
        owner = None if found is None else await recipients.owner(address)
    except (NotFound, Invalid, TooLarge):
        return Standing.NONE
    if found is None:
        return Standing.NONE
    reached = tuple(target.account_id for target in found.local)
    if owner == actor.account_id or (owner is None and actor.account_id in reached):
        return Standing.OWN
    if owner is not None:
        reached = (owner,)
    if await recipients.may_post_for(actor, reached):
        return Standing.DELEGATED
    return Standing.NONE


async def check_header(recipients: Recipients, actor: Actor, headers: Headers) -> bool:
    """Check every address in From and Sender; a message without From gets one later.

    Says whether a Sender field is missing: From names somebody else, or several (RFC 5322 §3.6.2).
    Raises `Denied` for an address of somebody else, `Invalid` for fields readers could understand
    in different ways.
    """
    needs_sender = False
    for name in (b"from", b"sender"):
        values = headers.all(name)
        if not values:
            continue
        shown = name.decode().capitalize()
        if len(values) > 1:
            raise Invalid(f"The message has more than one {shown} field")
        mailboxes = _mailboxes(values[0], shown)
        found = Standing.OWN
        for mailbox in mailboxes:
            address = mailbox.address.decode("utf-8", "replace")
            one = await standing(recipients, actor, address)
            if one is Standing.NONE:
                raise Denied(f"The {shown} address is not yours")
            if one is Standing.DELEGATED:
                found = one
        if name == b"from":
            needs_sender = found is Standing.DELEGATED or len(mailboxes) > 1
    return needs_sender and b"sender" not in headers


def _mailboxes(value: bytes, shown: str) -> list[Mailbox]:
    """The mailboxes of a field in which every reader sees the same ones.

    A group's name may look like an address, and of two addresses in angle brackets some programs
    show the first and some the last.
    """
    found = parse_address_list(value[:MAX_FIELD_BYTES])
    addresses = [entry for entry in found if not isinstance(entry, Group)]
    brackets = _QUOTED.sub(b"", value).count(b"<")
    if (
        not 0 < len(addresses) <= MAX_FROM
        or len(addresses) < max(len(found), brackets)
        or len(value) > MAX_FIELD_BYTES
    ):
        raise Invalid(f"The {shown} field can't be understood")
    return addresses
