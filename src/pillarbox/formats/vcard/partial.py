"""Cards as a client asked for them: a version, some properties (RFC 6352 §10.4)."""

from pillarbox.formats.vcard.card import Card, parse_card
from pillarbox.formats.vcard.convert import converted
from pillarbox.formats.vcard.filter import AddressData
from pillarbox.formats.vcard.matching import selects

_ALWAYS = frozenset(("VERSION", "UID"))


def told(content: bytes, data: AddressData) -> bytes:
    """The card as asked for; `content` itself where that is the card as it is.

    Of some properties VERSION and UID are told too. Raises `GrammarError` for what is no card and
    for a version there is no conversion to.
    """
    if data.version is None and data.props is None:
        return content
    card = parse_card(content)
    whole = card if data.version is None else converted(card, data.version)
    if data.props is None:
        return content if whole is card else whole.written()
    return _selected(whole, data).written()


def _selected(card: Card, data: AddressData) -> Card:
    wanted: dict[str, list[str]] = {}
    for name in data.props or ():
        wanted.setdefault(name.rpartition(".")[2].upper(), []).append(name)
    lines = []
    for line in card.lines:
        names = [name for name in wanted.get(line.name, ()) if selects(name, line)]
        if names:
            bare = data.without_value.issuperset(names)
            if bare:
                line = line.copy()
                line.value = ""
            lines.append(line)
        elif line.name in _ALWAYS:
            lines.append(line)
    return Card(card.version, lines)
