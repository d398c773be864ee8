"""trace: a line of the script's own in the trace of the message (vnd.pillarbox.trace)."""

from pillarbox.formats.sieve.actions import Note
from pillarbox.formats.sieve.commands.performing import one, quoted
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.grammar import Call, Kind, Step, Word
from pillarbox.formats.sieve.run import Run

MAX_CHARACTERS = 500


def _trace(call: Call) -> Step:
    """`trace text`: on one line and cut; those over `RunLimits.trace_lines` are dropped."""
    texts = call.texts(0)
    if texts is None:
        raise ScriptError(call.problem("trace needs a text"))

    def step(run: Run) -> None:
        text = " ".join(one(texts, run).split())[:MAX_CHARACTERS]
        run.note(call.line, f"trace {quoted(text)}")
        if sum(isinstance(action, Note) for action in run.actions) < run.limits.trace_lines:
            run.actions.append(Note(text, run.where(call.line)))

    return step


WORDS: tuple[Word[Step], ...] = (
    Word("trace", _trace, extension="vnd.pillarbox.trace", positional=(Kind.STRING,)),
)
