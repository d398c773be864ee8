"""The reply of the vacation action (RFC 5230 §5). Pure; whether there is one says `suppression`."""

from pillarbox.formats.mime.header import Headers
from pillarbox.formats.sieve.actions import Vacation
from pillarbox.pipeline.filtering.outgoing import OutgoingMail, Owner, Stamp


def vacation_reply(
    vacation: Vacation, headers: Headers, reverse_path: str, owner: Owner, stamp: Stamp
) -> OutgoingMail:
    """The reply to a message with this header; it goes to the reverse-path.

    It is from `vacation.sender` if that is an address of the user's, else from the address the
    message came to. Raises `GrammarError` where the reverse-path is no address.
    """
    raise NotImplementedError
