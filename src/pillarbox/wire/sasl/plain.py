"""The PLAIN mechanism (RFC 4616); to be offered on encrypted connections only."""

from typing import ClassVar

from pillarbox.base.errors import GrammarError
from pillarbox.wire.sasl.exchange import (
    Challenge,
    Credentials,
    read_name,
    read_optional_name,
    read_password,
)


class Plain:
    """One PLAIN authentication: a single response with three fields."""

    name: ClassVar[str] = "PLAIN"
    client_first: ClassVar[bool] = True

    __slots__ = ("_over",)

    def __init__(self) -> None:
        self._over = False

    def step(self, response: bytes | None) -> Challenge | Credentials:
        """An empty challenge if there was no initial response, then the credentials."""
        if self._over:
            raise GrammarError("exchange is over")
        if response is None:
            return Challenge(b"")
        self._over = True
        fields = response.split(b"\0", 3)
        if len(fields) != 3:
            raise GrammarError("PLAIN needs three fields")
        authzid, authcid, password = fields
        return Credentials(read_optional_name(authzid), read_name(authcid), read_password(password))
