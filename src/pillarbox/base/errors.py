"""The kinds of failure every part of pillarbox speaks of.

Domain, pipeline and storage raise these; each protocol has one table from kind to reply
(`protocols/*/errors.py`). Grammars raise `GrammarError` and nothing else.
"""


class Failure(Exception):
    """An outcome that has to be told to a client or an admin.

    `public` may be shown to anyone; `cause` is for the log only. `temporary` says whether the same
    request may succeed later.
    """

    temporary = False

    def __init__(self, public: str, cause: str | None = None) -> None:
        super().__init__(public)
        self.public = public
        self.cause = cause


class NotFound(Failure):
    """The thing named does not exist (or the actor may not know that it does)."""


class Exists(Failure):
    """A thing of that name exists already."""


class Conflict(Failure):
    """The request rests on a state that has changed; reading again and retrying may help."""


class Denied(Failure):
    """The actor is not allowed to do this, or is not who they say."""


class Invalid(Failure):
    """The request is well-formed but asks for something that can't be."""


class TooLarge(Failure):
    """A size, count or depth is over its limit."""


class OverQuota(Failure):
    """The account has no room left; room may be made, so senders may try again."""

    temporary = True


class Busy(Failure):
    """A rate or concurrency limit is reached."""

    temporary = True


class Unavailable(Failure):
    """Something pillarbox depends on (disk, database, network) does not answer."""

    temporary = True


class Expired(Failure):
    """The thing named was valid once and no longer is."""


class GrammarError(ValueError):
    """Input that does not follow its grammar; `position` is the byte offset where that was seen."""

    def __init__(self, text: str, position: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.position = position
