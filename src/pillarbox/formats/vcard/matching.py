"""Which cards a filter of an address-book query fits (RFC 6352 §10.5)."""

from collections.abc import Iterator

from pillarbox.formats.content_line import ContentLine, decode_text, split_values
from pillarbox.formats.text_match import ParamFilter, TextMatch
from pillarbox.formats.vcard.card import Card
from pillarbox.formats.vcard.filter import CardFilter, PropFilter

MAX_COMPARED = 64 * 1024
"""Characters of one value that are compared; what is longer is a picture."""
_STRUCTURED = frozenset(("N", "ADR", "ORG", "GENDER"))
_LISTS = frozenset(("NICKNAME", "CATEGORIES"))
_MAX_PARTS = 1000


def matches(card_filter: CardFilter, card: Card) -> bool:
    """Whether a card fits.

    Texts are compared with the decoded value; of N, ADR, ORG and lists each component counts as
    well as the whole, so that `equals` and `starts-with` find a given name.
    """
    if not card_filter.props:
        return True
    wanted = any if card_filter.any_of else all
    return wanted(_has(prop, card) for prop in card_filter.props)


def selects(name: str, line: ContentLine) -> bool:
    """Whether a name of a query means this property: a group in it has to be the same (§10.5.1)."""
    group, dot, plain = name.rpartition(".")
    if plain.upper() != line.name:
        return False
    return not dot or group.lower() == line.group.lower()


def _has(prop: PropFilter, card: Card) -> bool:
    lines = [line for line in card.lines if selects(prop.name, line)]
    if prop.is_not_defined:
        return not lines
    if not prop.text_matches and not prop.params:
        return bool(lines)
    wanted = any if prop.any_of else all
    return any(wanted(_tests(prop, line)) for line in lines)


def _tests(prop: PropFilter, line: ContentLine) -> Iterator[bool]:
    texts = _texts(line) if prop.text_matches else []
    for one in prop.text_matches:
        yield _fits(one, texts)
    for param in prop.params:
        yield _has_param(param, line)


def _texts(line: ContentLine) -> list[str]:
    value = line.value[:MAX_COMPARED]
    whole = decode_text(value)
    separator = ";" if line.name in _STRUCTURED else "," if line.name in _LISTS else ""
    if not separator or separator not in value:
        return [whole]
    parts = split_values(value, separator)[:_MAX_PARTS]
    return [whole, *(text for part in parts if (text := decode_text(part).strip()))]


def _fits(wanted: TextMatch, texts: list[str]) -> bool:
    """Whether one of the texts fits; where it must not be found, whether none has it."""
    if wanted.negate:
        return all(wanted.fits(text) for text in texts)
    return any(wanted.fits(text) for text in texts)


def _has_param(wanted: ParamFilter, line: ContentLine) -> bool:
    name = wanted.name.upper()
    held = [values for key, values in line.params if key == name]
    if name == "TYPE":
        # Without a name, as 2.1 has it: TEL;HOME:
        held += [[key] for key, values in line.params if not values]
    if wanted.is_not_defined:
        return not held
    if wanted.text_match is None or not held:
        return bool(held)
    return _fits(wanted.text_match, [text for values in held for text in values])
