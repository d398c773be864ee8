"""From failures to answers: one status for each kind, a line of text for people.

Faces with answers of their own (DAV) catch `Failure` themselves, and use `status_of`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pillarbox.base.errors import (
    Busy,
    Conflict,
    Denied,
    Exists,
    Expired,
    Failure,
    Invalid,
    NotFound,
    OverQuota,
    TooLarge,
    Unavailable,
)

if TYPE_CHECKING:
    from starlette.responses import Response

RETRY_AFTER_S = 10

_STATUS: Final[MappingProxyType[type[Failure], int]] = MappingProxyType(
    {
        NotFound: 404,
        Exists: 409,
        Conflict: 409,
        Denied: 403,
        Invalid: 422,
        TooLarge: 413,
        OverQuota: 507,
        Busy: 503,
        Unavailable: 503,
        Expired: 410,
    }
)


class Refused(Exception):
    """A request that is answered with a status and a line of text, whatever face it was for.

    `WebApp` answers it; nobody else has to catch it. With 401, 403 and 429 nothing else of the
    request was looked at.
    """

    def __init__(
        self,
        status: int,
        text: str,
        headers: Mapping[str, str] | None = None,
        *,
        retry_after_s: int | None = None,
    ) -> None:
        """`text` is shown to people as it is."""
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = dict(headers or {})
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(retry_after_s)

    def response(self) -> "Response":
        """The answer."""
        from starlette.responses import PlainTextResponse

        return PlainTextResponse(self.text + "\n", self.status, self.headers)


def status_of(failure: Failure) -> int:
    """The status of a kind of failure."""
    for kind in type(failure).__mro__:
        if kind in _STATUS:
            return _STATUS[kind]
    return 500


def refused(failure: Failure) -> Refused:
    """The answer to a failure, for faces without answers of their own."""
    retry_after_s = RETRY_AFTER_S if failure.temporary else None
    return Refused(status_of(failure), failure.public, retry_after_s=retry_after_s)
