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

# A list that can be read in one way only (RFC 5322 §3.4): every bracket, quote and comment is
# closed, nothing obsolete. Names without quotes may have dots, and be the address itself.
_QUOTED = rb'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]++|\\[\t -~])*+"'
_INNER = rb"[^()\\\x00-\x08\x0a-\x1f\x7f]++|\\[\t -~]"
_COMMENT = rb"\((?:%b|\((?:%b)*+\))*+\)" % (_INNER, _INNER)
_BLANKS = rb"(?:[ \t]++|%b)*+" % _COMMENT
_ATOMS = rb'[^\x00- <>@"(),:;\\\[\]\x7f]++'
_DOMAIN = rb"(?:%b|\[[0-9A-Za-z:.]++\])" % _ATOMS
_ADDRESS = rb"(?:%b|%b)@%b" % (_ATOMS, _QUOTED, _DOMAIN)
_NAME = rb"(?:%b|%b|[ \t\[\]]++|%b)*+" % (_ATOMS, _QUOTED, _COMMENT)
_ANGLE = rb"<[ \t]*+%b[ \t]*+>" % _ADDRESS
_MAILBOX = re.compile(
    rb"%b(?:(%b)%b(?:(%b)%b)?|%b%b%b)(?:,|\Z)"
    % (_BLANKS, _ADDRESS, _BLANKS, _ANGLE, _BLANKS, _NAME, _ANGLE, _BLANKS)
)


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

    A group's name may look like an address, and of two addresses in a mailbox that is not written
    as it should be some programs show the first and some the last.
    """
    found = parse_address_list(value[:MAX_FIELD_BYTES])
    addresses = [entry for entry in found if not isinstance(entry, Group)]
    if (
        not 0 < len(addresses) <= MAX_FROM
        or len(value) > MAX_FIELD_BYTES
        or _count_clear(value) != len(found)
    ):
        raise Invalid(f"The {shown} field can't be understood; a name with signs needs quotes")
    return addresses


def _count_clear(value: bytes) -> int:
    """How many mailboxes a field has; 0 if it can be read in several ways."""
    count = at = 0
    while at < len(value):
        match = _MAILBOX.match(value, at)
        if match is None:
            return 0
        twice = match[2]
        if twice is not None and twice[1:-1].strip().lower() != match[1].lower():
            return 0
        at = match.end()
        count += 1
    return count if not value.endswith(b",") else 0
