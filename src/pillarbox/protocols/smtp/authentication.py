"""One login under way: how the exchange that AUTH begins is spoken in SMTP (RFC 4954 §4).

Called by `commands/auth`; calls `pipeline/authentication`.
"""

from base64 import b64encode

from pillarbox.base.errors import GrammarError
from pillarbox.domain.accounts.model import Actor
from pillarbox.pipeline.authentication import MAX_STEPS, Attempt, NotAuthorized
from pillarbox.wire.sasl.exchange import decode_base64
from pillarbox.wire.smtp import replies
from pillarbox.wire.smtp.replies import Reply, auth_challenge


class SmtpAttempt:
    """One login under way; `step` and `line` give a challenge to send, a refusal, or an actor."""

    __slots__ = ("_attempt", "_steps_left")

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._steps_left = MAX_STEPS

    async def line(self, line: bytes) -> Reply | Actor:
        """Take the client's answer to a challenge; raises what `step` raises."""
        if line == b"*":
            return replies.AUTH_CANCELLED
        try:
            response = decode_base64(line)
        except GrammarError:
            return replies.AUTH_SYNTAX_ERROR
        return await self.step(response)

    async def step(self, response: bytes | None) -> Reply | Actor:
        """Take a response; raises `Denied`, `Busy` or `Unavailable` from the login."""
        self._steps_left -= 1
        if self._steps_left < 0:
            return replies.AUTH_SYNTAX_ERROR
        try:
            answer = await self._attempt.step(response)
        except GrammarError:
            return replies.AUTH_SYNTAX_ERROR
        except NotAuthorized:
            return replies.AUTH_FAILED
        return answer if isinstance(answer, Actor) else auth_challenge(b64encode(answer))
