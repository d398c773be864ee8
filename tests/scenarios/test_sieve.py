"""Scripts at delivery: the composed server, real clients, a name server and a host elsewhere."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit.app import PASSWORD, AppUnderTest
from kit.clock import FakeClock
from kit.nameserver import NameServer
from kit.sink import Sink, running
from kit.wire import ImapWire, SmtpWire
from pillarbox.app.cli.trace import told
from pillarbox.domain.accounts import users
from pillarbox.domain.accounts.model import TOPIC as DIRECTORY
from pillarbox.domain.accounts.model import Actor, LocalTarget, Role
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.owners import quota
from pillarbox.domain.policy import policies
from pillarbox.domain.policy.model import TOPIC as POLICIES
from pillarbox.domain.queue import inspect, suppression
from pillarbox.domain.queue.model import QueuedMessage
from pillarbox.domain.sharing import groups
from pillarbox.domain.sieve import scripts, site
from pillarbox.domain.sieve.model import Phase, ScriptQuota
from pillarbox.domain.trace import store
from pillarbox.domain.trace.model import Trace
from pillarbox.formats.sieve.compiling import compile_script
from pillarbox.formats.sieve.rules.model import Day, Forwarding, Vacation
from pillarbox.pipeline.filtering import filtering, planning
from pillarbox.pipeline.filtering.rehearsal import Rehearsal
from pillarbox.pipeline.filtering.rules import Rules
from pillarbox.pipeline.inbound.message import Envelope, Origin, Recipient
from pillarbox.pipeline.inbound.plan import Arrived
from pillarbox.storage.tx import Tx

ALICE, BOB, ANN = "alice@example.test", "bob@example.test", "ann@elsewhere.test"
PATIENCE_S = 30.0
LETTER = (
    "From: Ann <ann@elsewhere.test>\r\nTo: alice@example.test\r\nSubject: {subject}\r\n"
    "Message-ID: <{subject}@elsewhere.test>\r\n\r\nShall we meet at eight?\r\n"
)


@dataclass
class House:
    server: AppUnderTest
    clock: FakeClock
    sink: Sink

    async def use(self, script: str, user: str = ALICE, name: str = "mine") -> None:
        """Make a script the active one."""
        actor = await self.actor(user)
        await self.server.services.scripts.put(actor, name, script.encode(), activate=True)

    async def store(self, script: bytes, user: str = ALICE) -> None:
        """The same for one that nobody checked."""
        actor = await self.actor(user)

        def put(tx: Tx) -> None:
            keys = self.server.services.keys
            scripts.put(tx, keys, actor.account_id, "mine", script, ScriptQuota())
            scripts.activate(tx, actor.account_id, "mine")

        await self.server.services.database.write(put)

    async def site(self, phase: Phase, script: str, domain: str = "") -> None:
        database = self.server.services.database
        await database.write(site.put, domain, phase, phase.value, script.encode())

    async def actor(self, user: str) -> Actor:
        found = await self.server.services.database.read(users.get, user)
        assert found is not None
        return Actor(found.account_id, found.address, found.domain_id, found.role)

    async def send(
        self,
        subject: str = "hello",
        to: tuple[str, ...] = (ALICE,),
        sender: str = ANN,
        ip: str | None = None,
        letter: str = LETTER,
    ) -> tuple[int, str]:
        smtp = await SmtpWire.open(self.server.ports["smtp"], **({"ip": ip} if ip else {}))
        async with smtp.wire:
            return await smtp.data(sender, to, letter.format(subject=subject).encode())

    async def mailbox(self, name: str = "INBOX", user: str = ALICE) -> list[bytes]:
        imap = await ImapWire.open(self.server.ports["imap"], user, PASSWORD, select=name)
        async with imap.wire:
            return list((await imap.bodies()).values())

    async def flags(self, name: str = "INBOX") -> str:
        imap = await ImapWire.open(self.server.ports["imap"], ALICE, PASSWORD, select=name)
        async with imap.wire:
            return str(await imap.ok("FETCH 1 FLAGS"))

    async def trace(self, what: str = ALICE) -> Trace:
        services = self.server.services
        return (await services.database.read(store.find, services.keys, what))[0]

    async def queue(self) -> list[QueuedMessage]:
        return await self.server.services.database.read(inspect.list_of)

    async def until(self, condition: Callable[[list[QueuedMessage]], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition(await self.queue()):  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.02)

    async def settled(self, number: int = 1) -> None:
        """Wait until so many messages went through the queue, and nothing waits there."""
        await self.until(
            lambda queue: (
                len(queue) >= number
                and all(one.finished_ms for message in queue for one in message.recipients)
            )
        )


@pytest.fixture
async def house(
    tmp_path: Path, clock: FakeClock, database_settings: dict[str, str]
) -> AsyncIterator[House]:
    zones = {
        "elsewhere.test": "@ MX 10 mx\nmx A 127.0.0.1",
        "other.test": "@ MX 10 mx\nmx A 127.0.0.1",
        "test": "@ TXT all-others-do-not-exist",
    }
    async with NameServer(zones) as names, running(Sink()) as sink:
        chosen = {
            "DNS_PRIMARY": "127.0.0.1",
            "DNS_PORT": str(names.port),
            "OUTBOUND_INSIDE": "true",
            "OUTBOUND_PORT": str(sink.port),
            "DKIM_ALGO": "none",
            "SMTP_TARPIT": "0",
        }
        settings = chosen | database_settings
        async with AppUnderTest(tmp_path / "data", settings, clock=clock) as server:
            await server.add_users("alice", "bob")
            async with server.sending():
                yield House(server, clock, sink)


async def test_files_flags_and_tells_in_the_trace(house: House) -> None:
    await house.use(
        'require ["fileinto", "imap4flags"];\n'
        'if header :contains "subject" "sale" {\n'
        '  fileinto :flags ["\\\\Seen", "Shops"] "Lists/Shops";\n'
        "}\n"
    )
    assert (await house.send("a sale"))[0] == 250
    assert (await house.send("hello"))[0] == 250
    (kept,) = await house.mailbox("Lists/Shops")
    assert b"Subject: a sale" in kept
    flags = await house.flags("Lists/Shops")
    assert "Seen" in flags
    assert "Shops" in flags
    (other,) = await house.mailbox()
    assert b"Subject: hello" in other
    told_of = "\n".join(told(await house.trace("<a sale@elsewhere.test>")))
    assert "Lists/Shops" in told_of
    assert "line 3" in told_of


async def test_redirects_through_us_with_a_copy_kept(house: House) -> None:
    await house.use('require "copy";\nredirect :copy "friend@other.test";\n')
    assert (await house.send())[0] == 250
    await house.sink.wait_for(1)
    (leaving,) = house.sink.taken
    assert leaving.recipients == ("friend@other.test",)
    assert leaving.sender.startswith("SRS0=")
    assert leaving.sender.endswith("@example.test")
    assert not leaving.content.startswith(b"Return-Path")
    assert b"Delivered-To: alice@example.test" in leaving.content
    assert len(await house.mailbox()) == 1
    # What comes back from there is kept, and goes out no more.
    smtp = await SmtpWire.open(house.server.ports["smtp"])
    async with smtp.wire:
        assert (await smtp.data(ANN, (ALICE,), leaving.content))[0] == 250
    assert len(await house.mailbox()) == 2
    await house.settled()
    assert len(house.sink.taken) == 1


async def test_a_redirect_to_a_neighbour_meets_the_neighbours_script(house: House) -> None:
    await house.use(f'redirect "{BOB}";\n')
    await house.use('require "fileinto"; fileinto "From Alice";', BOB)
    assert (await house.send())[0] == 250
    await house.settled()
    assert await house.mailbox() == []
    assert len(await house.mailbox("From Alice", BOB)) == 1
    lines = told(await house.trace(BOB))
    assert any("out of the queue" in line for line in lines)
    assert any("From Alice" in line for line in lines)


async def test_two_users_that_redirect_to_each_other_end_in_a_mailbox(house: House) -> None:
    await house.use(f'redirect "{BOB}";\n')
    await house.use(f'redirect "{ALICE}";\n', BOB)
    assert (await house.send())[0] == 250
    await house.settled(2)
    assert len(await house.mailbox()) + len(await house.mailbox("INBOX", BOB)) == 1


async def test_vacation_answers_once_in_its_time(house: House) -> None:
    await house.use(
        'require "vacation";\nvacation :days 3 :subject "Away" "I am in the mountains.";\n'
    )
    for subject in ("one", "two"):
        assert (await house.send(subject))[0] == 250
    await house.sink.wait_for(1)
    await house.settled()
    (reply,) = house.sink.taken
    assert (reply.sender, reply.recipients) == ("", (ANN,))
    for field in (
        b"Subject: Away",
        b"Auto-Submitted: auto-replied",
        b"X-Auto-Response-Suppress: All",
        b"In-Reply-To: <one@elsewhere.test>",
        b"<alice@example.test>",
    ):
        assert field in reply.content, field
    assert b"mountains" in reply.content
    assert len(await house.mailbox()) == 2
    trace = await house.trace("<two@elsewhere.test>")
    assert any("no vacation reply" in line for line in trace.recipients[0].sieve)
    house.clock.advance(seconds=3 * 86_400 + 60)
    assert (await house.send("three"))[0] == 250
    await house.sink.wait_for(2)


async def test_vacation_does_not_answer_lists_and_machines(house: House) -> None:
    await house.use('require "vacation";\nvacation "Away.";\n')
    for field in ("List-Id: <a.b>", "Precedence: bulk", "Auto-Submitted: auto-generated"):
        letter = f"{field}\r\n" + LETTER
        assert (await house.send(letter=letter))[0] == 250
    assert (await house.send(sender=""))[0] == 250
    assert (await house.send(sender="noreply@elsewhere.test"))[0] == 250
    assert await house.queue() == []
    assert len(await house.mailbox()) == 5


async def test_reject_answers_the_client(house: House) -> None:
    await house.use('require "ereject";\nereject "Not here,\nplease.";\n')
    code, text = await house.send()
    assert code == 550
    assert "Not here" in text
    assert await house.mailbox() == []
    assert (await house.trace()).recipients[0].placement == ""


async def test_reject_for_one_of_two_is_told_by_a_report(house: House) -> None:
    await house.use('require "reject";\nreject "Not here, please.";\n')
    assert (await house.send(to=(ALICE, BOB)))[0] == 250
    await house.settled()
    assert await house.mailbox() == []
    assert len(await house.mailbox("INBOX", BOB)) == 1
    assert len(await house.queue()) >= 1


async def test_discard_leaves_nothing(house: House) -> None:
    await house.use("discard;\n")
    assert (await house.send())[0] == 250
    assert await house.mailbox() == []
    assert "discard" in "\n".join(told(await house.trace()))


async def test_a_failing_script_keeps_the_mail_and_tells_its_owner_once_a_day(
    house: House,
) -> None:
    await house.use('require "fileinto";\nfileinto "x";\n')
    await house.store(b'require "fileinto";\nfileinto "Shops";\nnonsense here;\n')
    for subject in ("one", "two"):
        assert (await house.send(subject))[0] == 250
    await house.settled()
    found = await house.mailbox()
    assert len(found) == 3
    (notice,) = [one for one in found if b"meet at eight" not in one]
    assert b"line 3" in notice
    trace = await house.trace("<two@elsewhere.test>")
    assert any("failed" in line for line in trace.recipients[0].sieve)
    house.clock.advance(seconds=86_400 + 60)
    assert (await house.send("three"))[0] == 250
    await house.settled(2)
    assert len(await house.mailbox()) == 5


async def test_a_run_without_end_is_stopped_and_keeps_the_mail(house: House) -> None:
    tests = ", ".join('header :contains "subject" "x"' for _ in range(200))
    many = "\n".join(f"if anyof({tests}) {{ stop; }}" for _ in range(4))
    await house.use(f'require ["foreverypart"];\nforeverypart {{ {many} }}\n')
    parts = "".join(f"--b\r\n\r\n{n}\r\n" for n in range(900)) + "--b--\r\n"
    letter = LETTER.replace("\r\n\r\n", '\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n')
    assert (await house.send(letter=letter + parts))[0] == 250
    assert len([one for one in await house.mailbox() if b"Shall we meet" in one]) == 1
    assert any(
        "too many steps" in line
        for line in (await house.trace("<hello@elsewhere.test>")).recipients[0].sieve
    )


async def test_scripts_of_the_site_run_around_the_users(house: House) -> None:
    await house.site(
        Phase.BEFORE,
        'require "fileinto"; if header :contains "subject" "lottery" {fileinto "Site"; stop;}',
    )
    await house.site(Phase.AFTER, 'require "fileinto"; fileinto "Rest";', "example.test")
    await house.use('require "fileinto"; if header :is "subject" "mine" {fileinto "Mine";}')
    for subject in ("lottery", "mine", "other"):
        assert (await house.send(subject))[0] == 250
    for name, subject in (("Site", b"lottery"), ("Mine", b"mine"), ("Rest", b"other")):
        (found,) = await house.mailbox(name)
        assert b"Subject: " + subject in found
    assert await house.mailbox() == []


async def test_a_full_mailbox_stops_all_that_a_script_wanted(house: House) -> None:
    await house.use('require ["copy", "fileinto"];\nredirect :copy "friend@other.test";\n')
    actor = await house.actor(ALICE)
    usage = await house.server.services.database.read(quota.usage, actor.account_id)
    assert usage is not None
    await house.server.services.database.write(users.set_quota, actor.account_id, 10)
    assert (await house.send())[0] in (452, 552)
    assert await house.queue() == []


async def test_mail_between_users_meets_scripts_too(house: House) -> None:
    await house.use(
        'require "fileinto";\nif envelope :is "from" "x" {}\n'.replace(
            'if envelope :is "from" "x" {}\n',
            'if address :is "from" "bob@example.test" {fileinto "Bob";}\n',
        )
    )
    smtp = await SmtpWire.open(house.server.ports["submission"])
    async with smtp.wire:
        await smtp.login(BOB, PASSWORD)
        content = LETTER.format(subject="hi").replace("Ann <ann@elsewhere.test>", BOB)
        assert (await smtp.data(BOB, (ALICE,), content.encode()))[0] == 250
    assert len(await house.mailbox("Bob")) == 1
    lines = "\n".join(told(await house.trace()))
    assert "filter: mine line" in lines
    assert "'hi'" in lines
    assert f"From {BOB}" in lines


async def test_junk_stays_junk_unless_the_script_asks_how_junk_it_is(house: House) -> None:
    services = house.server.services
    await services.database.write(
        policies.set_values,
        "_default",
        {"greylist_enabled": "false", "spam_junk_score": "0.1"},
    )
    services.bus.publish(POLICIES)
    await house.use(
        'require ["fileinto", "copy"];\nredirect :copy "friend@other.test";\nfileinto "Lists";\n'
    )
    stranger = "203.0.113.9"
    assert (await house.send("one", ip=stranger))[0] == 250
    assert len(await house.mailbox("Junk")) == 1
    assert await house.queue() == []
    await house.use(
        'require ["fileinto", "spamtestplus", "relational", "comparator-i;ascii-numeric"];\n'
        'if spamtest :percent :value "ge" :comparator "i;ascii-numeric" "50"'
        ' { fileinto "Lists"; }\n'
    )
    assert (await house.send("two", ip=stranger))[0] == 250
    assert len(await house.mailbox("Lists")) == 1


async def test_duplicates_and_mailbox_questions(house: House) -> None:
    await house.use(
        'require ["fileinto", "duplicate", "mailbox"];\n'
        "if duplicate { discard; stop; }\n"
        'if mailboxexists "Archive/2020" { fileinto "Archive/2020"; }\n'
    )
    assert (await house.send())[0] == 250
    assert (await house.send())[0] == 250
    assert len(await house.mailbox()) == 1


async def test_edited_mail_is_filed_and_redirected_as_edited(house: House) -> None:
    await house.use(
        'require ["editheader", "fileinto", "copy"];\n'
        'addheader "X-Sorted" "yes";\nredirect :copy "friend@other.test";\nfileinto "Edited";\n'
    )
    assert (await house.send())[0] == 250
    (kept,) = await house.mailbox("Edited")
    assert b"X-Sorted: yes\r\n" in kept
    assert kept.startswith((b"Return-Path: <ann@elsewhere.test>", b"X-Sorted"))
    await house.sink.wait_for(1)
    assert b"X-Sorted: yes\r\n" in house.sink.taken[0].content
    assert b"Return-Path" not in house.sink.taken[0].content


async def test_notify_writes_to_whom_it_says(house: House) -> None:
    await house.use(
        'require "enotify";\nnotify :message "You have mail" "mailto:pager@other.test";\n'
    )
    assert (await house.send())[0] == 250
    await house.sink.wait_for(1)
    (notice,) = house.sink.taken
    assert notice.recipients == ("pager@other.test",)
    assert b"Auto-Submitted: auto-notified" in notice.content
    assert len(await house.mailbox()) == 1


async def test_a_groups_mail_meets_the_groups_script(house: House) -> None:
    services = house.server.services
    group = await services.database.write(groups.create, "team@example.test")
    services.bus.publish(DIRECTORY)
    actor = Actor(group.account_id, group.address, group.domain_id, Role.USER)
    script = b'require "fileinto"; fileinto "Mine";'
    await services.scripts.put(actor, "team", script, activate=True)
    assert (await house.send(to=("team@example.test",)))[0] == 250
    found = await services.database.read(mailboxes.by_name, group.account_id, "Mine")
    assert found is not None
    assert found.total == 1


async def test_a_rehearsal_tells_what_would_move_and_moves_nothing(house: House) -> None:
    for subject in ("a sale", "hello", "big sale"):
        assert (await house.send(subject))[0] == 250
    services = house.server.services
    rehearsal = Rehearsal(
        services.database, services.content, services.filtering.programs,
        services.filtering.executor,
    )  # fmt: skip
    program = compile_script(
        b'require "fileinto"; if header :contains "subject" "sale" {fileinto "Shops";}'
    )
    actor = await house.actor(ALICE)
    found = [one async for one in rehearsal.run(actor, program, "INBOX", 2)]
    assert [(one.subject, one.stays) for one in found] == [("big sale", False), ("hello", True)]
    assert len(await house.mailbox()) == 3
    assert await house.queue() == []


async def test_vacation_and_forwarding_as_settings_work_and_leave_rules_alone(
    house: House,
) -> None:
    rules = Rules(house.server.services.scripts)
    actor = await house.actor(ALICE)
    await house.use(
        'require "fileinto";\n# rule:[Sales]\nif header :contains "subject" "sale"'
        ' {\n    fileinto "Shops";\n}\n'
    )
    today = house.clock.now().date()
    away = Vacation(text="Back soon.", subject="Away", first=Day(today), last=Day(today))
    await rules.vacation_put(actor, away)
    await rules.forwarding_put(actor, Forwarding(addresses=("friend@other.test",)))
    assert (await rules.get(actor)).rules.rules[0].name == "Sales"
    assert (await house.send("a sale"))[0] == 250
    await house.sink.wait_for(2)
    to = {one.recipients[0]: one for one in house.sink.taken}
    assert b"Back soon." in to[ANN].content
    assert b"Subject: a sale" in to["friend@other.test"].content
    assert len(await house.mailbox("Shops")) == 1
    house.clock.advance(days=2)
    await rules.forwarding_put(actor, None)
    assert (await house.send("next", sender="ben@elsewhere.test"))[0] == 250
    assert len(await house.mailbox()) == 1
    await house.settled(2)
    assert len(house.sink.taken) == 2


async def test_the_trace_tells_which_filter_refused(house: House) -> None:
    await house.use('require "reject";\nreject "Not here, please.";\n')
    assert (await house.send())[0] == 550
    alone = "\n".join(told(await house.trace()))
    assert "refused as a whole: Not here, please." in alone
    assert 'filter: mine line 2: reject "Not here, please."' in alone
    assert (await house.send(to=(ALICE, BOB)))[0] == 250
    trace = await house.trace()
    assert [one.placement for one in trace.recipients] == ["", "INBOX"]
    assert f"{ALICE}: refused: Not here, please." in "\n".join(told(trace))
    await house.settled()


async def test_the_trace_tells_where_mail_is_that_could_not_go_as_wanted(house: House) -> None:
    services = house.server.services
    await services.database.write(suppression.add, None, "friend@other.test", "hard bounce")
    await house.use(
        'require ["fileinto", "vacation"];\nvacation "Away.";\n'
        'fileinto "Work";\nredirect "friend@other.test";\n'
    )
    assert (await house.send())[0] == 250
    (recipient,) = (await house.trace()).recipients
    assert recipient.placement == "INBOX"
    assert "nothing was sent, and the message is kept" in recipient.sieve[-1]
    assert len(await house.mailbox()) == 1
    assert await house.queue() == []
    await house.use('require "fileinto";\nfileinto "Work";\nfileinto "Shared/bob/x";\n')
    assert (await house.send())[0] == 250
    (recipient,) = (await house.trace()).recipients
    assert recipient.placement == "Work and its usual place"
    assert len(await house.mailbox()) == 2


async def test_what_does_not_fit_beside_others_mail_follows_from_the_queue(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filtering, "PLANNED_BYTES", 1000)
    for user in (ALICE, BOB):
        await house.use('require "copy";\nredirect :copy "friend@other.test";\n', user)
    letter = LETTER + "some more\r\n" * 100
    assert (await house.send(to=(ALICE, BOB), letter=letter))[0] == 250
    assert [one.placement for one in (await house.trace()).recipients] == ["INBOX", "queue"]
    await house.sink.wait_for(2)
    await house.settled(3)
    marks = sorted(one.content.partition(b"\r\n")[0] for one in house.sink.taken)
    assert marks == [f"Delivered-To: {user}".encode() for user in (ALICE, BOB)]
    assert len(await house.mailbox()) == len(await house.mailbox("INBOX", BOB)) == 1


async def test_what_a_script_edits_is_held_once(house: House) -> None:
    script = (
        'require ["editheader", "fileinto"];\naddheader "X-A" "b";\nfileinto "A";\nfileinto "B";\n'
    )
    for user in (ALICE, BOB):
        await house.use(script, user)
    filters = house.server.services.filtering.filters
    actors = [await house.actor(user) for user in (ALICE, BOB)]
    recipients = tuple(
        Recipient(one.address, (LocalTarget(one.account_id, one.address, None),)) for one in actors
    )
    for content in (b"Subject: a\r\n\r\nsmall\r\n", b"Subject: a\r\n\r\n" + b"large\r\n" * 20_000):
        envelope = Envelope(Origin("", "", "LOCAL"), ANN, recipients)
        plans = await filters.plans(Arrived(envelope, (b"Return-Path: <>\r\n", content)))
        edited = [filing.content for plan in plans.values() for filing in plan.filings]
        assert edited[0].startswith(b"Return-Path: <>\r\nX-A: b\r\nSubject")
        assert len(edited) == 4
        assert len({id(one) for one in edited}) == 1


async def test_what_cannot_be_made_keeps_the_mail(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise LookupError("a fault of ours")

    monkeypatch.setattr(planning, "vacation_reply", fails)
    await house.use('require ["vacation", "fileinto"];\nvacation "Away.";\nfileinto "Work";\n')
    assert (await house.send(to=(ALICE, BOB)))[0] == 250
    assert len(await house.mailbox()) == len(await house.mailbox("INBOX", BOB)) == 1
    assert "an error of this server" in (await house.trace()).recipients[0].sieve[0]


async def test_messages_for_the_same_people_do_not_wait_in_circles(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialect = type(house.server.services.database.dialect)
    again: list[Exception] = []

    def retryable(self: object, error: Exception) -> bool:
        again.append(error)
        return known(self, error)

    known = dialect.retryable
    monkeypatch.setattr(dialect, "retryable", retryable)
    domains = ["other.test", "elsewhere.test", *(f"d{n}.test" for n in range(4))]
    for user, order in ((ALICE, domains[:5]), (BOB, domains[::-1][:5])):
        leaving = " ".join(f'redirect :copy "friend@{domain}";' for domain in order)
        await house.use(f'require ["copy", "fileinto"];\nfileinto "Work";\n{leaving}\n', user)
    sent = [house.send(f"m{n}", to=(ALICE, BOB) if n % 2 else (BOB, ALICE)) for n in range(20)]
    assert {code for code, _ in await asyncio.gather(*sent)} == {250}
    assert again == []
    assert len(await house.mailbox("Work")) == len(await house.mailbox("Work", BOB)) == 20
