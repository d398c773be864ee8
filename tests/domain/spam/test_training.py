"""Learning: once and not twice, taken back before it is learnt as something else, for whom."""

from collections.abc import Sequence

from sqlalchemy import func, select

from kit.clock import FakeClock
from kit.mail import add_account
from pillarbox.base.ids import AccountId, EmailId
from pillarbox.domain.spam import classify, results, store, training, upkeep
from pillarbox.domain.spam.model import SERVER, Category, Results, Scope, Task
from pillarbox.domain.spam.tables import spam_learnt, spam_tokens, training_tasks
from pillarbox.domain.spam.training import Lesson
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: bytes(32)})
SPAM, HAM, FORGOTTEN = Category.SPAM, Category.HAM, Category.FORGOTTEN


def words(*names: str) -> tuple[bytes, ...]:
    return tuple(name.encode() for name in names)


async def account(database: Database) -> AccountId:
    return await database.write(add_account, 0)


async def scopes(database: Database, *accounts: int) -> dict[int, Scope]:
    return await database.read(store.scopes, KEYS, accounts)


async def learn(
    database: Database,
    who: int,
    email: int,
    category: Category,
    tokens: Sequence[bytes],
    *,
    noted: bool = True,
    implied: bool = False,
    sorted: bool = False,
) -> bool:
    """Note an email and learn it, as the worker does."""
    known = await database.write(store.ensure, KEYS, [who] if who else [])
    task = None
    if who and noted:
        task = Task(AccountId(who), EmailId(email), category, implied, sorted)

        def note(tx: Tx) -> None:
            training.note(
                tx,
                AccountId(who),
                [EmailId(email)],
                category,
                implied=implied,
                sorted=sorted,
            )

        await database.write(note)
    lesson = Lesson(
        who,
        email,
        category,
        store.digests(known[who], tokens) if who else [],
        store.digests(known[SERVER], tokens),
        task,
    )
    return bool(await database.write(training.learn, KEYS, [lesson]))


async def counts(database: Database, who: int, *names: str) -> list[tuple[int, int]]:
    """How often words were learnt as spam and ham."""
    found = (await scopes(database, who))[who]
    digests = store.digests(found, words(*names))
    rows = await database.read(store.counts, who, digests)
    return [rows.get(digest, (0, 0)) for digest in digests]


async def test_a_message_counts_for_its_account_and_for_the_server(database: Database) -> None:
    who = await account(database)
    assert await learn(database, who, 1, SPAM, words("pills", "cheap"))
    for scope in (who, SERVER):
        assert await counts(database, scope, "pills", "cheap", "tea") == [(1, 0), (1, 0), (0, 0)]
    found = await scopes(database, who)
    assert (found[who].spam, found[who].ham, found[SERVER].spam) == (1, 0, 1)


async def test_learning_it_again_changes_nothing(database: Database) -> None:
    who = await account(database)
    assert await learn(database, who, 1, SPAM, words("pills"))
    assert not await learn(database, who, 1, SPAM, words("pills"))
    assert await counts(database, who, "pills") == [(1, 0)]
    assert await database.read(training.waiting, 10) == []


async def test_a_correction_takes_back_what_was_learnt(database: Database) -> None:
    who = await account(database)
    await learn(database, who, 1, SPAM, words("pills", "tea"))
    assert await learn(database, who, 1, HAM, words("pills", "tea"))
    for scope in (who, SERVER):
        assert await counts(database, scope, "pills", "tea") == [(0, 1), (0, 1)]
    found = (await scopes(database, who))[who]
    assert (found.spam, found.ham) == (0, 1)
    assert await learn(database, who, 1, FORGOTTEN, words("pills", "tea"))
    assert not await learn(database, who, 1, FORGOTTEN, words("pills", "tea"))
    assert await counts(database, who, "pills", "tea") == [(0, 0), (0, 0)]


