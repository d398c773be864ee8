"""Scripts of mailboxes, run for what real clients do there over IMAP (RFC 6785)."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from kit.accounts import PASSWORD as LIVE_PASSWORD
from kit.app import PASSWORD, AppUnderTest
from kit.live import LiveServer, kill
from kit.wire import ImapWire
from pillarbox.app.filtering import imap_events as imap_events_of
from pillarbox.base.clock import SystemClock
from pillarbox.base.errors import Unavailable
from pillarbox.domain.accounts import users
from pillarbox.domain.mail import imap_events
from pillarbox.domain.queue import inspect
from pillarbox.domain.queue.model import QueuedMessage
from pillarbox.domain.sieve import scripts
from pillarbox.domain.sieve.model import ScriptQuota
from pillarbox.storage.tx import Tx

ALICE, BOB = "alice@example.test", "bob@example.test"
SHARED = f"Other Users/{ALICE}/INBOX"
WAIT_S = 30.0
LETTER = b"From: ann@elsewhere.test\r\nSubject: %s\r\nMessage-ID: <%s@x.test>\r\n\r\nWords.\r\n"


def letter(subject: str = "hello") -> bytes:
    return LETTER % (subject.encode(), subject.encode())


class House:
    """A server whose worker runs scripts for events, and its users."""

    def __init__(self, server: AppUnderTest) -> None:
        self.server = server
        self.services = server.services

    async def store(self, text: str, name: str = "mine", user: str = ALICE) -> None:
        """Keep a script, which nobody checks."""

        def put(tx: Tx) -> None:
            account = users.require(tx, user).account_id
            keys = self.services.keys
            scripts.put(tx, keys, account, name, text.encode(), ScriptQuota())

        await self.services.database.write(put)

    @asynccontextmanager
    async def imap(self, select: str = "INBOX", user: str = ALICE) -> AsyncIterator[ImapWire]:
        port = self.server.ports["imap"]
        imap = await ImapWire.open(port, user, PASSWORD, select=select)
        async with imap.wire:
            yield imap

    async def attach(self, text: str, mailbox: str = "INBOX", name: str = "mine") -> None:
        """Keep a script and name it for a mailbox, or with an empty name for all."""
        await self.store(text, name)
        async with self.imap() as imap:
            await imap.ok(f'SETMETADATA "{mailbox}" (/shared/imapsieve/script "{name}")')

    async def quiet(self) -> None:
        """Wait until a script ran for everything that was noted."""
        async with asyncio.timeout(WAIT_S):
            while await self.services.database.read(imap_events.count_waiting):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def append(self, subject: str = "hello", mailbox: str = "INBOX") -> None:
        async with self.imap() as imap:
            assert (await imap.append(mailbox, letter(subject))).startswith(b"OK")
        await self.quiet()

    async def do(self, command: str, mailbox: str = "INBOX", user: str = ALICE) -> None:
        async with self.imap(mailbox, user) as imap:
            await imap.ok(command)
        await self.quiet()

    async def flags(self, mailbox: str = "INBOX", user: str = ALICE) -> list[set[str]]:
        """The flags of each message, without \\Recent."""
        async with self.imap(mailbox, user) as imap:
            lines = [pieces[0] for pieces in await imap.ok("UID FETCH 1:* FLAGS")]
        found = [re.search(rb"FLAGS \(([^)]*)\)", line) for line in lines if b"FETCH" in line]
        return [set(one[1].decode().split()) - {"\\Recent"} for one in found if one]

    async def subjects(self, mailbox: str, user: str = ALICE) -> list[str]:
        async with self.imap(mailbox, user) as imap:
            bodies = (await imap.bodies()).values()
        return [re.findall(rb"^Subject: ([^\r]*)", one, re.MULTILINE)[0].decode() for one in bodies]

    async def queue(self) -> list[QueuedMessage]:
        return await self.services.database.read(inspect.list_of)


@asynccontextmanager
async def serving(folder: Path, settings: dict[str, str]) -> AsyncIterator[House]:
    async with AppUnderTest(folder / "data", settings) as server:
        await server.add_users("alice", "bob")
        house = House(server)
        running = asyncio.create_task(server.services.imap_events.run())
        yield house
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def house(tmp_path: Path, database_settings: dict[str, str]) -> AsyncIterator[House]:
    async with serving(tmp_path, database_settings) as found:
        yield found


REQUIRE = (
    'require ["imapsieve", "environment", "fileinto", "copy", "imap4flags", "variables", "mailbox",'
    ' "editheader", "relational", "comparator-i;ascii-numeric"];\r\n'
)


async def test_appended_copied_and_moved_messages_meet_the_script(house: House) -> None:
    await house.attach(
        REQUIRE + 'if environment :matches "imap.cause" "*" { addflag "by-${1}"; }\r\n'
        'if environment :matches "imap.mailbox" "*" { addflag "in-${1}"; }\r\n'
        'if environment :is "imap.changedflags" "" { addflag "none"; }\r\n'
        'if allof (environment :is "location" "MS", environment :is "phase" "post",\r\n'
        f'          environment :is "imap.user" "{ALICE}",\r\n'
        f'          environment :is "imap.email" "{ALICE}") {{ addflag "right"; }}\r\n',
        "Archive",
    )
    await house.append("first", "Archive")
    await house.append("second")
    await house.do("UID COPY 1:* Archive")
    await house.do("UID MOVE 1:* Archive")
    always = {"in-Archive", "none", "right"}
    assert await house.flags("Archive") == [
        always | {"by-APPEND"},
        always | {"by-COPY"},
        always | {"by-COPY"},
    ]


async def test_each_message_of_one_append_is_an_event(house: House) -> None:
    await house.attach(REQUIRE + 'fileinto :copy "Work";\r\n')
    async with house.imap() as imap:
        one = letter()
        await imap.wire.send(
            b"x APPEND INBOX {%d+}\r\n%s {%d+}\r\n%s\r\n" % (*([len(one), one] * 2),)
        )
        _, said = await imap.until_tag(b"x")
        assert said.startswith(b"OK")
    await house.quiet()
    assert await house.subjects("Work") == ["hello", "hello"]


async def test_flags_are_seen_as_they_are_after_the_change(house: House) -> None:
    await house.append()
    await house.attach(
        REQUIRE + 'if environment :is "imap.cause" "FLAG" {\r\n'
        '  if environment :matches "imap.changedflags" "*" { fileinto :copy :create "${1}"; }\r\n'
        '  if hasflag "\\\\Flagged" { addflag "important"; } else { removeflag "important"; }\r\n'
        "}\r\n"
    )
    await house.do("UID STORE 1 +FLAGS (\\Flagged)")
    assert await house.flags() == [{"\\Flagged", "important"}]
    await house.do("UID STORE 1 +FLAGS (\\Flagged)")  # no change, no event
    await house.do("UID STORE 1 -FLAGS (\\Flagged)")
    assert await house.flags() == [set()]
    # What the script itself has changed was no event: there is no copy for "important".
    assert await house.subjects("\\\\Flagged") == ["hello", "hello"]
    await house.do("UID FETCH 1 BODY[]")
    assert await house.flags() == [{"\\Seen"}]
    assert await house.subjects("\\\\Seen") == ["hello"]


async def test_fileinto_copies_and_marks_the_original_deleted(house: House) -> None:
    await house.attach(REQUIRE + 'addflag "filed"; fileinto "Work"; removeflag "filed";')
    await house.append()
    assert await house.subjects("Work") == ["hello"]
    assert await house.flags("Work") == [{"filed"}]
    assert await house.flags() == [{"\\Deleted"}]
    await house.attach(REQUIRE + 'fileinto :copy "Other"; addflag "kept";')
    await house.append()
    assert await house.flags("Other") == [set()]
    assert await house.flags() == [{"\\Deleted"}, {"kept"}]
    await house.attach(REQUIRE + 'fileinto "Third"; keep;')
    await house.append()
    assert await house.subjects("Third") == ["hello"]
    assert await house.flags() == [{"\\Deleted"}, {"kept"}, set()]


async def test_filed_where_it_lies_it_is_there_twice_and_runs_nothing(house: House) -> None:
    await house.attach(REQUIRE + 'fileinto "INBOX";')
    await house.append()
    assert await house.flags() == [{"\\Deleted"}, set()]


async def test_scripts_of_two_mailboxes_make_no_loop(house: House) -> None:
    await house.attach(REQUIRE + 'fileinto :copy "Work";')
    await house.do("CREATE Work")
    await house.attach(REQUIRE + 'fileinto :copy "INBOX";', "Work", "other")
    await house.append()
    assert len(await house.flags()) == len(await house.flags("Work")) == 1


async def test_discard_marks_deleted_and_keep_goes_before_it(house: House) -> None:
    await house.attach(REQUIRE + 'setflag "seen-by-script"; discard;')
    await house.append()
    assert await house.flags() == [{"\\Deleted", "seen-by-script"}]
    await house.attach(REQUIRE + "discard; keep;")
    await house.append()
    assert await house.flags() == [{"\\Deleted", "seen-by-script"}, set()]


async def test_edits_are_for_copies_alone(house: House) -> None:
    await house.attach(
        REQUIRE + 'deleteheader "Subject"; addheader "Subject" "edited";'
        'fileinto :copy "Work"; keep;'
    )
    await house.append()
    assert await house.subjects("Work") == ["edited"]
    assert await house.subjects("INBOX") == ["hello"]
    assert await house.flags() == [set()]


async def test_a_message_with_all_the_flags_it_can_have_keeps_them(house: House) -> None:
    await house.append()
    keywords = {f"k{number:02}" for number in range(64)}
    system = {"\\Seen", "\\Answered", "\\Draft"}
    await house.do(f"UID STORE 1 FLAGS ({' '.join(keywords | system)})")
    await house.attach(REQUIRE + 'addflag "\\\\Flagged"; removeflag "k00";')
    await house.do("UID STORE 1 -FLAGS (\\Draft)")
    assert await house.flags() == [keywords - {"k00"} | {"\\Seen", "\\Answered", "\\Flagged"}]


async def test_redirected_from_the_owner(house: House) -> None:
    await house.attach(REQUIRE + 'redirect "ann@elsewhere.test";')
    await house.append()
    (queued,) = await house.queue()
    assert queued.reverse_path == ALICE
    assert [one.address for one in queued.recipients] == ["ann@elsewhere.test"]
    assert await house.flags() == [{"\\Deleted"}]
    await house.attach(REQUIRE + 'redirect :copy "ann@elsewhere.test";')
    await house.append()
    assert len(await house.queue()) == 2
    assert await house.flags() == [{"\\Deleted"}, set()]


async def test_what_may_not_be_redirected_stays(house: House) -> None:
    await house.attach(REQUIRE + f'redirect "{ALICE}";')
    await house.append()
    assert await house.queue() == []
    assert await house.flags() == [set()]


async def test_notify(house: House) -> None:
    await house.attach(
        'require ["imapsieve", "enotify"]; notify :message "Look" "mailto:ann@elsewhere.test";'
    )
    await house.append()
    (queued,) = await house.queue()
    assert [one.address for one in queued.recipients] == ["ann@elsewhere.test"]
    assert await house.flags() == [set()]


@pytest.mark.parametrize(
    "script",
    [
        'require ["imapsieve", "reject"]; keep;',
        'require ["imapsieve", "ereject"]; ereject "no";',
        'require ["imapsieve", "vacation"]; vacation "away";',
        'require ["imapsieve", "envelope"]; if envelope :is "from" "x" { discard; }',
        'require ["imapsieve", "nonsense"]; discard;',
        'require ["imapsieve", "fileinto"]; fileinto "Work"; vacation',
    ],
)
async def test_what_fails_leaves_the_message_and_tells_its_owner_once(
    house: House, script: str
) -> None:
    await house.attach(script)
    await house.append()
    await house.append()
    assert await house.flags() == [set(), set()]
    (queued,) = await house.queue()
    assert [one.address for one in queued.recipients] == [ALICE]
    assert queued.reverse_path == ""


async def test_a_full_account_keeps_the_message_as_it_is(house: House) -> None:
    await house.attach(REQUIRE + 'fileinto "Work";')

    def fill(tx: Tx) -> None:
        users.set_quota(tx, users.require(tx, ALICE).account_id, len(letter()) + 1)

    await house.services.database.write(fill)
    await house.append()
    assert await house.flags() == [set()]
    assert len(await house.queue()) == 1  # its owner is told


async def test_the_servers_script_is_for_mailboxes_without_one(house: House) -> None:
    await house.attach(REQUIRE + 'addflag "server";', "")
    await house.attach(REQUIRE + 'addflag "own";', "Archive", "own")
    await house.append()
    await house.append(mailbox="Archive")
    assert await house.flags() == [{"server"}]
    assert await house.flags("Archive") == [{"own"}]
    async with house.imap() as imap:
        said = await imap.ok('GETMETADATA "" /shared/imapsieve/script')
        assert b'"mine"' in said[0][0] or b"mine" in b"".join(said[0])
        # Empty: no script at all, not even the server's.
        await imap.ok('SETMETADATA Archive (/shared/imapsieve/script "")')
        await imap.ok('SETMETADATA Sent (/shared/imapsieve/script "nowhere")')
    for mailbox in ("Archive", "Sent"):
        await house.append(mailbox=mailbox)
        assert (await house.flags(mailbox))[-1] == set()
    # It is alice's: bob's mailboxes have none.
    await house.do(f"APPEND INBOX {{{len(letter())}+}}\r\n{letter().decode()}", user=BOB)
    assert await house.flags(user=BOB) == [set()]


async def test_whoever_shares_a_mailbox_runs_its_owners_script(house: House) -> None:
    await house.append()
    await house.attach(REQUIRE + 'if environment :matches "imap.user" "*@*" { addflag "by-${1}"; }')
    await house.store(REQUIRE + 'addflag "bobs";', user=BOB)
    await house.do(f"SETACL INBOX {BOB} lrsi")
    async with house.imap(user=BOB) as imap:
        await imap.ok(f'SELECT "{SHARED}"')
        await imap.ok("STORE 1 +FLAGS (\\Seen)")
        # Naming a script needs the right to change annotations.
        _, said = await imap.do(f'SETMETADATA "{SHARED}" (/shared/imapsieve/script "x")')
        assert said.startswith(b"NO")
    await house.quiet()
    assert await house.flags() == [{"\\Seen", "by-bob"}]


async def test_a_message_that_is_gone_has_no_event(house: House) -> None:
    await house.attach(REQUIRE + 'fileinto "Work";')
    running = house.services.imap_events
    async with house.imap() as imap:
        await imap.append("INBOX", letter())
    await house.quiet()
    assert await running.run_once() == 0


async def test_a_short_failure_of_the_database_loses_no_event(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.attach(REQUIRE + 'addflag "there";')
    database = house.services.database
    write, failures = database.write, [Unavailable("The database does not answer")]

    async def write_or_fail(fn: Any, *arguments: Any) -> Any:
        if failures and fn.__name__ == "_apply":
            raise failures.pop()
        return await write(fn, *arguments)

    monkeypatch.setattr(database, "write", write_or_fail)
    await house.append()
    assert failures == []
    assert await house.flags() == [{"there"}]


async def test_two_processes_at_one_event_do_it_once(house: House) -> None:
    """As when the lease of one ran out while it was at it."""
    await house.attach(REQUIRE + 'redirect :copy "ann@elsewhere.test"; fileinto "Work";')
    services, begin = house.services, asyncio.Event()
    parts = (services.database, services.bus, SystemClock())
    others = [
        imap_events_of(
            services.options, *parts, owner, services.imap.preparation, services.filtering
        )
        for owner in ("one", "two")
    ]
    services.imap_events.run_once = begin.wait  # type: ignore[method-assign,assignment]
    async with house.imap() as imap:
        await imap.append("INBOX", letter())
    (event,) = await services.database.read(imap_events.waiting, 2)
    await asyncio.gather(*(one._deal_with(event) for one in others))
    assert await house.subjects("Work") == ["hello"]
    assert len(await house.queue()) == 1
    begin.set()


async def test_capability(tmp_path: Path) -> None:
    async with serving(tmp_path, {"MANAGESIEVE_PORT": "2000"}) as house, house.imap() as imap:
        said = b" ".join(pieces[0] for pieces in await imap.ok("CAPABILITY")).split()
        assert b"IMAPSIEVE=sieve://mx.example.test:2000" in said


async def test_switched_off_nothing_runs_and_nothing_piles_up(tmp_path: Path) -> None:
    async with serving(tmp_path, {"SIEVE_IMAP_ENABLED": "false"}) as house:
        await house.attach(REQUIRE + "discard;")
        await house.append()
        assert await house.flags() == [set()]
        async with house.imap() as imap:
            said = b" ".join(pieces[0] for pieces in await imap.ok("CAPABILITY"))
            assert b"IMAPSIEVE" not in said


async def test_killed_at_any_moment_each_event_is_dealt_with_once(tmp_path: Path) -> None:
    server = LiveServer(tmp_path, {"TLS_MODE": "off", "LOG_LEVEL": "error", "WORKERS": "2"})
    server.start()
    text = tmp_path / "filed.sieve"
    text.write_text('require ["imapsieve", "fileinto"]; fileinto "Filed";')
    try:
        server.command("sieve", "put", ALICE, "filed", str(text))
        rounds, number = 3, 0
        for _ in range(rounds):
            imap = await ImapWire.open(server.port("IMAP"), ALICE, LIVE_PASSWORD, select="INBOX")
            async with imap.wire:
                await imap.ok('SETMETADATA INBOX (/shared/imapsieve/script "filed")')
                for _ in range(15):
                    number += 1
                    await imap.append("INBOX", letter(f"n{number}"))
            kill(server.supervisor())
            for pid in server.workers():
                kill(pid)
            server.reap()
            server.start()
        async with asyncio.timeout(90):
            while True:
                imap = await ImapWire.open(server.port("IMAP"), ALICE, LIVE_PASSWORD)
                async with imap.wire:
                    deleted = (await imap.status("INBOX"))["DELETED"]
                if deleted == number:
                    break
                await asyncio.sleep(0.1)
        imap = await ImapWire.open(server.port("IMAP"), ALICE, LIVE_PASSWORD, select="Filed")
        async with imap.wire:
            bodies = (await imap.bodies()).values()
        found = [re.findall(rb"^Subject: n(\d+)", one, re.MULTILINE)[0] for one in bodies]
        assert sorted(map(int, found)) == list(range(1, number + 1))
    finally:
        server.end()
