"""The tests `spamtest` and `virustest` (RFC 5235)."""

from pillarbox.formats.sieve.conditions.arguments import texts_at
from pillarbox.formats.sieve.conditions.matching import MATCH_TAGS, matching
from pillarbox.formats.sieve.grammar import Call, Check, Kind, Tag, Word
from pillarbox.formats.sieve.run import Run

_SPAM_MAX = 10
_PERCENT_MAX = 100
_VIRUS_MAX = 5


def _spamtest(call: Call) -> Check:
    match = matching(call, texts_at(call, 0))
    percent = call.has("percent")
    counts = match.counts

    def check(run: Run) -> bool:
        seen = run.surroundings
        tested = seen.spam_tested or seen.spam > 0
        if counts and not tested:
            return match.test(run, ())
        if percent:
            value = min(max(seen.spam_percent, 0), _PERCENT_MAX)
        else:
            value = min(max(seen.spam, 0), _SPAM_MAX)
        return match.test(run, (str(value if tested else 0),))

    return check


def _virustest(call: Call) -> Check:
    match = matching(call, texts_at(call, 0))
    counts = match.counts

    def check(run: Run) -> bool:
        value = min(max(run.surroundings.virus, 0), _VIRUS_MAX)
        return match.test(run, () if counts and not value else (str(value),))

    return check


WORDS: tuple[Word[Check], ...] = (
    Word(
        "spamtest",
        _spamtest,
        "spamtest spamtestplus",
        (Kind.STRING,),
        tags=(*MATCH_TAGS, Tag("percent", extension="spamtestplus")),
    ),
    Word("virustest", _virustest, "virustest", (Kind.STRING,), tags=MATCH_TAGS),
)
