"""vacation: a reply to whoever wrote, once in a while (RFC 5230, RFC 6131, RFC 8580)."""

from collections.abc import Callable
from hashlib import sha256

from pillarbox.base.errors import GrammarError
from pillarbox.formats.sieve.actions import Vacation
from pillarbox.formats.sieve.addresses import outgoing_address, sender
from pillarbox.formats.sieve.commands.filing import FCC_TAGS, fcc_reader
from pillarbox.formats.sieve.commands.performing import perform, quoted, read_by, several
from pillarbox.formats.sieve.entities import check_entity
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.grammar import Call, Kind, Step, Tag, Word
from pillarbox.formats.sieve.run import Run

DAY_S = 86_400
DEFAULT_DAYS = 7
MIN_DAYS = 1
MAX_DAYS = 365
MAX_ADDRESSES = 100
MAX_HANDLE_CHARACTERS = 1_000


def _period_s(call: Call) -> int:
    """How long there is no other reply; out of bounds is the nearest bound (RFC 5230 §4.1)."""
    seconds = call.number("seconds")
    if seconds is not None:
        return min(seconds, MAX_DAYS * DAY_S)
    days = call.number("days")
    return DAY_S * min(max(DEFAULT_DAYS if days is None else days, MIN_DAYS), MAX_DAYS)


def _handle(call: Call) -> str:
    """What tells this reply from others where the script does not say (RFC 5230 §4.2).

    Made from the arguments as they are written, with the names of variables: a reply that tells
    the subject is still the same reply, or two machines would answer each other for ever.
    """
    digest = sha256(b"mime" if call.has("mime") else b"text")
    for at in ("subject", "from", 0):
        texts = call.texts(at)
        written = "" if texts is None else texts.written[0]
        digest.update(f"\0{'' if texts is None else 1}{written}".encode("utf-8", "replace"))
    return digest.hexdigest()[:32]


def _addresses(call: Call) -> Callable[[Run], tuple[str, ...]]:
    """More addresses of the user; bad ones are refused if constant and else left out."""
    texts = call.texts("addresses")
    if texts is None:
        return lambda run: ()
    if texts.constant is None:
        return lambda run: tuple(
            filter(None, map(_address_or_nothing, several(texts, run, call.line)[:MAX_ADDRESSES]))
        )
    if len(texts.constant) > MAX_ADDRESSES:
        raise ScriptError(
            call.problem(f":addresses takes at most {MAX_ADDRESSES} addresses", "addresses")
        )
    for text in texts.constant:
        if not _address_or_nothing(text):
            raise ScriptError(call.problem(f"{quoted(text)} is not an address", "addresses"))
    known = tuple(map(_address_or_nothing, texts.constant))
    return lambda run: known


def _address_or_nothing(text: str) -> str:
    try:
        return str(outgoing_address(text)[0])
    except GrammarError:
        return ""


def _vacation(call: Call) -> Step:
    """`vacation [:days n] [:subject s] [:from s] [:addresses list] [:mime] [:handle s] reason`."""
    mime = call.has("mime")
    period_s = _period_s(call)
    reason = read_by(call, 0, check_entity if mime else str)
    subject = read_by(call, "subject", _line) if call.has("subject") else None
    from_ = read_by(call, "from", sender) if call.has("from") else None
    addresses = _addresses(call)
    own_handle = read_by(call, "handle", _checked_handle) if call.has("handle") else None
    made_handle = "" if own_handle else _handle(call)
    fcc = fcc_reader(call)

    def step(run: Run) -> None:
        if run.surroundings.in_mailbox:
            # RFC 6785 §3.11
            raise run.error(
                call.line, "vacation: the message lies in a mailbox already", call.column
            )
        action = Vacation(
            reason(run),
            own_handle(run) if own_handle else made_handle,
            period_s,
            subject(run) if subject else "",
            from_(run) if from_ else "",
            addresses(run),
            mime,
            fcc(run) if fcc else None,
            run.where(call.line),
        )
        if _is_second(run, call):
            run.note(call.line, "vacation: an earlier script replies already")
            return
        perform(run, call, action)
        run.note(call.line, f"vacation {quoted(action.subject or action.reason)}")

    return step


def _is_second(run: Run, call: Call) -> bool:
    """Whether an earlier script replies; two in one script are a mistake (RFC 5230 §4.7)."""
    for done in run.actions:
        if isinstance(done, Vacation):
            if done.where.script == run.script:
                raise run.error(
                    call.line,
                    f"vacation can be used only once; it was in line {done.where.line} already",
                    call.column,
                )
            return True
    return False


def _line(text: str) -> str:
    return " ".join(text.split())


def _checked_handle(text: str) -> str:
    if len(text) > MAX_HANDLE_CHARACTERS:
        raise GrammarError(f"a handle has at most {MAX_HANDLE_CHARACTERS} characters")
    return text


WORDS: tuple[Word[Step], ...] = (
    Word(
        "vacation",
        _vacation,
        # Who requires vacation-seconds need not require vacation (RFC 6131 §2).
        extension="vacation vacation-seconds",
        positional=(Kind.STRING,),
        tags=(
            Tag("days", Kind.NUMBER, group="period"),
            Tag("seconds", Kind.NUMBER, group="period", extension="vacation-seconds"),
            Tag("subject", Kind.STRING),
            Tag("from", Kind.STRING),
            Tag("addresses", Kind.STRINGS),
            Tag("mime"),
            Tag("handle", Kind.STRING),
            *FCC_TAGS,
        ),
    ),
)
