"""Fetching and posting over HTTPS, for policies and reports of mail's security."""

from dataclasses import dataclass

from pillarbox.net.dns import Resolver


@dataclass(frozen=True, slots=True)
class HttpsOptions:
    """`user_agent` names us; `allow_private` permits addresses not of the public network."""

    user_agent: str = "pillarbox"
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """What a server answered; names of headers in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first header of a name in lower case, or empty."""
        return next((text for key, text in self.headers if key == name), "")


class HttpsFailure(Exception):
    """There was no whole answer; `certificate` says that the server's was to blame."""

    def __init__(self, why: str, *, certificate: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.certificate = certificate


class HttpsClient:
    """One per process; each request has its own connection, and no redirect is followed."""

    def __init__(self, resolver: Resolver, options: HttpsOptions) -> None:
        self._resolver = resolver
        self._options = options

    async def get(self, url: str, *, max_bytes: int, timeout_s: float) -> Response:
        """Fetch; raises `HttpsFailure`, also when the body is over the limit."""
        raise NotImplementedError

    async def post(
        self, url: str, body: bytes, content_type: str, *, max_bytes: int, timeout_s: float
    ) -> Response:
        """Post `body`; as `get` else."""
        raise NotImplementedError
