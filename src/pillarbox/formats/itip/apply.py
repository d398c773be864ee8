"""Messages that came in, applied to the recipient's object."""

from pillarbox.base.errors import GrammarError
from pillarbox.formats.ical.component import Component
from pillarbox.formats.itip.address import Identity
from pillarbox.formats.itip.apply_reply import apply_reply
from pillarbox.formats.itip.apply_request import (
    apply_add,
    apply_cancel,
    apply_request,
    is_of_its_organizer,
)
from pillarbox.formats.itip.changes import Role, role
from pillarbox.formats.itip.message import Incoming
from pillarbox.formats.itip.model import FROM_ORGANIZER, Applied, Method, Outcome
from pillarbox.formats.itip.series import Series, invited, series_of


def apply(
    stored: Component | None,
    incoming: Incoming,
    me: Identity,
    sender: str,
    *,
    complete: bool = False,
    decides: bool = False,
) -> Applied:
    """What a message makes of the recipient's object, which has its UID.

    `sender` is the address that is known to have sent it; what it may not say is refused.
    `complete` is for messages that were made here, which have all that concerns the recipient.
    With `decides` the recipient's answer is its own alone, whatever the organizer writes of it, and
    is asked for wherever it could be another: a room is booked by no one else.
    `stored` is not changed.
    """
    try:
        series = None if stored is None else series_of(stored)
        if stored is not None and series is None:
            return Applied(Outcome.REFUSED)
        if not _may_say(series, incoming, sender):
            return Applied(Outcome.REFUSED)
        if incoming.method in FROM_ORGANIZER:
            return _from_organizer(series, incoming, me, complete=complete, decides=decides)
        return _from_attendee(series, incoming, me, sender)
    except GrammarError:
        # What is stored can't be scheduled.
        return Applied(Outcome.REFUSED)


def _may_say(series: Series | None, incoming: Incoming, sender: str) -> bool:
    """Whether a message is of whom it says, or of who acts for them in the object that is known.

    SENT-BY of the message alone proves nothing: anybody may write it.
    """
    claimed = incoming.sender or sender
    if not sender:
        return False
    if sender == claimed:
        return True
    if series is None or incoming.method not in FROM_ORGANIZER:
        return False
    line = series.any.first("ORGANIZER")
    known = "" if line is None else line.param("SENT-BY") or ""
    return incoming.sent_by == sender and Identity((sender,)).has(known)


def _from_organizer(
    series: Series | None, incoming: Incoming, me: Identity, *, complete: bool, decides: bool
) -> Applied:
    method = incoming.method
    if incoming.organizer in me.addresses:
        return Applied(Outcome.REFUSED)
    if series is not None and not is_of_its_organizer(series, incoming):
        return Applied(Outcome.REFUSED)
    if series is not None and series.kind != incoming.series.kind:
        return Applied(Outcome.REFUSED)
    if method is Method.REQUEST:
        return apply_request(series, incoming, me, complete=complete, decides=decides)
    if method is Method.ADD:
        return apply_add(series, incoming, me, decides=decides)
    if method is Method.CANCEL:
        return apply_cancel(series, incoming, me)
    if method is Method.DECLINECOUNTER and series is None:
        return Applied(Outcome.NOT_FOUND)
    return Applied(Outcome.FOR_PEOPLE)


def _from_attendee(series: Series | None, incoming: Incoming, me: Identity, sender: str) -> Applied:
    if series is None:
        return Applied(Outcome.NOT_FOUND)
    if role(series, me) is not Role.ORGANIZER:
        return Applied(Outcome.REFUSED)
    if incoming.organizer and incoming.organizer not in me.addresses:
        return Applied(Outcome.REFUSED)
    if sender not in invited(series):
        return Applied(Outcome.REFUSED)
    if incoming.method is Method.REPLY:
        return apply_reply(series, incoming)
    if incoming.method is Method.REFRESH:
        return Applied(Outcome.UNCHANGED, resend=True)
    return Applied(Outcome.FOR_PEOPLE)
