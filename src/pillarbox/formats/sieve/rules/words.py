"""Single tests and commands of a script as conditions and actions."""

from dataclasses import dataclass, replace
from types import MappingProxyType

from pillarbox.base.errors import GrammarError
from pillarbox.formats.sieve.mailto import parse_mailto
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
from pillarbox.formats.sieve.rules.arguments import Arguments
from pillarbox.formats.sieve.rules.conditions import (
    AddressText,
    BodyText,
    Condition,
    CurrentDate,
    Envelope,
    EnvelopeText,
    FromContacts,
    HasAttachment,
    HasHeader,
    HeaderText,
    Match,
    MessageSize,
    Moment,
    Part,
    Relation,
    SpamScore,
)
from pillarbox.formats.sieve.rules.model import VACATION_DAYS, Vacation
from pillarbox.formats.sieve.rules.writing import CONTACTS, NUMERIC, TRASH, UNICODE
from pillarbox.formats.sieve.syntax import Command, Test

_VALUED = frozenset(
    (
        *(
            "comparator",
            "value",
            "count",
            "zone",
            "days",
            "seconds",
            "subject",
            "from",
            "addresses",
        ),
        *("handle", "specialuse", "mailboxid", "flags", "message", "importance", "options", "fcc"),
        *("index", "list-id", "method", "id", "priority"),
    )
)
_MATCHES = ("is", "contains", "matches", "regex")
_PARTS = tuple(part.value for part in Part)
_CASELESS = (None, "i;ascii-casemap", UNICODE)
# How a comparison by value reads as a relation, and whether it is turned round.
_RELATIONS = MappingProxyType(
    {
        "eq": (Relation.IS, False),
        "ne": (Relation.IS, True),
        "ge": (Relation.FROM, False),
        "lt": (Relation.FROM, True),
        "le": (Relation.UNTIL, False),
        "gt": (Relation.UNTIL, True),
    }
)
_SHORT_CONTACTS = ":addrbook:default"
_NUMBERS = (Moment.WEEKDAY, Moment.HOUR, Moment.DAY, Moment.MONTH, Moment.YEAR)
_CHANGES = {"addflag": FlagChange.ADD, "setflag": FlagChange.SET, "removeflag": FlagChange.REMOVE}


@dataclass(frozen=True, slots=True)
class Words:
    """Reads the words of one script; `NotSimple` and `Invalid` say what rules can't.

    `literal`: no string may have variables. `old_notify`: `notify` is the one before RFC 5435.
    """

    literal: bool
    old_notify: bool

    def condition(self, test: Test, negate: bool) -> Condition:
        """A test that has no tests in it."""
        given = Arguments(test, _VALUED, self.literal)
        match test.name:
            case "header":
                return _header(given, negate)
            case "address":
                return _address(given, negate)
            case "envelope":
                return _envelope(given, negate)
            case "body":
                given.has("text")
                match, (values,) = _match(given), given.texts(1)
                return BodyText(match=match, values=values, negate=negate)
            case "exists":
                (headers,) = given.texts(1)
                return HasHeader(headers=headers, negate=negate)
            case "size":
                over = given.one_of(("over", "under"), "over") == "over"
                return MessageSize(size_bytes=given.number(), over=over, negate=negate)
            case "spamtest":
                return _spam(given, negate)
            case "currentdate":
                return _date(given, negate)
            case _:
                raise given.not_simple("is a test that rules don't know")

    def action(self, command: Command) -> Action:
        """A command that does something with the message."""
        given = Arguments(command, _VALUED, self.literal)
        match command.name:
            case "fileinto":
                return _file(given)
            case "addflag" | "setflag" | "removeflag":
                (texts,) = given.texts(1)
                flags = tuple(flag for text in texts for flag in text.split())
                return Mark(flags=flags, change=_CHANGES[command.name])
            case "redirect":
                copy = given.has("copy")
                return Forward(address=given.text(), keep_copy=copy)
            case "discard":
                given.end(0)
                return Discard()
            case "keep":
                given.end(0)
                return Keep()
            case "reject" | "ereject":
                return Reject(text=given.text(), early=command.name == "ereject")
            case "notify" if not self.old_notify:
                return _notify(given)
            case _:
                raise given.not_simple("is a command that rules don't know")

    def vacation(self, command: Command) -> Vacation:
        """The reply, without the days it begins and ends."""
        given = Arguments(command, _VALUED, self.literal)
        days = given.number_of("days")
        return Vacation(
            # Beyond the bounds is the nearest one (RFC 5230 §4.1).
            days=7 if days is None else min(max(days, 1), VACATION_DAYS),
            subject=given.text_of("subject") or "",
            sender=given.text_of("from") or "",
            addresses=given.texts_of("addresses"),
            text=given.text(),
        )


