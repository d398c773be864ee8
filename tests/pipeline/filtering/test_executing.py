"""Running scripts with answers from the database: what they ask, and how often they run for it."""

from pillarbox.base.clock import SystemClock
from pillarbox.base.ids import AccountId
from pillarbox.cluster.bus import LocalBus
from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Role
from pillarbox.domain.sieve import scripts
from pillarbox.domain.sieve.model import ScriptQuota
from pillarbox.formats.sieve.actions import FileInto, Keep
from pillarbox.formats.sieve.limits import RunLimits
from pillarbox.formats.sieve.message import Message
from pillarbox.formats.sieve.run import Outcome
from pillarbox.formats.sieve.surroundings import Surroundings
from pillarbox.pipeline.filtering.executing import ANEW, Executor
from pillarbox.pipeline.filtering.programs import Programs
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: b"k" * 32})
LIMITS = RunLimits()
MAIL = b"X: a\r\n" * 400 + b"\r\nx"
NEEDS = 'require ["mailbox", "variables", "fileinto"]; set "a" "b";'
WORK = 'if header :contains "x" "b" {}'
"""Takes 400 instructions and some."""


async def run(database: Database, script: str) -> Outcome:
    def add(tx: Tx) -> AccountId:
        domains.create(tx, "example.org")
        account = users.create(tx, "ann@example.org", "x", "", Role.USER, 0).account_id
        scripts.put(tx, KEYS, account, "main", script.encode(), ScriptQuota())
        scripts.activate(tx, account, "main")
        return account

    account = await database.write(add)
    clock = SystemClock()
    loaded = await Programs(database, KEYS, LocalBus(), clock).of(account)
    assert loaded is not None
    executor = Executor(database, KEYS, LIMITS)
    return await executor.run(loaded, Message(MAIL), Surroundings(clock.now()))


def asking(count: int) -> str:
    return "".join(f'if mailboxexists "${{a}}{n}" {{ discard; }}' for n in range(count))


async def test_what_can_not_be_foreseen_is_asked(database: Database) -> None:
    script = f'{NEEDS} if mailboxexists "in${{a}}ox" {{ fileinto "x"; }} {asking(60)}'
    outcome = await run(database, script)
    assert outcome.failure is None
    assert [type(action) for action in outcome.actions] == [FileInto]


async def test_work_before_many_questions_is_not_done_for_each(database: Database) -> None:
    before = LIMITS.instructions // 500
    assert ANEW < 60
    outcome = await run(database, NEEDS + WORK * before + asking(60))
    assert "after too many steps" in str(outcome.failure)
    assert [type(action) for action in outcome.actions] == [Keep]
