"""A login that knows one password, and one token, for every user."""

from collections.abc import Mapping

from pillarbox.base.errors import Denied
from pillarbox.domain.accounts.model import Actor, User
from pillarbox.pipeline.client import ClientFacts
from pillarbox.pipeline.login import Proven, WrongScope
from pillarbox.wire.sasl.scram import make_verifier

PASSWORD = "correct horse"
TOKEN = "pbt_good"
NARROW_TOKEN = "pbt_narrow"
"""A token that is good for something else."""
SALT = b"salt of everyone"
ITERATIONS = 4096
NONCE = "nonce-of-the-server"
"""What kits have for the server's half of the nonce."""


class FakeLogin:
    """Stands in for `pipeline/login`; `asked` notes who tried, `holds` is for all of them."""

    def __init__(self, users: Mapping[str, User]) -> None:
        self._users = users
        self.asked: list[ClientFacts] = []
        self.holds = True

    async def password(self, username: str, password: str, client: ClientFacts) -> Actor:
        return self._judge(username, password == PASSWORD, client)

    async def scram_salt(self, username: str, client: ClientFacts) -> tuple[bytes, int]:
        return SALT, ITERATIONS

    async def scram(
        self, username: str, message: bytes, proof: bytes, client: ClientFacts
    ) -> Proven:
        verifier = make_verifier(PASSWORD, SALT, ITERATIONS)
        actor = self._judge(username, verifier.accepts(message, proof), client)
        return Proven(actor, verifier.signature(message))

    async def token(self, username: str, token: str, client: ClientFacts) -> Actor:
        if token == NARROW_TOKEN:
            raise WrongScope("Wrong user or password")
        first = next(iter(self._users))
        return self._judge(username or first, token == TOKEN, client)

    def is_self(self, name: str, actor: Actor) -> bool:
        return name.lower() == actor.address

    async def still_holds(self, actor: Actor) -> bool:
        return self.holds

    def _judge(self, username: str, is_right: bool, client: ClientFacts) -> Actor:
        self.asked.append(client)
        user = self._users.get(username)
        if user is None or not is_right:
            raise Denied("Wrong user or password")
        return actor_of(user)


def actor_of(user: User) -> Actor:
    """A user who has logged in."""
    return Actor(user.account_id, user.address, user.domain_id, user.role)
