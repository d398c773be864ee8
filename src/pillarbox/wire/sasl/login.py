"""The LOGIN mechanism: obsolete and never standardised, but all that some clients know.

To be offered on encrypted connections only. The prompts are the ones Outlook expects.
"""

from typing import ClassVar

from pillarbox.base.errors import GrammarError
from pillarbox.wire.sasl.exchange import Challenge, Credentials, read_name, read_password


class Login:
    """One LOGIN authentication: user name, then password."""

    name: ClassVar[str] = "LOGIN"
    client_first: ClassVar[bool] = False

    __slots__ = ("_over", "_username")

    def __init__(self) -> None:
        self._over = False
        self._username: str | None = None

    def step(self, response: bytes | None) -> Challenge | Credentials:
        """Ask for the name (an initial response is taken for it), then for the password."""
        if self._over:
            raise GrammarError("exchange is over")
        if response is None:
            if self._username is not None:
                raise GrammarError("response missing")
            return Challenge(b"Username:")
        if self._username is None:
            self._username = read_name(response)
            return Challenge(b"Password:")
        self._over = True
        return Credentials("", self._username, read_password(response))
