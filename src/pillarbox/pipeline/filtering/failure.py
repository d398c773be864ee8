"""The mail to a user whose script failed. Pure; that it is sent once a day sees its caller to."""

from collections.abc import Sequence

from pillarbox.formats.mime.header import Headers
from pillarbox.formats.sieve.errors import Problem
from pillarbox.pipeline.filtering.outgoing import OutgoingMail, Owner, Stamp


def failure_notice(
    script: str, problems: Sequence[Problem], headers: Headers, owner: Owner, stamp: Stamp
) -> OutgoingMail:
    """What went wrong in which script, where, with which message, and what to do now.

    `script` is its name, empty for the active one; it goes to `owner.addresses[0]`.
    """
    raise NotImplementedError
