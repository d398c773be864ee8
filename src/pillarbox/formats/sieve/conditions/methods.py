"""Tests of how to notify (RFC 5435 §4, §5), and of external lists (RFC 6134 §2.3)."""

from types import MappingProxyType

from pillarbox.base.errors import GrammarError
from pillarbox.formats.sieve.conditions.arguments import texts_at
from pillarbox.formats.sieve.conditions.mailboxes import all_of
from pillarbox.formats.sieve.conditions.matching import MATCH_TAGS, matching
from pillarbox.formats.sieve.grammar import Call, Check, Kind, Word
from pillarbox.formats.sieve.mailto import parse_mailto
from pillarbox.formats.sieve.questions import ValidListQuestion
from pillarbox.formats.sieve.run import Run

_CAPABILITIES = MappingProxyType({"online": "maybe"})
"""Nobody knows whether a mailbox is being read (RFC 5436 §2.4)."""


def _is_valid(uri: str) -> bool:
    try:
        parse_mailto(uri)
    except GrammarError:
        return False
    return True


def _valid_notify_method(call: Call) -> Check:
    uris = texts_at(call, 0)
    line = call.line

    def check(run: Run) -> bool:
        wanted = uris(run)
        run.charge(line, len(wanted) + (sum(map(len, wanted)) >> 6))
        return all(map(_is_valid, wanted))

    return check


def _notify_method_capability(call: Call) -> Check:
    uris, names = texts_at(call, 0), texts_at(call, 1)
    match = matching(call, texts_at(call, 2))
    line = call.line

    def check(run: Run) -> bool:
        uri = uris(run)[0]
        run.charge(line, 1 + (len(uri) >> 6))
        found = _CAPABILITIES.get(names(run)[0].lower())
        return found is not None and _is_valid(uri) and match.test(run, (found,))

    return check


def _valid_ext_list(call: Call) -> Check:
    return all_of(call, texts_at(call, 0), ValidListQuestion)


WORDS: tuple[Word[Check], ...] = (
    Word("valid_notify_method", _valid_notify_method, "enotify", (Kind.STRINGS,)),
    Word(
        "notify_method_capability",
        _notify_method_capability,
        "enotify",
        (Kind.STRING, Kind.STRING, Kind.STRINGS),
        tags=MATCH_TAGS,
    ),
    Word("valid_ext_list", _valid_ext_list, "extlists", (Kind.STRINGS,)),
)