async def test_what_was_said_beats_what_was_implied(database: Database) -> None:
    who = await account(database)

    def note(tx: Tx, category: Category, implied: bool) -> None:
        training.note(tx, who, [EmailId(1)], category, implied=implied)

    await database.write(note, SPAM, False)
    await database.write(note, HAM, True)
    (task,) = await database.read(training.waiting, 10)
    assert (task.category, task.implied) == (SPAM, False)
    await learn(database, who, 1, SPAM, words("pills"))
    assert not await learn(database, who, 1, HAM, words("pills"), implied=True)
    assert await learn(database, who, 2, HAM, words("tea"), implied=True)
    assert await learn(database, who, 2, SPAM, words("tea"))
    assert await counts(database, who, "pills", "tea") == [(1, 0), (1, 0)]


async def test_ham_that_nobody_named_is_learnt_up_to_a_measure(database: Database) -> None:
    who = await account(database)
    known = await database.write(store.ensure, KEYS, [who])

    def much(tx: Tx) -> None:
        store.add_messages(tx, who, 0, training.IMPLIED_LEAST)

    await database.write(much)
    assert known[who].ham == 0
    assert not await learn(database, who, 1, HAM, words("tea"), implied=True)
    assert await learn(database, who, 1, HAM, words("tea"))


async def test_a_task_noted_anew_is_left_for_the_next_time(database: Database) -> None:
    who = await account(database)
    known = await database.write(store.ensure, KEYS, [who])

    def note(tx: Tx, category: Category) -> None:
        training.note(tx, who, [EmailId(1)], category)

    await database.write(note, SPAM)
    (task,) = await database.read(training.waiting, 10)
    await database.write(note, HAM)
    digests = store.digests(known[who], words("tea"))
    lesson = Lesson(who, 1, SPAM, digests, [], task)
    assert await database.write(training.learn, KEYS, [lesson]) == []
    await database.write(training.drop, task)
    assert [one.category for one in await database.read(training.waiting, 10)] == [HAM]
    assert await counts(database, who, "tea") == [(0, 0)]


async def test_who_sorts_much_keeps_nobody_waiting(database: Database, clock: FakeClock) -> None:
    def noted(tx: Tx, account: int, *emails: int) -> None:
        training.note(tx, AccountId(account), map(EmailId, emails), Category.SPAM)

    await database.write(noted, 5, *range(100, 140))
    clock.advance(minutes=1)
    await database.write(noted, 3, 31, 32)
    await database.write(noted, 7, 71)

    async def asked(most: int, after: int) -> list[tuple[int, int]]:
        some = await database.read(training.waiting, most, after)
        return [(one.account_id, one.email_id) for one in some]

    assert await asked(1, -1) == [(3, 31)]
    assert await asked(1, 3) == [(5, 100)]
    assert await asked(2, 5) == [(7, 71), (3, 31)]
    assert await asked(5, 7) == [(3, 31), (5, 100), (7, 71), (5, 101), (5, 102)]
    assert len(await asked(100, 4)) == 43


async def test_two_messages_in_one_transaction(database: Database) -> None:
    who = await account(database)
    known = await database.write(store.ensure, KEYS, [who])
    lessons = []
    for email, category in ((1, SPAM), (2, SPAM), (3, HAM)):
        own = store.digests(known[who], words("both", f"only{email}"))
        general = store.digests(known[SERVER], words("both", f"only{email}"))
        lessons.append(Lesson(who, email, category, own, general))
    assert len(await database.write(training.learn, KEYS, lessons)) == 3
    assert await counts(database, who, "both", "only1", "only3") == [(2, 1), (1, 0), (0, 1)]
    assert await counts(database, SERVER, "both", "only1", "only3") == [(2, 1), (1, 0), (0, 1)]


