"""A login that knows one password for every user."""

from collections.abc import Mapping

from pillarbox.base.errors import Denied
from pillarbox.domain.accounts.model import Actor, User
from pillarbox.pipeline.client import ClientFacts

PASSWORD = "correct horse"


class FakeLogin:
    """Stands in for `pipeline/login`; `asked` notes who tried, `holds` is for all of them."""

    def __init__(self, users: Mapping[str, User]) -> None:
        self._users = users
        self.asked: list[ClientFacts] = []
        self.holds = True

    async def password(self, username: str, password: str, client: ClientFacts) -> Actor:
        self.asked.append(client)
        user = self._users.get(username)
        if user is None or password != PASSWORD:
            raise Denied("Wrong user or password")
        return actor_of(user)

    async def still_holds(self, actor: Actor) -> bool:
        return self.holds


def actor_of(user: User) -> Actor:
    """A user who has logged in."""
    return Actor(user.account_id, user.address, user.domain_id, user.role)
