"""Conditions and actions in words, for lists of rules."""

from types import MappingProxyType

from pillarbox.formats.sieve.rules.actions import (
    Action,
    Delete,
    Discard,
    File,
    FlagChange,
    Forward,
    Keep,
    Mark,
    Notify,
    Reject,
)
from pillarbox.formats.sieve.rules.conditions import (
    AddressText,
    BodyText,
    Condition,
    CurrentDate,
    EnvelopeText,
    FromContacts,
    HasAttachment,
    HasHeader,
    HeaderText,
    Match,
    MessageSize,
    Part,
    Relation,
    SpamScore,
)
from pillarbox.formats.sieve.rules.model import Combine, Rule
from pillarbox.formats.sieve.rules.texts import shown

_MATCHES = MappingProxyType(
    {
        Match.CONTAINS: "contains",
        Match.IS: "is",
        Match.BEGINS: "begins with",
        Match.ENDS: "ends with",
        Match.MATCHES: "is like",
        Match.REGEX: "has the pattern",
    }
)
_RELATIONS = MappingProxyType(
    {Relation.IS: "is", Relation.FROM: "is from", Relation.UNTIL: "is until"}
)
_CHANGES = MappingProxyType(
    {FlagChange.ADD: "mark", FlagChange.SET: "mark only", FlagChange.REMOVE: "unmark"}
)


def when(rule: Rule) -> str:
    """All conditions of a rule."""
    if not rule.conditions:
        return "always"
    word = " and " if rule.combine is Combine.ALL else " or "
    return word.join(map(condition_said, rule.conditions))


def then(rule: Rule) -> str:
    """All that a rule does."""
    done = [*map(action_said, rule.actions), *(["stop"] if rule.stop else [])]
    return ", ".join(done)


def condition_said(condition: Condition) -> str:
    """A condition in a few words."""
    said = _condition_said(condition)
    return f"not ({said})" if condition.negate else said


def action_said(action: Action) -> str:
    """An action in a few words."""
    match action:
        case File():
            return f"{'copy' if action.copy else 'file'} into {action.mailbox}"
        case Mark():
            return f"{_CHANGES[action.change]} {', '.join(action.flags)}"
        case Forward():
            return f"forward to {action.address}" + (" and keep" if action.keep_copy else "")
        case Reject():
            return f"reject with {shown(action.text)}"
        case Notify():
            return f"tell {action.address}"
        case Delete() | Discard() | Keep():
            return type(action).__name__.lower()


def _condition_said(condition: Condition) -> str:
    match condition:
        case HeaderText() | AddressText() | EnvelopeText() | BodyText():
            return f"{_of(condition)} {_MATCHES[condition.match]} {_either(condition.values)}"
        case HasHeader():
            return f"has {', '.join(condition.headers)}"
        case MessageSize():
            return f"{'larger' if condition.over else 'smaller'} than {condition.size_bytes} bytes"
        case HasAttachment():
            return "has an attachment"
        case SpamScore():
            return f"spam score from {condition.at_least}"
        case CurrentDate():
            zone = f" ({condition.zone})" if condition.zone else ""
            values = " or ".join(condition.values)
            return f"{condition.part.value} {_RELATIONS[condition.relation]} {values}{zone}"
        case FromContacts():
            return f"{' or '.join(condition.headers)} is in contacts"


def _of(condition: HeaderText | AddressText | EnvelopeText | BodyText) -> str:
    match condition:
        case HeaderText():
            return " or ".join(condition.headers)
        case AddressText():
            return f"{_part(condition.part)}{' or '.join(condition.headers)}"
        case EnvelopeText():
            return f"{_part(condition.part)}envelope {condition.of.value}"
        case BodyText():
            return "text"


def _part(part: Part) -> str:
    return "" if part is Part.ALL else f"{part.value} of "


def _either(values: tuple[str, ...]) -> str:
    return " or ".join(map(shown, values))