async def test_one_user_does_not_make_up_the_servers_mind(database: Database) -> None:
    who = await account(database)
    await database.write(store.ensure, KEYS, [who])

    def much(tx: Tx) -> None:
        store.add_messages(tx, who, 1000, 0, 1000, 0)

    await database.write(much)
    assert await learn(database, who, 1, SPAM, words("pills"))
    assert await counts(database, who, "pills") == [(1, 0)]
    assert await counts(database, SERVER, "pills") == [(0, 0)]
    # What was not learnt for the server is not taken back there.
    assert await learn(database, who, 1, FORGOTTEN, words("pills"))
    assert (await scopes(database, who))[SERVER].spam == 0


async def test_counts_never_fall_below_nothing(database: Database) -> None:
    who = await account(database)
    await learn(database, who, 1, SPAM, words("pills"))
    await learn(database, who, 1, FORGOTTEN, words("pills", "pruned"))
    assert await counts(database, who, "pills", "pruned") == [(0, 0), (0, 0)]


async def test_mistakes_are_counted_once_and_taken_back(database: Database) -> None:
    who = await account(database)
    await learn(database, who, 1, SPAM, words("pills"), sorted=True)
    assert await database.read(results.of, who) == Results(missed=1)
    await learn(database, who, 1, SPAM, words("pills"), sorted=True)
    assert await database.read(results.of, who) == Results(missed=1)
    await learn(database, who, 1, HAM, words("pills"), sorted=True)
    assert await database.read(results.of, who) == Results()
    await learn(database, who, 2, HAM, words("tea"), sorted=True)
    assert await database.read(results.of, None) == Results(false_alarms=1)


def test_rates_are_told_only_where_there_are_any() -> None:
    assert Results().precision is None
    assert Results().recall is None
    found = Results(junked=10, kept=90, false_alarms=1, missed=3)
    assert found.precision == 0.9
    assert found.recall == 0.75


async def test_old_results_go(database: Database, clock: FakeClock) -> None:
    who = await account(database)
    await database.write(results.note, who, Results(junked=1))
    clock.advance(days=200)
    await database.write(results.note, who, Results(kept=1))
    assert await database.read(results.of, who, 12) == Results(junked=1, kept=1)
    assert await database.read(results.of, who, 2) == Results(kept=1)
    clock.advance(days=250)
    await database.write(results.prune)
    assert await database.read(results.of, who, 60) == Results(kept=1)


async def test_opinions_differ_by_account_and_the_server_helps_out(database: Database) -> None:
    ann, bob, new = [await account(database) for _ in range(3)]
    for number in range(20):
        await learn(database, ann, number, SPAM, words(*(f"offer{one}" for one in range(30))))
        await learn(database, ann, 100 + number, HAM, words(*(f"tea{one}" for one in range(30))))
        await learn(database, bob, 200 + number, HAM, words(*(f"offer{one}" for one in range(30))))
        await learn(database, bob, 300 + number, SPAM, words(*(f"rose{one}" for one in range(30))))
    known = await scopes(database, ann, bob, new)
    assert new not in known
    tokens = words(*(f"offer{one}" for one in range(30)))
    found = await database.read(classify.opinions, known, [ann, bob, new], tokens)
    assert found[ann].probability > 0.99
    assert found[ann].own
    assert found[bob].probability < 0.01
    assert found[SERVER].probability == 0.5
    assert new not in found
    assert found[ann].like_spam
    assert found[bob].like_ham
    # What ann never met, the server knows from bob.
    roses = words(*(f"rose{one}" for one in range(30)))
    found = await database.read(classify.opinions, known, [ann], roses)
    assert found[ann].probability > 0.99


async def test_one_message_is_no_judge_but_knows_its_like(database: Database) -> None:
    who = await account(database)
    told = words(*(f"offer{one}" for one in range(100)))
    await learn(database, who, 1, SPAM, told)
    known = await scopes(database, who)
    alike = await database.read(classify.opinions, known, [who], told[:80] + words("x", "y"))
    assert alike[who].like_spam
    assert alike[who].weight == 0.0
    other = words(*(f"tea{one}" for one in range(60))) + told[:30]
    found = await database.read(classify.opinions, known, [who], other)
    assert not found[who].like_spam
    # Half a dozen words are in every other letter.
    short = await database.read(classify.opinions, known, [who], told[:6])
    assert not short[who].like_spam
    await learn(database, who, 1, HAM, told)
    known = await scopes(database, who)
    found = await database.read(classify.opinions, known, [who], told)
    assert found[who].like_ham
    assert not found[who].like_spam


