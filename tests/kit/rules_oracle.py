"""What rules mean, said a second time without any script: for comparison with what scripts do."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

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
from pillarbox.formats.sieve.rules.model import Combine, Forwarding, Rule, RuleSet, Vacation

MOST_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Letter:
    """A message by its parts; `fields` are lists of addresses by header field in lower case."""

    headers: tuple[tuple[str, str], ...]
    fields: tuple[tuple[str, tuple[str, ...]], ...]
    body: str
    attachment: bool
    size_bytes: int
    sender: str
    recipient: str
    spam: int
    now: datetime
    contacts: frozenset[str]


@dataclass(slots=True)
class Fate:
    """What becomes of it: flags by mailbox (`INBOX` for what is kept), and what is sent."""

    filed: dict[str, frozenset[str]] = field(default_factory=dict)
    forwarded: set[str] = field(default_factory=set)
    notices: set[tuple[str, str]] = field(default_factory=set)
    rejected: str | None = None
    reply: str | None = None
    failed: bool = False


class _Stop(Exception):
    pass


class _Failed(Exception):
    pass


def fate(rules: RuleSet, letter: Letter) -> Fate:
    """What these rules do with a message."""
    court = _Court(letter)
    try:
        for at in range(len(rules.rules) + 1):
            if rules.forwarding is not None and rules.forwarding_at == at:
                court.forwarding(rules.forwarding)
            if rules.vacation is not None and rules.vacation_at == at:
                court.vacation(rules.vacation)
            if at < len(rules.rules):
                court.rule(rules.rules[at])
    except _Stop:
        pass
    except _Failed:
        return Fate(filed={"INBOX": frozenset()}, failed=True)
    if court.stays:
        court.fate.filed["INBOX"] = frozenset(court.flags)
    return court.fate


class _Court:
    def __init__(self, letter: Letter) -> None:
        self.letter = letter
        self.fate = Fate()
        self.stays = True
        self.flags: set[str] = set()

    def rule(self, rule: Rule) -> None:
        if not rule.enabled:
            return
        verdicts = [holds(condition, self.letter) for condition in rule.conditions]
        if rule.conditions and not (all if rule.combine is Combine.ALL else any)(verdicts):
            return
        for action in rule.actions:
            self.act(action)
        if rule.stop:
            raise _Stop

    def forwarding(self, forwarding: Forwarding) -> None:
        if forwarding.enabled:
            for address in forwarding.addresses:
                self.act(Forward(address=address, keep_copy=forwarding.keep_copy))

    def vacation(self, vacation: Vacation) -> None:
        if not vacation.enabled:
            return
        for day, late in ((vacation.first, False), (vacation.last, True)):
            if day is not None:
                today = _local(self.letter.now, day.zone).date()
                if (today > day.date) if late else (today < day.date):
                    return
        if vacation.contacts_only and not holds(FromContacts(), self.letter):
            return
        self.fate.reply = vacation.text

    def act(self, action: Action) -> None:
        match action:
            case File() | Delete() | Keep():
                self._file(action)
            case Discard():
                self.stays = False
            case Forward():
                self.fate.forwarded.add(action.address)
                if len(self.fate.forwarded) > MOST_REDIRECTS:
                    raise _Failed
                self.stays = self.stays and action.keep_copy
            case Reject():
                if self.fate.filed or self.fate.forwarded or self.fate.reply is not None:
                    raise _Failed
                self.fate.rejected, self.stays = action.text, False
            case Notify():
                self.fate.notices.add((action.address, action.message))
            case Mark():
                self._mark(action)

    def _file(self, action: File | Delete | Keep) -> None:
        if isinstance(action, File):
            mailbox = action.mailbox
        else:
            mailbox = "INBOX" if isinstance(action, Keep) else "Trash"
        self.fate.filed[mailbox] = frozenset(self.flags)
        self.stays = self.stays and isinstance(action, File) and action.copy

    def _mark(self, mark: Mark) -> None:
        match mark.change:
            case FlagChange.ADD:
                self.flags |= set(mark.flags)
            case FlagChange.SET:
                self.flags = set(mark.flags)
            case FlagChange.REMOVE:
                self.flags -= set(mark.flags)


def holds(condition: Condition, letter: Letter) -> bool:
    """Whether a condition holds for a message."""
    return _holds(condition, letter) != condition.negate


def _holds(condition: Condition, letter: Letter) -> bool:
    match condition:
        case HeaderText() | AddressText() | EnvelopeText() | BodyText():
            texts = _looked_at(condition, letter)
            return any(_fits(condition.match, v, text) for v in condition.values for text in texts)
        case HasHeader():
            return {one.lower() for one in condition.headers} <= {
                name.lower() for name, _ in _all(letter)
            }
        case MessageSize():
            size = letter.size_bytes - condition.size_bytes
            return size > 0 if condition.over else size < 0
        case HasAttachment():
            return letter.attachment
        case SpamScore():
            return letter.spam >= condition.at_least
        case CurrentDate():
            return _is_now(condition, letter.now)
        case FromContacts():
            return any(one in letter.contacts for one in _of(letter, condition.headers))


def _all(letter: Letter) -> list[tuple[str, str]]:
    return [*letter.headers, *((name, ", ".join(them)) for name, them in letter.fields)]


def _of(letter: Letter, headers: Sequence[str]) -> list[str]:
    return [one for name, them in letter.fields if name in headers for one in them]


def _parts(addresses: Sequence[str], part: Part) -> list[str]:
    found = []
    for address in addresses:
        local, _, domain = address.rpartition("@")
        user, plus, detail = local.partition("+")
        match part:
            case Part.ALL:
                found.append(address)
            case Part.LOCAL_PART:
                found.append(local)
            case Part.DOMAIN:
                found.append(domain)
            case Part.USER:
                found.append(user)
            case Part.DETAIL:
                if plus:
                    found.append(detail)
    return found


def _looked_at(
    condition: HeaderText | AddressText | EnvelopeText | BodyText, letter: Letter
) -> list[str]:
    match condition:
        case HeaderText():
            names = {name.lower() for name in condition.headers}
            return [text for name, text in _all(letter) if name.lower() in names]
        case AddressText():
            return _parts(_of(letter, condition.headers), condition.part)
        case EnvelopeText():
            one = letter.sender if condition.of is Envelope.FROM else letter.recipient
            return _parts([one], condition.part)
        case BodyText():
            return [letter.body]


def _fits(match: Match, value: str, text: str) -> bool:
    if match is Match.REGEX:
        return re.search(value, text, re.IGNORECASE) is not None
    value, text = value.lower(), text.lower()
    match match:
        case Match.CONTAINS:
            return value in text
        case Match.IS:
            return value == text
        case Match.BEGINS:
            return text.startswith(value)
        case Match.ENDS:
            return text.endswith(value)
        case _:
            return re.fullmatch(_as_regex(value), text, re.DOTALL) is not None


def _as_regex(pattern: str) -> str:
    made, escaped = "", False
    for character in pattern:
        if escaped:
            made, escaped = made + re.escape(character), False
        elif character == "\\":
            escaped = True
        else:
            made += {"*": ".*", "?": "."}.get(character, re.escape(character))
    return made


def _local(now: datetime, zone: str) -> datetime:
    if not zone:
        return now
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
    return now.astimezone(timezone(-offset if zone[0] == "-" else offset))


def _is_now(condition: CurrentDate, now: datetime) -> bool:
    local = _local(now, condition.zone)
    form = {
        Moment.DATE: "%Y-%m-%d",
        Moment.TIME: "%H:%M:%S",
        Moment.WEEKDAY: "%w",
        Moment.HOUR: "%H",
        Moment.DAY: "%d",
        Moment.MONTH: "%m",
        Moment.YEAR: "%Y",
    }[condition.part]
    text = local.strftime(form)
    match condition.relation:
        case Relation.IS:
            return text in condition.values
        case Relation.FROM:
            return text >= condition.values[0]
        case Relation.UNTIL:
            return text <= condition.values[0]
