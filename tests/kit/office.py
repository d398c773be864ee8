"""A server whose users invite each other: what is in their calendars, inboxes and mail."""

from kit.app import DOMAIN, AppUnderTest
from kit.mail import MailAccount
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.accounts.resources import AutoAccept, Resource
from pillarbox.domain.calendars import resources
from pillarbox.domain.collections import homes, listing
from pillarbox.domain.collections.model import CollectionKind, Item
from pillarbox.domain.sharing import principals
from pillarbox.domain.sharing.principals import Principal
from pillarbox.pipeline.collections.objects import Manner, Stored
from pillarbox.pipeline.collections.places import Place
from pillarbox.storage.tx import Tx

TRAP = "trap"
"""Whom mail to elsewhere goes to."""


class Office:
    """Short ways to the meetings of a server under test, whose trap is the user of that name."""

    def __init__(self, app: AppUnderTest) -> None:
        self.app = app
        self.services = app.services
        self.scheduling = app.services.calendaring.scheduling
        self.objects = app.services.calendaring.objects

    async def principal(self, name: str) -> Principal:
        """Whoever has an address in the domain, or anywhere."""
        address = name if "@" in name else f"{name}@{DOMAIN}"
        return await self.services.database.read(principals.require, address)

    async def actor(self, name: str) -> Actor:
        """The same as who acts."""
        return (await self.principal(name)).actor

    async def place(self, name: str, calendar: str = "personal") -> Place:
        """A user's calendar."""
        account = (await self.principal(name)).account_id
        await self.services.database.write(homes.ensure, account)
        return Place(account, CollectionKind.CALENDAR, calendar)

    async def put(self, name: str, text: str, href: str = "meeting.ics") -> Stored:
        """Put an object into a user's calendar as they would, under a name."""
        place = await self.place(name)
        return await self.objects.put(await self.actor(name), place, href, text.encode())

    async def delete(self, name: str, href: str = "meeting.ics", *, reply: bool = True) -> None:
        """Remove an object as the user would."""
        place = await self.place(name)
        await self.objects.delete(await self.actor(name), place, href, manner=Manner(reply))

    async def work(self) -> None:
        """Deliver everything that is due."""
        while await self.scheduling.run_once():
            pass

    async def calendar(self, name: str) -> dict[str, str]:
        """A user's objects by name."""
        return {item.href: text for item, text in await self._of(name, "personal")}

    async def copy(self, name: str) -> str:
        """The only object in a user's calendar, lines unfolded."""
        ((_, text),) = await self._of(name, "personal")
        return text

    async def item(self, name: str) -> Item:
        """The same without its content."""
        ((item, _),) = await self._of(name, "personal")
        return item

    async def inbox(self, name: str) -> list[str]:
        """The messages in a user's inbox, lines unfolded."""
        return [text for _, text in await self._of(name, "inbox", CollectionKind.INBOX)]

    async def mail(self, name: str = TRAP) -> list[bytes]:
        """The mail in a user's INBOX."""
        account = (await self.principal(name)).account_id
        return await MailAccount(self.services.database, self.services.content, account).contents()

    async def room(self, name: str, how: AutoAccept = AutoAccept.WHEN_FREE) -> Resource:
        """A room that can be invited."""

        def make(tx: Tx) -> Resource:
            address = f"{name}@{DOMAIN}"
            return resources.create(tx, self.services.keys, address, name, auto_accept=how)

        return await self.services.database.write(make)

    async def _of(
        self, name: str, collection: str, kind: CollectionKind = CollectionKind.CALENDAR
    ) -> list[tuple[Item, str]]:
        account = (await self.principal(name)).account_id

        def look(tx: Tx) -> list[tuple[Item, bytes]]:
            found = [
                one
                for one in homes.of_owner(tx, self.services.keys, account, (kind,))
                if one.name == collection
            ]
            if not found:
                return []
            return listing.contents(tx, self.services.keys, found[0])

        read = await self.services.database.read(look)
        return [(item, content.decode().replace("\r\n ", "")) for item, content in read]