def _match(given: Arguments) -> Match:
    match = Match(given.one_of(_MATCHES, "is"))
    comparator = given.text_of("comparator")
    if comparator not in _CASELESS or (match is Match.REGEX and comparator == UNICODE):
        raise given.not_simple(f"compares by {comparator}, which rules don't know")
    return match


def _header(given: Arguments, negate: bool) -> Condition:
    if given.has("mime") and given.has("anychild") and given.has("type"):
        match, (headers, values) = _match(given), _two(given)
        asked = (match, [one.lower() for one in headers], [one.lower() for one in values])
        if asked != (Match.IS, ["content-disposition"], ["attachment"]):
            raise given.not_simple("looks at MIME parts as rules don't know it")
        return HasAttachment(negate=negate)
    if given.has("mime"):
        raise given.not_simple("has :mime, which rules know for attachments only")
    match, (headers, values) = _match(given), _two(given)
    return HeaderText(match=match, headers=headers, values=values, negate=negate)


def _two(given: Arguments) -> tuple[tuple[str, ...], tuple[str, ...]]:
    first, second = given.texts(2)
    return first, second


def _address(given: Arguments, negate: bool) -> Condition:
    part = Part(given.one_of(_PARTS, "all"))
    if given.has("list"):
        headers, lists = _two(given)
        if part is not Part.ALL or lists not in ((CONTACTS,), (_SHORT_CONTACTS,)):
            raise given.not_simple("looks into a list that rules don't know")
        return FromContacts(headers=headers, negate=negate)
    match, (headers, values) = _match(given), _two(given)
    return AddressText(match=match, headers=headers, values=values, part=part, negate=negate)


def _envelope(given: Arguments, negate: bool) -> Condition:
    part = Part(given.one_of(_PARTS, "all"))
    match, (parts, values) = _match(given), _two(given)
    if len(parts) != 1 or parts[0].lower() not in ("from", "to"):
        raise given.not_simple("looks at more than rules know: either from or to")
    of = Envelope(parts[0].lower())
    return EnvelopeText(match=match, of=of, values=values, part=part, negate=negate)


def _spam(given: Arguments, negate: bool) -> Condition:
    value, comparator = given.text_of("value"), given.text_of("comparator")
    least = given.text()
    if value != "ge" or comparator != NUMERIC or not (least.isascii() and least.isdigit()):
        raise given.not_simple('compares otherwise than rules do, which is :value "ge"')
    return SpamScore(at_least=int(least[:3]), negate=negate)


def _date(given: Arguments, negate: bool) -> Condition:
    zone = given.text_of("zone") or ""
    operator, comparator = given.text_of("value"), given.text_of("comparator")
    if operator is None:
        operator = "eq"
        given.one_of(("is",), "is")
    parts, values = _two(given)
    if len(parts) != 1 or parts[0].lower() not in list(Moment):
        raise given.not_simple("looks at a part of the time that rules don't know")
    part = Moment(parts[0].lower())
    if comparator not in _CASELESS and not (comparator == NUMERIC and part in _NUMBERS):
        raise given.not_simple(f"compares by {comparator}, which rules don't know")
    if operator not in _RELATIONS or (operator == "ne" and len(values) > 1):
        raise given.not_simple("compares as rules don't know it")
    relation, turned = _RELATIONS[operator]
    return CurrentDate(
        part=part, relation=relation, values=values, zone=zone, negate=negate != turned
    )


def _file(given: Arguments) -> Action:
    copy, create = given.has("copy"), given.has("create")
    use, mailbox = given.text_of("specialuse"), given.text()
    if use is None:
        return File(mailbox=mailbox, create=create, copy=copy)
    if use.lower() != f"\\{TRASH}".lower() or mailbox != TRASH or copy or not create:
        raise given.not_simple("files by a special use that rules don't know")
    return Delete()


def _notify(given: Arguments) -> Action:
    message, uri = given.text_of("message") or "", given.text()
    try:
        parsed = parse_mailto(uri)
    except GrammarError as error:
        raise given.not_simple(f"can't be read: {error}") from error
    address = "".join(parsed.to[:1])
    if replace(parsed, to=()) != replace(parse_mailto("mailto:a@b"), to=()) or len(parsed.to) != 1:
        raise given.not_simple("tells more than one address, or more than rules can")
    return Notify(address=address, message=message)
