"""The test `environment` (RFC 5183), also with the items of IMAPSIEVE and of Dovecot."""

from types import MappingProxyType

from pillarbox.formats.sieve.conditions.arguments import texts_at
from pillarbox.formats.sieve.conditions.matching import MATCH_TAGS, matching
from pillarbox.formats.sieve.grammar import Call, Check, Kind, Word
from pillarbox.formats.sieve.run import Run

DEFAULT_MAILBOX = "vnd.dovecot.default-mailbox"

_ITEMS = MappingProxyType(
    {
        "name": "pillarbox",
        "location": "MDA",
        "phase": "during",
        # RFC 6785 §4.2, §4.5: empty at delivery.
        "imap.user": "",
        "imap.email": "",
        "imap.changedflags": "",
    }
)
"""What holds where the surroundings say nothing else."""


def environment_item(run: Run, name: str) -> str | None:
    """An item by its lower-case name; `None` if it is not known."""
    found = run.surroundings.environment.get(name)
    if found is None and name == DEFAULT_MAILBOX:
        return run.surroundings.default_mailbox
    return _ITEMS.get(name) if found is None else found


def _environment(call: Call) -> Check:
    names = texts_at(call, 0)
    match = matching(call, texts_at(call, 1))
    line = call.line

    def check(run: Run) -> bool:
        run.charge(line)
        found = environment_item(run, names(run)[0].lower())
        if match.counts and not found:
            # An empty item doesn't count (RFC 5183 §4).
            return found is not None and match.test(run, ())
        return found is not None and match.test(run, (found,))

    return check


WORDS: tuple[Word[Check], ...] = (
    Word(
        "environment",
        _environment,
        "environment vnd.dovecot.environment",
        (Kind.STRING, Kind.STRINGS),
        tags=MATCH_TAGS,
    ),
)
