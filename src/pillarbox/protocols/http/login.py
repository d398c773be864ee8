"""Logging in to HTTP: Basic and Bearer, one login for each connection, the limits of all logins.

The faces call `HttpLogin.actor` for each request. What it costs: nothing but one look whether the
login still holds, where the connection sends the same credentials again; else what `pipeline/login`
takes, which hashes a password once in ten minutes (RFC 7617, RFC 6750).
"""

import binascii
import re
from base64 import b64decode
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pillarbox.base.errors import Busy, Denied
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.accounts.tokens import PREFIX
from pillarbox.pipeline.login import Barred, Login, WrongScope
from pillarbox.protocols.http.errors import Refused
from pillarbox.protocols.http.visit import Visit, note_user, visit_of

if TYPE_CHECKING:
    from starlette.requests import Request

WRONG = "Log in with your address and your password, or a token made for this."
IN_CLEAR = (
    "Passwords are not taken without TLS. Use https://, and change the password that was sent now."
)
NOT_IN_SCOPE = "This token is not good for this: one with the scope {scope} is."
RETRY_AFTER_S = 60
MAX_CREDENTIALS = 8192

_TOKEN = re.compile(re.escape(PREFIX) + r"[A-Za-z0-9_-]{43}")
"""What is a token wherever a password is expected: programs know but two boxes to fill in."""


@dataclass(frozen=True, slots=True)
class HttpLogin:
    """Who makes a request; one for each face.

    `protocol` is the face's name in `pipeline/login.SCOPES` and in the log (`dav`), `realm` what
    programs show to people when they ask for the password.
    """

    login: Login
    protocol: str
    realm: str = "pillarbox"

    async def actor(self, request: "Request") -> Actor:
        """Who is logged in.

        Raises `Refused`, whose answer is made already: 401 without credentials that are right, 403
        over a connection that may not carry them, and for a token of another scope, 429 for an
        address that is barred, 503 when too many log in at once.
        """
        visit = visit_of(request)
        fields = request.headers.getlist("authorization")
        if not visit.secure:
            # Not looked at: who reads along should not learn whether it was right.
            raise Refused(403, IN_CLEAR)
        if len(fields) != 1 or len(fields[0]) > MAX_CREDENTIALS:
            raise self._challenge()
        # A token that is good for one face is not for another.
        credentials = f"{self.protocol} {fields[0]}"
        known = visit.known(credentials)
        if known is not None:
            if await self.login.still_holds(known):
                note_user(request, known)
                return known
            visit.forget()
        actor = await self._ask(visit, fields[0])
        visit.remember(credentials, actor)
        note_user(request, actor)
        return actor

    async def _ask(self, visit: Visit, field: str) -> Actor:
        scheme, _, value = field.partition(" ")
        client = replace(visit.client, protocol=self.protocol)
        try:
            if scheme.lower() == "bearer":
                return await self.login.token("", value.strip(), client)
            pair = _basic(value) if scheme.lower() == "basic" else None
            if pair is None:
                raise self._challenge()
            if _TOKEN.fullmatch(pair[1]):
                return await self.login.token(*pair, client)
            return await self.login.password(*pair, client)
        except WrongScope:
            raise Refused(403, NOT_IN_SCOPE.format(scope=self.protocol)) from None
        except Denied:
            raise self._challenge() from None
        except Barred as failure:
            raise Refused(429, failure.public, retry_after_s=RETRY_AFTER_S) from None
        except Busy as failure:
            raise Refused(503, failure.public, retry_after_s=RETRY_AFTER_S) from None

    def _challenge(self) -> Refused:
        field = f'Basic realm="{self.realm}", charset="UTF-8"'
        return Refused(401, WRONG, {"WWW-Authenticate": field})


def _basic(value: str) -> tuple[str, str] | None:
    """User and password (RFC 7617 §2); `None` where there are none."""
    try:
        data = b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # programs from before RFC 7617
    user, colon, password = text.partition(":")
    if not colon or not user or any(ord(sign) < 32 or ord(sign) == 127 for sign in text):
        return None
    return user, password
