"""The test `duplicate` (RFC 7352)."""

from hashlib import sha256

from pillarbox.formats.sieve.actions import Remember
from pillarbox.formats.sieve.grammar import Call, Check, Kind, Tag, Word
from pillarbox.formats.sieve.questions import SeenQuestion
from pillarbox.formats.sieve.run import Run

DEFAULT_SECONDS = 7 * 86_400
SECONDS_MAX = 90 * 86_400
_MARK_CHARACTERS = 500


def _mark(handle: str, unique_id: str) -> str:
    mark = f"{len(handle)}:{handle}:{unique_id}"
    if len(mark) <= _MARK_CHARACTERS:
        return mark
    return "sha256:" + sha256(mark.encode("utf-8", "surrogatepass")).hexdigest()


def _duplicate(call: Call) -> Check:
    handles, names, ids = call.texts("handle"), call.texts("header"), call.texts("uniqueid")
    given = call.number("seconds")
    seconds = min(DEFAULT_SECONDS if given is None else given, SECONDS_MAX)
    renews = call.has("last")
    line = call.line

    def unique_id(run: Run) -> str:
        if ids is not None:
            return ids(run)[0]
        name = "message-id" if names is None else names(run)[0].lower()
        values = run.message.header.values[name]
        return values[0] if values else ""

    def check(run: Run) -> bool:
        run.charge(line)
        wanted = unique_id(run)
        # With no time to remember it nothing is a duplicate (RFC 7352 §3.3).
        if not wanted or not seconds:
            return False
        mark = _mark("" if handles is None else handles(run)[0], wanted)
        seen = bool(run.answer(SeenQuestion(mark), line))
        # A duplicate only counts from the last one on with :last (RFC 7352 §3.3).
        if not seen or renews:
            remember = Remember(mark, seconds, run.where(line))
            if not any(_is_of(action, remember) for action in run.actions):
                run.actions.append(remember)
        return seen

    return check


def _is_of(action: object, remember: Remember) -> bool:
    return (
        isinstance(action, Remember)
        and action.mark == remember.mark
        and action.seconds == remember.seconds
    )


WORDS: tuple[Word[Check], ...] = (
    Word(
        "duplicate",
        _duplicate,
        "duplicate",
        tags=(
            Tag("handle", Kind.STRING),
            Tag("header", Kind.STRING, "unique-id"),
            Tag("uniqueid", Kind.STRING, "unique-id"),
            Tag("seconds", Kind.NUMBER),
            Tag("last"),
        ),
    ),
)