async def test_tables_tell_nothing_and_accounts_can_not_be_compared(database: Database) -> None:
    ann, bob = await account(database), await account(database)
    known = await database.write(store.ensure, KEYS, [ann, bob])
    digests = [store.digests(known[scope], words("pills"))[0] for scope in (ann, bob, SERVER)]
    assert len(set(digests)) == 3
    assert all(0 <= digest < 1 << 63 for digest in digests)
    # A new master key changes nothing.
    newer = KeyRing({1: bytes(32), 2: bytes(31) + b"x"})
    again = await database.read(store.scopes, newer, [ann])
    assert again[ann].key == known[ann].key


async def test_what_an_account_learnt_goes_with_it(database: Database) -> None:
    who = await account(database)
    await learn(database, who, 1, SPAM, words("pills"))

    def left(tx: Tx) -> list[int]:
        training.note(tx, who, [EmailId(2)], SPAM)
        store.forget(tx, who)
        return [
            tx.select(select(func.count()).select_from(table).where(column == who))[0][0]
            for table, column in (
                (spam_tokens, spam_tokens.c.scope),
                (spam_learnt, spam_learnt.c.scope),
                (training_tasks, training_tasks.c.account_id),
            )
        ]

    assert await database.write(left) == [0, 0, 0]
    assert await counts(database, SERVER, "pills") == [(1, 0)]
    await database.write(store.forget_server)
    assert await scopes(database, who) == {}


async def test_a_server_that_forgot_is_taught_anew_by_those_who_taught_it(
    database: Database,
) -> None:
    who, other = await account(database), await account(database)
    await learn(database, who, 1, SPAM, words("pills"))

    def full(tx: Tx) -> None:
        store.add_messages(tx, who, 999, 0, 999, 0)
        store.forget_server(tx)

    await database.write(full)
    await learn(database, other, 2, SPAM, words("pills"))
    # What it forgot is not taken back from what others taught since.
    await learn(database, who, 1, FORGOTTEN, words("pills"))
    assert await counts(database, SERVER, "pills") == [(1, 0)]
    await learn(database, who, 3, SPAM, words("pills"))
    assert await counts(database, SERVER, "pills") == [(2, 0)]


async def test_tokens_seen_once_and_long_ago_go_first(database: Database, clock: FakeClock) -> None:
    known = await database.write(store.ensure, KEYS, [])
    often = store.digests(known[SERVER], words("often"))[0]

    def fill(tx: Tx, first: int, many: int) -> None:
        store.add(tx, SERVER, dict.fromkeys(range(first, first + many), (1, 0)))
        store.add(tx, SERVER, {often: (2, 0)})

    await database.write(fill, 1, 3_000)
    clock.advance(days=2)
    await database.write(fill, 10_000, 500)
    assert await database.read(upkeep.cut_of, SERVER) is None
    cut = await database.read(upkeep.cut_of, SERVER, 2_000)
    assert cut == upkeep.Cut(SERVER, clock.now_ms() // 86_400_000 - 2, -1)
    # Where that is not enough, what is known better goes too.
    worse = await database.read(upkeep.cut_of, SERVER, 0)
    today = clock.now_ms() // 86_400_000
    assert worse == upkeep.Cut(SERVER, today, today)
    after: int | None = -1
    steps = 0
    while after is not None:
        after = await database.write(upkeep.prune, cut, after)
        steps += 1
    assert steps >= 3
    assert await database.read(upkeep.tokens, SERVER) == 501
