"""A client that keeps a copy of a collection by sync-collection alone, as phones do."""

from kit.dav import D, Dav


class Follower:
    """What somebody knows of a collection: entity tags by path; `limit` bounds each answer."""

    def __init__(self, path: str, limit: int = 0) -> None:
        self.path = path
        self.limit = limit
        self.token = ""
        self.known: dict[str, str] = {}
        self.begun_anew = 0
        self.cut = 0
        """Answers that were cut, and told so by 507."""

    async def step(self, dav: Dav) -> bool:
        """Ask once; whether there is more."""
        answer = await dav.sync(self.path, self.token, self.limit)
        if answer.status in (403, 409) and D + "valid-sync-token" in answer.conditions:
            assert self.token
            self.token = ""
            self.known.clear()
            self.begun_anew += 1
            return True
        assert answer.status == 207, answer.heard.text
        more = False
        own = dav.path(self.path)
        for path, row in answer.rows.items():
            if row.status == 507:
                assert path == own
                more = True
            elif row.status == 404:
                self.known.pop(path, None)
            else:
                assert path != own
                self.known[path] = row.text(D + "getetag")
        if more:
            assert answer.token != self.token  # there is some way on
            self.cut += 1
        self.token = answer.token
        return more

    async def catch_up(self, dav: Dav) -> None:
        """Ask until there is no more."""
        while await self.step(dav):
            pass


async def listing(dav: Dav, path: str) -> dict[str, str]:
    """Entity tags of what is in a collection by path, as PROPFIND tells."""
    found = await dav.propfind(path, "getetag", depth="1")
    own = dav.path(path)
    return {where: row.text(D + "getetag") for where, row in found.rows.items() if where != own}
