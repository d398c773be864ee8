"""reject and ereject: the message is refused, and its sender told why (RFC 5429)."""

from pillarbox.formats.sieve.actions import Reject
from pillarbox.formats.sieve.commands.performing import one, perform, quoted
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.grammar import Call, Kind, Step, Word
from pillarbox.formats.sieve.run import Run


def _reject(call: Call) -> Step:
    reason = call.texts(0)
    if reason is None:
        raise ScriptError(call.problem(f"{call.word} needs a reason"))
    early = call.word == "ereject"

    def step(run: Run) -> None:
        if run.surroundings.in_mailbox:
            # RFC 6785 §3.11
            raise run.error(
                call.line, f"{call.word}: the message lies in a mailbox already", call.column
            )
        told = one(reason, run)
        perform(run, call, Reject(told, early, run.where(call.line)))
        run.kept = False
        run.note(call.line, f"{call.word} {quoted(told)}")

    return step


WORDS: tuple[Word[Step], ...] = tuple(
    Word(name, _reject, extension=name, positional=(Kind.STRING,)) for name in ("reject", "ereject")
)
