"""What is to be learnt, noted where users say so, and learning it: never twice, never half.

`note` is called in the transaction that moves a message or sets a keyword, and writes a small row
for each. `pipeline/learning` opens the messages and calls `learn`, which moves the counts and
removes the rows in one transaction.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from sqlalchemy import BindParameter, bindparam, delete, func, or_, select

from pillarbox.base.ids import AccountId, EmailId
from pillarbox.domain.spam import results, store
from pillarbox.domain.spam.model import (
    SERVER,
    SHARED_MOST,
    TASKS_MOST,
    Category,
    Memory,
    Results,
    Scope,
    Task,
)
from pillarbox.domain.spam.tables import spam_learnt
from pillarbox.domain.spam.tables import training_tasks as tasks
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement, upsert
from pillarbox.storage.tx import Row, Tx

TOPIC = "training"
IMPLIED_LEAST = 100
"""Ham that nobody named is learnt up to so many messages, and beyond up to twice the spam."""

_t, _m = tasks.c, spam_learnt.c
_TASKS = select(_t.account_id, _t.email_id, _t.category, _t.implied, _t.sorted)
_OLDEST = Statement(_TASKS.order_by(_t.noted_ms).limit(bindparam("most")))
_OF_NEXT = Statement(
    _TASKS.where(_t.account_id > bindparam("after")).order_by(_t.account_id, _t.email_id).limit(1)
)
_WAITING = Statement(select(func.count()).select_from(tasks))
_WAITING_OF = Statement(
    select(func.count()).select_from(tasks).where(_t.account_id == bindparam("account"))
)
_THIS = (_t.account_id == bindparam("account"), _t.email_id == bindparam("email"))
_TASK = Statement(select(_t.category, _t.implied, _t.sorted).where(*_THIS))
_DONE = Statement(delete(tasks).where(*_THIS))
_MEMORY = Statement(
    select(_m.category, _m.implied, _m.shared, _m.mistake).where(
        _m.scope == bindparam("of_scope"), _m.item == bindparam("of_item")
    )
)
_FORGET = Statement(
    delete(spam_learnt).where(_m.scope == bindparam("of_scope"), _m.item == bindparam("of_item"))
)


@dataclass(frozen=True, slots=True)
class Lesson:
    """One message to learn, opened: its tokens in the scope of its account and of the server.

    `item` is the email, or what stands for a message from a file (`store.item_of`); those have no
    task. With `account_id` 0 it is learnt for the server alone, and `digests` are empty.
    """

    account_id: int
    item: int
    category: Category
    digests: Sequence[int]
    server_digests: Sequence[int]
    task: Task | None = None


class Changed(NamedTuple):
    """A message that was learnt anew, and what it had been learnt as."""

    item: int
    before: Category


def note(
    tx: Tx,
    account_id: AccountId,
    emails: Iterable[EmailId],
    category: Category,
    *,
    implied: bool = False,
    sorted: bool = False,
) -> None:
    """Have emails of an account learnt, soon after the commit; the first `TASKS_MOST` of them.

    What a user said last counts, and what was said beats what was `implied`.
    """
    rows = [
        {
            "account": account_id,
            "email": email,
            "of_category": int(category),
            "is_implied": int(implied),
            "is_sorted": int(sorted),
            "now": tx.now_ms,
        }
        for email in list(dict.fromkeys(emails))[:TASKS_MOST]
    ]
    if rows:
        tx.run_many(_note(tx.dialect), rows)
        tx.emit(TOPIC)


def waiting(tx: Tx, most: int, after: int = -1) -> list[Task]:
    """The tasks to do next: one of each account in turn, beginning behind `after`, then the oldest.

    So nobody waits for all the mail that another user has moved.
    """
    found: dict[tuple[int, int], Task] = {}
    at, wrapped = after, False
    while len(found) < most:
        row = tx.one(_OF_NEXT, after=at)
        if row is None and not wrapped and after >= 0:
            at, wrapped = -1, True
            continue
        if row is None or (row[0], row[1]) in found:
            break
        found[row[0], row[1]] = _task(row)
        at = row[0]
    for row in tx.all(_OLDEST, most=most) if found else ():
        if len(found) < most:
            found.setdefault((row[0], row[1]), _task(row))
    return list(found.values())


def _task(row: Row) -> Task:
    return Task(AccountId(row[0]), EmailId(row[1]), Category(row[2]), bool(row[3]), bool(row[4]))


def count_waiting(tx: Tx, account_id: AccountId | None = None) -> int:
    """How many tasks there are, of all accounts or of one."""
    if account_id is None:
        return int(tx.scalar(_WAITING))
    return int(tx.scalar(_WAITING_OF, account=account_id))


def drop(tx: Tx, task: Task) -> None:
    """Let a task be: its email is gone, or nothing is to be learnt of it."""
    if _same(tx, task):
        tx.run(_DONE, account=task.account_id, email=task.email_id)


def memory(tx: Tx, scope: int, item: int) -> Memory | None:
    """What a message was learnt as, `None` if it never was or was forgotten."""
    row = tx.one(_MEMORY, of_scope=scope, of_item=item)
    return None if row is None else Memory(Category(row[0]), *map(bool, row[1:]))


def learn(tx: Tx, keys: KeyRing, lessons: Sequence[Lesson]) -> list[Changed]:
    """Learn messages; gives those of which anything changed.

    What was learnt of a message before is taken back first, and one that was learnt so already
    changes nothing. A task that was noted anew since it was read is left for the next time.
    """
    known = store.ensure(tx, keys, sorted({lesson.account_id for lesson in lessons} - {SERVER}))
    ledger = _Ledger(known)
    changed: list[Changed] = []
    for lesson in lessons:
        task = lesson.task
        if task is not None:
            if not _same(tx, task):
                continue
            tx.run(_DONE, account=task.account_id, email=task.email_id)
        if lesson.account_id not in known:
            continue
        before = memory(tx, lesson.account_id, lesson.item)
        if _learn(tx, ledger, lesson, before):
            was = Category.FORGOTTEN if before is None else before.category
            changed.append(Changed(lesson.item, was))
    ledger.write(tx)
    return changed


def forget_email(tx: Tx, account_id: AccountId, email_id: EmailId) -> None:
    """Drop task and memory of an email that is gone for good; what was learnt of it stays."""
    tx.run(_DONE, account=account_id, email=email_id)
    tx.run(_FORGET, of_scope=account_id, of_item=email_id)


class _Ledger:
    """How the counts of each scope move in one transaction: written once, in order."""

    def __init__(self, known: dict[int, Scope]) -> None:
        self._known = known
        self._tokens: dict[int, dict[int, tuple[int, int]]] = {}
        self._messages: dict[int, list[int]] = {}

    def learnt(self, scope: int, category: Category) -> int:
        """How many messages of a category a scope has learnt by now."""
        moved = self._messages.get(scope, (0, 0, 0, 0))
        its = self._known[scope]
        if category is Category.SPAM:
            return its.spam + moved[0]
        return its.ham + moved[1]

    def shared(self, scope: int, category: Category) -> int:
        """How many of these were learnt for the server too."""
        moved = self._messages.get(scope, (0, 0, 0, 0))
        its = self._known[scope]
        if category is Category.SPAM:
            return its.shared_spam + moved[2]
        return its.shared_ham + moved[3]

    def move(self, lesson: Lesson, category: Category, shared: bool, by: int) -> None:
        """Learn a message (`by` 1) or take it back (-1)."""
        spam, ham = (by, 0) if category is Category.SPAM else (0, by)
        if lesson.account_id != SERVER:
            self._move(lesson.account_id, lesson.digests, spam, ham, shared)
        if shared:
            self._move(SERVER, lesson.server_digests, spam, ham, False)

    def write(self, tx: Tx) -> None:
        """Write everything that moved."""
        for scope in sorted(self._messages):
            store.add_messages(tx, scope, *self._messages[scope])
            store.add(tx, scope, self._tokens[scope])

    def _move(self, scope: int, digests: Sequence[int], spam: int, ham: int, shared: bool) -> None:
        totals = self._messages.setdefault(scope, [0, 0, 0, 0])
        totals[0] += spam
        totals[1] += ham
        if shared:
            totals[2] += spam
            totals[3] += ham
        tokens = self._tokens.setdefault(scope, {})
        for digest in digests:
            was = tokens.get(digest, (0, 0))
            tokens[digest] = (was[0] + spam, was[1] + ham)


def _learn(tx: Tx, ledger: _Ledger, lesson: Lesson, before: Memory | None) -> bool:
    task, category = lesson.task, lesson.category
    implied = task is not None and task.implied
    if implied and (before is not None or _enough(ledger, lesson)):
        return False
    if before is not None and before.category is category:
        if before.implied and not implied:
            _remember(tx, lesson, before.shared, before.mistake, implied=False)
        return False
    if before is None and category is Category.FORGOTTEN:
        return False
    if before is not None:
        ledger.move(lesson, before.category, before.shared, -1)
    if category is Category.FORGOTTEN:
        tx.run(_FORGET, of_scope=lesson.account_id, of_item=lesson.item)
        shared = False
    else:
        shared = (
            lesson.account_id == SERVER or ledger.shared(lesson.account_id, category) < SHARED_MOST
        )
        ledger.move(lesson, category, shared, 1)
    mistake = _note_mistake(tx, lesson, before)
    if category is not Category.FORGOTTEN:
        _remember(tx, lesson, shared, mistake, implied=implied)
    return True


def _enough(ledger: _Ledger, lesson: Lesson) -> bool:
    """Whether ham that nobody named would only make the table larger."""
    account_id = lesson.account_id
    spam = ledger.learnt(account_id, Category.SPAM)
    return ledger.learnt(account_id, Category.HAM) >= max(IMPLIED_LEAST, 2 * spam)


def _note_mistake(tx: Tx, lesson: Lesson, before: Memory | None) -> bool:
    """Count that a message had been sorted wrongly, or that it had not after all."""
    category = lesson.category
    if before is not None and before.mistake and before.category is not category:
        wrong = -1 if before.category is Category.SPAM else 0
        alarm = -1 if before.category is Category.HAM else 0
        results.note(tx, AccountId(lesson.account_id), Results(0, 0, alarm, wrong))
        return False
    # One that its user had sorted before was no longer where the server had put it.
    said_before = before is not None and not before.implied
    if lesson.task is None or not lesson.task.sorted or said_before:
        return False
    if category is Category.FORGOTTEN:
        return False
    mistakes = Results(missed=1) if category is Category.SPAM else Results(false_alarms=1)
    results.note(tx, lesson.task.account_id, mistakes)
    return True


def _remember(tx: Tx, lesson: Lesson, shared: bool, mistake: bool, *, implied: bool) -> None:
    tx.run(
        _remembered(tx.dialect),
        of_scope=lesson.account_id,
        of_item=lesson.item,
        of_category=int(lesson.category),
        is_implied=int(implied),
        is_shared=int(shared),
        is_mistake=int(mistake),
        now=tx.now_ms,
    )


def _same(tx: Tx, task: Task) -> bool:
    """Whether a task is still as it was read."""
    row: Row | None = tx.one(_TASK, account=task.account_id, email=task.email_id)
    return row is not None and tuple(row) == (task.category, task.implied, task.sorted)


@cache
def _note(dialect: str) -> Statement:
    values: dict[str, BindParameter[int]] = {
        "account_id": bindparam("account"),
        "email_id": bindparam("email"),
        "category": bindparam("of_category"),
        "implied": bindparam("is_implied"),
        "sorted": bindparam("is_sorted"),
        "noted_ms": bindparam("now"),
    }
    return upsert(
        dialect,
        tasks,
        values,
        lambda new: {
            "category": new.category,
            "implied": new.implied,
            "sorted": new.sorted,
        },
        where=lambda new: or_(new.implied == 0, _t.implied == 1),
    )


@cache
def _remembered(dialect: str) -> Statement:
    values: dict[str, BindParameter[int]] = {
        "scope": bindparam("of_scope"),
        "item": bindparam("of_item"),
        "category": bindparam("of_category"),
        "implied": bindparam("is_implied"),
        "shared": bindparam("is_shared"),
        "mistake": bindparam("is_mistake"),
        "learnt_ms": bindparam("now"),
    }
    return upsert(
        dialect,
        spam_learnt,
        values,
        lambda new: {name: new[name] for name in values if name not in ("scope", "item")},
    )
