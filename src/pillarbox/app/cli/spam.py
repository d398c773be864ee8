"""`pillarbox spam`: what was learnt of spam, and teaching it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import confirm, json_option, table, yes_option
from pillarbox.base.errors import Invalid, NotFound

if TYPE_CHECKING:
    from pillarbox.app.config.options import Options
    from pillarbox.base.ids import AccountId
    from pillarbox.cluster.bus import Bus
    from pillarbox.domain.spam.model import Category
    from pillarbox.storage.db import Database
    from pillarbox.storage.tx import Tx

MESSAGE_BYTES = 50 << 20
AT_ONCE = 8
MONTHS = 12
TELLING_SHOWN = 20
WAIT_S = 0.2

_PATHS = click.argument("paths", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))


@click.group(help="The filter that learns: what it knows, how well it does, and teaching it.")
def spam() -> None:
    pass


@spam.command(
    help="Learn messages as spam or as ham.\n\n"
    "PATHS are files with a message each, mboxes, or folders of such; - is standard input. Without"
    " --account they are learnt for all users. A message that was learnt before counts once."
)
@_PATHS
@click.option("--spam", "as_spam", is_flag=True, help="They are spam.")
@click.option("--ham", "as_ham", is_flag=True, help="They are wanted.")
@click.option("--account", metavar="ADDRESS", help="Learn for this user or group, and for all.")
@click.option(
    "--mailbox", nargs=2, metavar="ADDRESS MAILBOX", help="All messages of a mailbox instead."
)
@click.pass_obj
def learn(
    invocation: Invocation,
    paths: tuple[Path, ...],
    as_spam: bool,
    as_ham: bool,
    account: str | None,
    mailbox: tuple[str, str] | None,
) -> None:
    if as_spam == as_ham:
        raise click.UsageError("Say either --spam or --ham.")
    if bool(paths) == (mailbox is not None):
        raise click.UsageError("Give either PATHS or --mailbox.")
    from pillarbox.domain.spam.model import Category

    category = Category.SPAM if as_spam else Category.HAM
    if mailbox is not None:
        learnt = _learn_mailbox(invocation, *mailbox, category)
        click.echo(f"{learnt} messages of {mailbox[1]} are learnt.")
        return
    seen, learnt = _learn_paths(invocation, paths, account, category)
    click.echo(f"Learnt {learnt} of {seen} messages; {seen - learnt} were known.")


@spam.command(
    help="Take back what was learnt of messages, or with --all everything that was learnt for all"
    " users together, or for one --account."
)
@_PATHS
@click.option("--account", metavar="ADDRESS", help="What this user or group taught.")
@click.option("--all", "everything", is_flag=True, help="Everything.")
@yes_option
@click.pass_obj
def forget(
    invocation: Invocation,
    paths: tuple[Path, ...],
    account: str | None,
    everything: bool,
    yes: bool,
) -> None:
    if bool(paths) == everything:
        raise click.UsageError("Give either PATHS or --all.")
    from pillarbox.domain.spam.model import Category

    if not everything:
        seen, forgotten = _learn_paths(invocation, paths, account, Category.FORGOTTEN)
        click.echo(f"Forgot {forgotten} of {seen} messages; {seen - forgotten} were not known.")
        return
    whose = account or "all users together"
    confirm(f"Forget everything that was learnt for {whose}?", yes)
    invocation.write(_forget_all, account)
    click.echo(f"Forgot what was learnt for {whose}.")


@spam.command(
    help="Show what was learnt, and how well mail was sorted in the last twelve months.\n\n"
    "Precision is the share of mail put into Junk that belonged there, recall the share of spam"
    " that was put there; both as far as users put mistakes right."
)
@click.argument("account", required=False, metavar="[ACCOUNT]")
@json_option
@click.pass_obj
def status(invocation: Invocation, account: str | None, as_json: bool) -> None:
    key_ring = _key_ring(invocation)
    rows = invocation.read(_status, key_ring, account)
    columns = ("account", "spam", "ham", "tokens", "waiting", "junked", "false_alarms", "missed")
    table(rows, (*columns, "precision", "recall"), as_json)


@spam.command(
    help="Show what the filter says of a message, and the words that tell most.\n\n"
    "FILE is a message, - standard input. Without --account it is judged by what all users taught."
)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True, dir_okay=False))
@click.option("--account", metavar="ADDRESS", help="As mail to this user or group is judged.")
@json_option
@click.pass_obj
def score(invocation: Invocation, file: Path, account: str | None, as_json: bool) -> None:
    from pillarbox.pipeline.inbound.checks.bayes import kind_of
    from pillarbox.pipeline.inbound.checks.content import read_content
    from pillarbox.pipeline.inbound.checks.tokens import tokens_of

    (data,) = _messages((file,), most=1)
    tokens = tokens_of(read_content(data), stored=True)
    opinion = invocation.read(_opinion, _key_ring(invocation), account, tokens)
    if opinion is None:
        raise NotFound("Too little has been learnt to judge mail; see `pillarbox spam status`")
    telling = [
        {"probability": round(probability, 4), "token": tokens[number].decode("utf-8", "replace")}
        for number, probability in opinion.telling[:TELLING_SHOWN]
    ]
    if as_json:
        table(telling, (), as_json=True)
        return
    kind = kind_of(opinion.probability) if opinion.weight else None
    by = "what this account taught" if opinion.own else "what all users taught"
    click.echo(f"{opinion.probability:.2%} spam by {by}: {kind.name if kind else 'no finding'}")
    for alike, what in ((opinion.like_spam, "spam"), (opinion.like_ham, "ham")):
        if alike:
            click.echo(f"It resembles what this account taught as {what}.")
    if telling:
        table(telling, ("probability", "token"), as_json=False)


def _messages(paths: tuple[Path, ...], most: int | None = None) -> Iterator[bytes]:
    """Every message of files, mboxes and folders, lines ended by CRLF."""
    count = 0
    for path in paths:
        for file in _files(path):
            for data in _of_file(file):
                if len(data) > MESSAGE_BYTES:
                    raise Invalid(f"{path} has a message of more than {MESSAGE_BYTES >> 20} MB")
                count += 1
                if most is not None and count > most:
                    raise Invalid(f"{path} has more than one message")
                yield data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _of_file(file: Path | None) -> Iterator[bytes]:
    """The messages of one file, which may be an mbox; `None` is standard input."""
    if file is None:
        yield sys.stdin.buffer.read(MESSAGE_BYTES + 1)
        return
    if not _is_mbox(file):
        yield file.read_bytes()
        return
    import mailbox

    box = mailbox.mbox(file, create=False)
    try:
        for key in box.keys():  # noqa: SIM118 - a mailbox iterates over messages
            yield box.get_bytes(key)
    finally:
        box.close()


def _files(path: Path) -> Iterator[Path | None]:
    """The files at a path, by name; `None` for standard input."""
    if str(path) == "-":
        yield None
    elif path.is_dir():
        yield from (one for one in sorted(path.rglob("*")) if one.is_file())
    elif path.exists():
        yield path
    else:
        raise NotFound(f"There is no file {path}")


def _is_mbox(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(5) == b"From "


def _learn_paths(
    invocation: Invocation, paths: tuple[Path, ...], address: str | None, category: "Category"
) -> tuple[int, int]:
    """Gives how many messages there were, and of how many anything changed."""
    from pillarbox.app.foundation import key_ring

    async def work(options: "Options", database: "Database", bus: "Bus") -> tuple[int, int]:
        from pillarbox.domain.spam.model import SERVER
        from pillarbox.pipeline.learning.training import learn_contents

        account = SERVER if address is None else await database.read(_find, address)
        keys, seen, learnt = key_ring(options), 0, 0
        some: list[bytes] = []
        for data in _messages(paths):
            seen += 1
            some.append(data)
            if len(some) == AT_ONCE:
                learnt += await learn_contents(database, keys, some, category, account)
                some = []
        if some:
            learnt += await learn_contents(database, keys, some, category, account)
        return seen, learnt

    return invocation.work(work)


def _learn_mailbox(invocation: Invocation, address: str, name: str, category: "Category") -> int:
    """Note all messages of a mailbox and learn them, unless the running server does."""
    import asyncio
    import os

    from pillarbox.app.foundation import blob_store, key_ring

    async def work(options: "Options", database: "Database", bus: "Bus") -> int:
        from pillarbox.domain.mail.content import ContentStore
        from pillarbox.domain.spam import training as tasks
        from pillarbox.pipeline.learning.training import Training

        noted = await database.write(_note_mailbox, address, name, category)
        content = ContentStore(key_ring(options), blob_store(options))
        owner = f"spam learn {os.getpid()} {database.ids.next() & 0xFFFF:x}"
        training = Training(database, content, bus, owner)
        while await database.read(tasks.count_waiting):
            if not await training.run_once():
                await asyncio.sleep(WAIT_S)  # the server is at it
        return noted

    return invocation.work(work)


def _note_mailbox(tx: "Tx", address: str, name: str, category: "Category") -> int:
    from pillarbox.base.ids import EmailId
    from pillarbox.domain.mail import mailboxes, read
    from pillarbox.domain.mail.placement import MAX_UID
    from pillarbox.domain.spam import training
    from pillarbox.domain.spam.model import TASKS_MOST

    account = _find(tx, address)
    mailbox = mailboxes.by_name(tx, account, name)
    if mailbox is None:
        raise NotFound(f"{address} has no mailbox {name}")
    emails = [EmailId(row[7]) for row in read.rows(tx, mailbox.id, ((1, MAX_UID),))]
    for start in range(0, len(emails), TASKS_MOST):
        training.note(tx, account, emails[start : start + TASKS_MOST], category)
    return len(emails)


def _forget_all(tx: "Tx", address: str | None) -> None:
    from pillarbox.domain.spam import store

    if address is None:
        store.forget_server(tx)
    else:
        store.forget(tx, _find(tx, address))


def _key_ring(invocation: Invocation) -> Any:
    from pillarbox.app.foundation import key_ring

    return key_ring(invocation.configuration().options)


def _find(tx: "Tx", address: str) -> "AccountId":
    from pillarbox.domain.accounts import names, users
    from pillarbox.domain.sharing import groups

    key = names.mailbox_key(address)[0]
    found = users.get(tx, key) or groups.get(tx, key)
    if found is None:
        raise NotFound(f"There is no user or group {address}")
    return found.account_id


def _status(tx: "Tx", keys: Any, address: str | None) -> list[dict[str, Any]]:
    from pillarbox.domain.accounts import users
    from pillarbox.domain.sharing import groups
    from pillarbox.domain.spam import upkeep
    from pillarbox.domain.spam.model import SERVER

    if address is not None:
        return [_row(tx, keys, address, _find(tx, address))]
    everyone = [(one.address, one.account_id) for one in users.list_of(tx, None)]
    everyone += [(one.address, one.account_id) for one in groups.list_of(tx, None)]
    taught = set(upkeep.scopes(tx))
    own = [_row(tx, keys, *one) for one in everyone if one[1] in taught]
    return [_row(tx, keys, "(all users)", SERVER), *own]


def _row(tx: "Tx", keys: Any, address: str, account: int) -> dict[str, Any]:
    from pillarbox.base.ids import AccountId
    from pillarbox.domain.spam import results, store, training, upkeep

    scope = store.scopes(tx, keys, [account]).get(account)
    found = results.of(tx, AccountId(account) if account else None, MONTHS)
    return {
        "account": address,
        "spam": scope.spam if scope else 0,
        "ham": scope.ham if scope else 0,
        "judges": bool(scope and scope.judges),
        "tokens": upkeep.tokens(tx, account),
        "waiting": training.count_waiting(tx, AccountId(account) if account else None),
        "junked": found.junked,
        "kept": found.kept,
        "false_alarms": found.false_alarms,
        "missed": found.missed,
        "precision": _share(found.precision),
        "recall": _share(found.recall),
    }


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _opinion(tx: "Tx", keys: Any, address: str | None, tokens: tuple[bytes, ...]) -> Any:
    from pillarbox.domain.spam import classify, store
    from pillarbox.domain.spam.model import SERVER

    account = SERVER if address is None else _find(tx, address)
    known = store.scopes(tx, keys, [account])
    found = classify.opinions(tx, known, [account], tokens)
    return found.get(account) or found.get(SERVER)
