"""As whom a user may send: own addresses, in the envelope and in the header (RFC 6409 §6.1).

Called by `submit`; calls `inbound/recipients`, since who gets an address's mail may use it.
"""

import re

from pillarbox.base.errors import Denied, Invalid, NotFound, TooLarge
from pillarbox.domain.accounts.model import Actor
from pillarbox.formats.address import Group, Mailbox, parse_address_list
from pillarbox.formats.mime.header import Headers
from pillarbox.pipeline.inbound.recipients import Recipients

MAX_FROM = 20
MAX_FIELD_BYTES = 8192

_QUOTED = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)


async def may_send_as(recipients: Recipients, actor: Actor, address: str) -> bool:
    """Whether mail for an address leads to the user: own, with sub-address, alias, catch-all.

    The login of another is never theirs, though that user's mail may be forwarded to them.
    """
    if address == actor.address:
        return True
    try:
        found = await recipients.find(address)
    except (NotFound, Invalid, TooLarge):
        return False
    if found is None:
        return False
    if all(target.account_id != actor.account_id for target in found.local):
        return False
    return await recipients.owner(address) in (None, actor.account_id)


async def check_header(recipients: Recipients, actor: Actor, headers: Headers) -> None:
    """Check every address in From and Sender; a message without From gets one later.

    Raises `Denied` for an address of somebody else, `Invalid` for fields readers could
    understand in different ways.
    """
    for name in (b"from", b"sender"):
        values = headers.all(name)
        if not values:
            continue
        shown = name.decode().capitalize()
        if len(values) > 1:
            raise Invalid(f"The message has more than one {shown} field")
        for mailbox in _mailboxes(values[0], shown):
            address = mailbox.address.decode("utf-8", "replace")
            if not await may_send_as(recipients, actor, address):
                raise Denied(f"The {shown} address is not yours")


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
