"""Mailbox patterns: `%` stands for any text within a level, `*` for any text (RFC 9051 §6.3.9).

Takes time in proportion to the name, whatever the pattern: a client may send both.
"""

import re
from collections.abc import Callable, Iterable

from pillarbox.wire.imap.names import SEPARATOR, fold_inbox

Matcher = Callable[[str], bool]

_INBOX = "INBOX"
_PIECES = re.compile(r"([%*]+)")


def matcher(reference: str, patterns: Iterable[str]) -> Matcher:
    """Whether a name matches one of the patterns; INBOX does in any case."""
    texts = [fold_inbox(reference + pattern) for pattern in patterns]
    if "*" in texts:
        return lambda name: True
    plain = [_of_pattern(text) for text in texts]
    of_inbox = [_of_pattern(text.upper()) for text in texts]
    return lambda name: any(match(name) for match in (of_inbox if name == _INBOX else plain))


def _of_pattern(text: str) -> Matcher:
    pieces = _PIECES.split(text)
    literals = pieces[::2]
    # A run of wildcards is as good as one; the star is the stronger.
    wildcards = ["*" if "*" in run else "%" for run in pieces[1::2]]
    if len(set(wildcards)) > 1:
        return _of_states(literals, wildcards)
    if not wildcards:
        return literals[0].__eq__
    any_text = "." if wildcards[0] == "*" else f"[^{SEPARATOR}]"
    first, *middle, last = map(re.escape, literals)
    # With one kind of wildcard the first place a piece fits is as good as any later one.
    tries = "".join(f"(?>{any_text}*?{piece})" for piece in middle)
    match = re.compile(f"{first}{tries}{any_text}*{last}", re.DOTALL).fullmatch
    return lambda name: match(name) is not None


def _of_states(literals: list[str], wildcards: list[str]) -> Matcher:
    """For both wildcards in one pattern: all ways to match go along together, a bit for each."""
    tokens: list[str] = []
    within_level = anywhere = 0
    for literal, wildcard in zip(literals, [*wildcards, ""], strict=True):
        tokens += literal
        if wildcard:
            bit = 1 << len(tokens)
            within_level |= bit
            anywhere |= bit if wildcard == "*" else 0
            tokens.append("")
    places: dict[str, int] = {}
    for position, token in enumerate(tokens):
        if token:
            places[token] = places.get(token, 0) | 1 << position
    end = 1 << len(tokens)

    def match(name: str) -> bool:
        states = 1 | (1 & within_level) << 1
        for character in name:
            stay = anywhere if character == SEPARATOR else within_level
            states = (states & places.get(character, 0)) << 1 | states & stay
            states |= (states & within_level) << 1
        return bool(states & end)

    return match
