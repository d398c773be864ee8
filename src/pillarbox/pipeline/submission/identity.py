"""As whom a user may send: own addresses, in the envelope and in the header (RFC 6409 §6.1).

Called by `submit`; calls `inbound/recipients`, since who gets an address's mail may use it.
"""

from pillarbox.base.errors import Denied, Invalid, NotFound, TooLarge
from pillarbox.domain.accounts.model import Actor
from pillarbox.formats.address import mailboxes, parse_address_list
from pillarbox.formats.mime.header import Headers
from pillarbox.pipeline.inbound.recipients import Recipients

MAX_FROM = 20


async def may_send_as(recipients: Recipients, actor: Actor, address: str) -> bool:
    """Whether mail for an address leads to the user: own, with sub-address, alias, catch-all."""
    if address == actor.address:
        return True
    try:
        found = await recipients.find(address)
    except (NotFound, Invalid, TooLarge):
        return False
    if found is None:
        return False
    return any(target.account_id == actor.account_id for target in found.local)


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
        addresses = mailboxes(parse_address_list(values[0]))
        if not addresses or len(addresses) > MAX_FROM:
            raise Invalid(f"The {shown} field can't be understood")
        for mailbox in addresses:
            address = mailbox.address.decode("utf-8", "replace")
            if not await may_send_as(recipients, actor, address):
                raise Denied(f"The {shown} address is not yours")
