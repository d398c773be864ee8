"""Cards of version 3.0 as 4.0 and back, without loss.

Where a line does not come back by the rules alone, it takes along how it was in the parameter
X-PILLARBOX-WAS; that is heeded only while the line is as it was made, so that what a client
changes counts. Lines made beside it have X-PILLARBOX-MADE and go again. White space in base64 is
no part of the value.
"""

from collections.abc import Callable

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import (
    ContentLine,
    decode_text,
    encode_text,
    parse_lines,
)
from pillarbox.formats.vcard.about import About, free_groups
from pillarbox.formats.vcard.card import VERSIONS, Card
from pillarbox.formats.vcard.labels import labels_of
from pillarbox.formats.vcard.version3 import as_3
from pillarbox.formats.vcard.version4 import as_4

WAS = "X-PILLARBOX-WAS"
MADE = "X-PILLARBOX-MADE"
_MAX_WAS = 8192
_OWN = (WAS, MADE)
_NEVER = ("BEGIN", "END", "VERSION")
# Where these have no parameters, both versions write them alike.
_ALIKE = frozenset(
    (
        *("CATEGORIES", "EMAIL", "FN", "IMPP", "N", "NICKNAME", "NOTE", "ORG", "PRODID", "ROLE"),
        *("SOURCE", "TEL", "TITLE", "UID", "URL", "VERSION", "X-ABLABEL"),
    )
)

Rules = Callable[[ContentLine, About], list[ContentLine]]


def converted(card: Card, version: str) -> Card:
    """The card in another version, `3.0` or `4.0`; the card itself where it has that version.

    Converted back, what nobody changed is as it was. Raises `GrammarError` for other versions.
    """
    if version not in VERSIONS:
        raise GrammarError(f"there is no conversion to version {version[:20]!r}")
    if card.version == version:
        return card
    conversion = _Conversion(card, *((as_4, as_3) if version == "4.0" else (as_3, as_4)))
    lines = conversion.lines()
    for line in lines:
        if line.name == "VERSION":
            line.value = version
    return Card(version, lines + _made_name(lines) if version == "3.0" else lines)


class _Conversion:
    """One card on its way; `there` are the rules for it, `back` those of the other direction."""

    def __init__(self, card: Card, there: Rules, back: Rules) -> None:
        self._card = card
        self._there = there
        self._back = back
        own = [line for line in card.lines if line.param(MADE) is None]
        self._labels = labels_of(card.lines)
        self._labels_before = labels_of(own)
        self._has_kind = any(map(_is_kind, own))
        self._has_shows = any(line.name == "X-ABSHOWAS" for line in own)

    def lines(self) -> list[ContentLine]:
        kept = self._without_made()
        spare = _Spare(kept)
        restored = {}
        for at, line in enumerate(kept):
            found = self._restored(line, spare) if line.param(WAS) is not None else None
            if found is not None:
                restored[at] = found
        groups = free_groups((*kept, *restored.values()))
        group = next(groups)
        result: list[ContentLine] = []
        for at, line in enumerate(kept):
            if at in restored:
                result.append(restored[at])
            elif not spare.is_taken(line):
                about = self._about(self._labels, group)
                made = _convert(_plain(line), self._there, self._back, about)
                if made[0].group == group:
                    group = next(groups)
                result += made
        return result

    def _without_made(self) -> list[ContentLine]:
        """Without the name that the other direction made."""
        lines = self._card.lines
        if not any(line.name == "N" and line.param(MADE) is not None for line in lines):
            return lines
        made = _made_name([line for line in lines if line.param(MADE) is None])
        return [line for line in lines if line.name != "N" or line not in made]

    def _about(self, labels: dict[str, str], group: str) -> About:
        return About(labels, group, self._has_kind, self._has_shows)

    def _restored(self, line: ContentLine, spare: "_Spare") -> ContentLine | None:
        """The line as it was, if it and the lines made for it are as they were made then."""
        was = next(held for name, held in line.params if name == WAS)
        if not 1 <= len(was) <= 2:
            return None
        try:
            found = parse_lines(f"{was[0]}:", 1)
        except GrammarError:
            return None
        if len(found) != 1 or found[0].value or found[0].name in _NEVER:
            return None
        # Labels that were there then, and the group that was free.
        about = self._about(self._labels_before, line.group)
        value = was[1] if len(was) == 2 else self._there(_plain(line), about)[0].value
        candidate = ContentLine(found[0].name, value, found[0].params, found[0].group)
        again, *made = _convert(candidate, self._back, self._there, about)
        return candidate if again == line and spare.take(made) else None


class _Spare:
    """The lines of a card that were made beside others; each is taken once."""

    def __init__(self, lines: list[ContentLine]) -> None:
        self._found: dict[tuple[str, str, str], list[ContentLine]] = {}
        self._taken: set[int] = set()
        for line in reversed(lines):
            if line.param(MADE) is not None:
                self._found.setdefault((line.group, line.name, line.value), []).append(line)

    def take(self, made: list[ContentLine]) -> bool:
        """Take a line that is just so for each of these, or none."""
        taken = []
        for one in made:
            found = self._found.get((one.group, one.name, one.value))
            if not found or found[-1] != one or id(found[-1]) in self._taken:
                return False
            taken.append(found)
        for line in taken:
            self._taken.add(id(line.pop()))
        return True

    def is_taken(self, line: ContentLine) -> bool:
        """Whether the line goes with the one it was made for."""
        return id(line) in self._taken


def _convert(line: ContentLine, there: Rules, back: Rules, about: About) -> list[ContentLine]:
    """The line converted, with WAS where the rules alone do not lead back to it."""
    if not line.params and line.name in _ALIKE:
        return [line.copy()]
    first, *made = there(line, about)
    for one in made:
        one.params.append((MADE, ["1"]))
    returned = back(first.copy(), about)
    if not made and returned == [line]:
        return [first]
    head = ContentLine(line.name, "", line.params, line.group).written()
    was = [head.replace("\r\n ", "").rstrip("\r\n")[:-1]]
    if returned[0].value != line.value:
        was.append(line.value)
    if sum(map(len, was)) <= _MAX_WAS:
        first.params.append((WAS, was))
    return [first, *made]


def _is_kind(line: ContentLine) -> bool:
    """Whether it says a kind of its own, not one that was X-ABShowAs."""
    if line.name not in ("KIND", "X-ADDRESSBOOKSERVER-KIND"):
        return False
    return "X-ABSHOWAS" not in (line.param(WAS) or "")


def _plain(line: ContentLine) -> ContentLine:
    if line.param(WAS) is None and line.param(MADE) is None:
        return line
    params = [pair for pair in line.params if pair[0] not in _OWN]
    return ContentLine(line.name, line.value, params, line.group)


def _made_name(lines: list[ContentLine]) -> list[ContentLine]:
    """The N that 3.0 needs, where there is none."""
    if any(line.name == "N" for line in lines):
        return []
    text = next((decode_text(line.value) for line in lines if line.name == "FN"), "")
    return [ContentLine("N", f"{encode_text(text)};;;;", [(MADE, ["1"])])]
