"""`pillarbox sieve test`: run a script over a message and tell what would happen, and why."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.output import json_option, json_text, printable
from pillarbox.app.cli.sieve_source import FILE, limits_for, read_file, telling
from pillarbox.base.errors import NotFound

if TYPE_CHECKING:
    from pillarbox.app.config.options import Options
    from pillarbox.cluster.bus import Bus
    from pillarbox.formats.sieve.limits import RunLimits
    from pillarbox.formats.sieve.message import Message
    from pillarbox.formats.sieve.program import Inclusion, Program
    from pillarbox.formats.sieve.questions import Answers, Question
    from pillarbox.formats.sieve.run import Outcome
    from pillarbox.formats.sieve.surroundings import Surroundings
    from pillarbox.storage.db import Database
    from pillarbox.storage.tx import Tx

MESSAGE_BYTES = 50 << 20


@dataclass(frozen=True, slots=True)
class Trial:
    """How a run ended, and the answers that it got; `assumed`: nobody's, but made up."""

    outcome: "Outcome"
    answers: "Answers"
    assumed: bool


@click.command(
    help="Run a script over a message and print what would happen, and why; nothing is done.\n\n"
    "FILE is the script, MESSAGE a mail as it is stored or sent; one of them may be -, standard"
    " input. Without --as every mailbox is there, and nothing was seen before."
)
@click.argument("file", metavar="FILE", type=FILE)
@click.argument("message", metavar="MESSAGE", type=FILE)
@click.option("--from", "sender", metavar="ADDRESS", help="The envelope sender; empty: none.")
@click.option("--to", "recipient", metavar="ADDRESS", help="The envelope recipient.")
@click.option("--as", "account", metavar="ACCOUNT", help="Run it as this user's script.")
@click.option("--spam", type=click.IntRange(0, 100), help="How surely it is spam, in percent.")
@click.option("--virus", type=click.IntRange(0, 5), default=0, help="From 1 (none) to 5 (sure).")
@click.option(
    "--at",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]),
    help="When it comes; default: now.",
)
@json_option
@click.pass_obj
def test(
    invocation: Invocation,
    file: Path,
    message: Path,
    sender: str | None,
    recipient: str | None,
    account: str | None,
    spam: int | None,
    virus: int,
    at: datetime | None,
    as_json: bool,
) -> None:
    from pillarbox.app.cli.sieve_told import answers_told, lines_of, row_of
    from pillarbox.formats.sieve.compiling import compile_script

    if str(file) == str(message) == "-":
        raise click.UsageError("Only one of FILE and MESSAGE can be standard input.")
    options = invocation.configuration(write=account is not None).options
    content = read_file(file)
    withheld = options.sieve_extensions_off
    program = telling(
        file,
        content,
        lambda: compile_script(content, "", limits_for(content), withheld, explain=True),
    )
    mail = read_file(message, MESSAGE_BYTES).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    surroundings = _surroundings(options, mail, sender, recipient or account, (spam, virus), at)
    trial = _run(invocation, options, program, mail, surroundings, account)
    if as_json:
        click.echo(json_text(row_of(trial.outcome)))
    else:
        lines = [f"From <{surroundings.reverse_path}> to <{surroundings.recipient}>"]
        if trial.answers:
            lines.append("Assumed:" if trial.assumed else f"As it is for {account} now:")
            lines += answers_told(trial.answers)
        click.echo("\n".join(map(printable, lines + lines_of(trial.outcome))))
    if trial.outcome.failure is not None:
        raise click.exceptions.Exit(1)


def run_answered(
    run: "Callable[[Answers], Outcome]",
    foreseen: "tuple[Question, ...]",
    answer: "Callable[[Question], bool | str | None]",
    most: int,
) -> "tuple[Outcome, Answers]":
    """Run with the answers that are foreseen, and again for each that is missing."""
    from pillarbox.formats.sieve.questions import Unanswered

    answers = {one: answer(one) for one in foreseen[:most]}
    while True:
        try:
            return run(answers), answers
        except Unanswered as error:
            # Each run has another question, and a run has no more than `most`.
            if error.question in answers or len(answers) > 2 * most:
                raise
            answers[error.question] = answer(error.question)


