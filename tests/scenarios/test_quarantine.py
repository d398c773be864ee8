"""What the composed server refuses or keeps back, and how its users get it after all."""

from kit.app import PASSWORD, AppUnderTest
from kit.wire import ImapWire, SmtpWire
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts import users
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.judgement.model import Action
from pillarbox.domain.policy import policies, weights
from pillarbox.domain.quarantine.model import KeptMessage
from pillarbox.domain.rescue import access
from pillarbox.domain.sender_lists import lists
from pillarbox.domain.sender_lists.model import SERVER, TOPIC, Owner, Scope
from pillarbox.pipeline.inbound.quarantine import Quarantine
from pillarbox.storage.tx import Tx

CLIENT = "192.0.2.7"
EVE, ALICE, BOB = "eve@bad.test", "alice@example.test", "bob@example.test"
MAIL = b"From: eve@bad.test\r\nTo: alice@example.test\r\nSubject: Riches\r\n\r\nhello\r\n"


def actor_of(tx: Tx, address: str) -> Actor:
    user = users.require(tx, address)
    return Actor(AccountId(user.account_id), user.address, user.domain_id, user.role)


class Bench:
    """A server, and what stands on its lists."""

    def __init__(self, server: AppUnderTest) -> None:
        self.server = server
        self.services = server.services
        (self.quarantine,) = [
            one for one in self.services.inbound.aftermaths if isinstance(one, Quarantine)
        ]

    async def begin(self) -> None:
        """No greylisting: mail is to be judged the first time it comes."""
        wanted = {"greylist_enabled": "0"}
        await self.services.database.write(policies.set_values, "_default", wanted)
        self.services.bus.publish("policy")

    async def actor(self, address: str) -> Actor:
        return await self.services.database.read(actor_of, address)

    async def block(self, owner: Owner, action: Action = Action.REFUSE) -> None:
        await self.services.database.write(lists.add, self.services.keys, owner, EVE, action)
        self.services.bus.publish(TOPIC)

    async def send(self, *to: str, code: int) -> str:
        smtp = await SmtpWire.open(self.server.ports["smtp"], ip=CLIENT)
        async with smtp.wire:
            await smtp.begin(EVE, to)
            await smtp.say("DATA", 354)
            await smtp.wire.send(MAIL + b".\r\n")
            return await smtp.expect(code)

    async def kept(self, address: str) -> list[KeptMessage]:
        actor = await self.actor(address)
        return await self.services.database.read(access.list_of, self.services.keys, actor)

    async def inbox(self, address: str) -> list[bytes]:
        port = self.server.ports["imap"]
        imap = await ImapWire.open(port, address, PASSWORD, select="INBOX")
        async with imap.wire:
            return list((await imap.bodies()).values())


async def test_refused_and_released(server: AppUnderTest) -> None:
    bench = Bench(server)
    await bench.begin()
    await bench.block(SERVER)
    for _ in range(2):
        assert "not wanted here" in await bench.send(ALICE, BOB, code=550)
    assert await bench.inbox(ALICE) == []
    (one,) = await bench.kept(ALICE)
    assert one.tries == 2
    await bench.quarantine.release(await bench.actor(ALICE), one.id)
    (content,) = await bench.inbox(ALICE)
    assert content.endswith(b"\r\nhello\r\n")
    assert await bench.kept(ALICE) == []
    assert len(await bench.kept(BOB)) == 1


async def test_what_one_user_blocks_the_other_gets(server: AppUnderTest) -> None:
    bench = Bench(server)
    await bench.begin()
    await bench.block(Owner(Scope.USER, (await bench.actor(ALICE)).account_id))
    await bench.send(ALICE, BOB, code=250)
    assert len(await bench.inbox(BOB)) == 1
    assert await bench.inbox(ALICE) == []
    assert len(await bench.kept(ALICE)) == 1


async def test_an_action_of_the_policy_keeps_it_back(server: AppUnderTest) -> None:
    bench = Bench(server)
    await bench.begin()
    await bench.block(SERVER, Action.JUNK)
    database = server.services.database
    await database.write(weights.set_weight, "example.test", "sender_blocked", None, "quarantine")
    server.services.bus.publish("policy")
    await bench.send(ALICE, code=250)
    assert await bench.inbox(ALICE) == []
    (one,) = await bench.kept(ALICE)
    await bench.quarantine.release(await bench.actor(ALICE), one.id)
    assert len(await bench.inbox(ALICE)) == 1