def _surroundings(
    options: "Options",
    mail: bytes,
    sender: str | None,
    recipient: str | None,
    scores: tuple[int | None, int],
    at: datetime | None,
) -> "Surroundings":
    from pillarbox.base.clock import SystemClock
    from pillarbox.formats.sieve.surroundings import Surroundings

    spam, virus = scores
    own_sender, own_recipient = _addresses(mail)
    return Surroundings(
        SystemClock().now() if at is None else at.astimezone(),
        own_sender if sender is None else sender.strip("<>"),
        own_recipient if recipient is None else recipient.strip("<>"),
        delimiter=options.subaddress_delimiter,
        spam=0 if spam is None else min(10, 1 + spam // 10),
        spam_percent=spam or 0,
        spam_tested=spam is not None,
        virus=virus,
        environment={
            "name": "pillarbox",
            "host": options.hostname,
            "location": "MDA",
            "phase": "during",
        },
    )


def _addresses(mail: bytes) -> tuple[str, str]:
    """Sender and recipient as the header tells, for who names none."""
    from email import message_from_bytes
    from email.utils import getaddresses

    header = message_from_bytes(mail.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")

    def first(*names: str) -> str:
        for name in names:
            found = [one for _, one in getaddresses(map(str, header.get_all(name, []))) if one]
            if found:
                return found[0]
        return ""

    return first("Return-Path", "From"), first("Delivered-To", "X-Original-To", "To")


def _run(
    invocation: Invocation,
    options: "Options",
    program: "Program",
    mail: bytes,
    surroundings: "Surroundings",
    account: str | None,
) -> Trial:
    from pillarbox.app.cli.sieve_told import assumed
    from pillarbox.app.foundation import run_limits
    from pillarbox.formats.sieve.message import Message

    limits, message = run_limits(options), Message(mail)
    if account is not None:
        return _as_account(invocation, program, message, surroundings, account, limits)
    included = dict.fromkeys(program.inclusions)
    run = _runner((program,), message, surroundings, included, limits)
    outcome, answers = run_answered(run, program.questions, assumed, limits.questions)
    return Trial(outcome, answers, True)


def _as_account(
    invocation: Invocation,
    program: "Program",
    message: "Message",
    surroundings: "Surroundings",
    account: str,
    limits: "RunLimits",
) -> Trial:
    """The run of a user's script, with the mailboxes, lists and other scripts there are."""
    from pillarbox.app.foundation import key_ring
    from pillarbox.base.clock import SystemClock
    from pillarbox.domain.sharing import holders
    from pillarbox.pipeline.filtering.answers import answer
    from pillarbox.pipeline.filtering.programs import Programs

    async def work(options: "Options", database: "Database", bus: "Bus") -> Trial:
        keys, withheld = key_ring(options), options.sieve_extensions_off
        programs = Programs(database, keys, bus, SystemClock(), withheld)
        try:
            actor = await database.read(holders.require, account)
            loaded = await programs.with_script(actor.account_id, program)
        finally:
            programs.close()
        if loaded is None:
            raise NotFound(f"There is no user {account}")
        run = _runner(loaded.programs, message, surroundings, loaded.included, limits)
        foreseen = tuple(
            question
            for one in (*loaded.programs, *loaded.included.values())
            if one is not None
            for question in one.questions
        )

        def trial(tx: "Tx") -> Trial:
            def ask(question: "Question") -> bool | str | None:
                return answer(tx, keys, loaded.actor, question)

            outcome, answers = run_answered(run, foreseen, ask, limits.questions)
            return Trial(outcome, answers, False)

        return await database.read(trial)

    return invocation.work(work)


def _runner(
    programs: "tuple[Program, ...]",
    message: "Message",
    surroundings: "Surroundings",
    included: "Mapping[Inclusion, Program | None]",
    limits: "RunLimits",
) -> "Callable[[Answers], Outcome]":
    from pillarbox.formats.sieve.running import run_scripts

    return lambda answers: run_scripts(programs, message, surroundings, answers, included, limits)
