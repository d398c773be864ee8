"""Rules, vacation and forwarding as users set them; immutable, checked when they are made.

Whatever is not possible raises `Invalid`, which says what to change. `to_json` and `from_json` are
the one spelling for the web, the REST interface and the command line.
"""

import datetime
import re
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from msgspec.structs import force_setattr, replace

from pillarbox.base.errors import Invalid, NotFound
from pillarbox.formats.sieve.rules import texts
from pillarbox.formats.sieve.rules.actions import (
    DELIVERING,
    REFUSING,
    Action,
    Delete,
    Discard,
    File,
    Forward,
    Keep,
    Mark,
    Reject,
)
from pillarbox.formats.sieve.rules.conditions import Condition

RULES = 200
CONDITIONS = 50
"""Of one rule."""
ACTIONS = 16
"""Of one rule."""
FORWARDS = 5
"""Of one rule, and of forwarding: no message may go to more."""
NOTE_CHARACTERS = 4000
VACATION_DAYS = 365
VACATION_ADDRESSES = 50
FORWARDING = "Forwarding"
"""The name that marks forwarding in the script."""
VACATION = "Vacation"
"""The name that marks the vacation reply in the script."""
NAME_MARK = re.compile(r"rule:\[(.*)\]\Z")
"""The comment before a rule, which other programs write too."""
M = TypeVar("M", bound=msgspec.Struct)


class Combine(StrEnum):
    """How many of the conditions must hold."""

    ALL = "all"
    ANY = "any"


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Conditions and what is done where they hold; none at all hold for every message.

    `stop`: later rules are not looked at then; where one rejects that is so anyway. `note` is for
    people, a comment in the script. Actions that mark come first, for only what is filed after them
    has the flags.
    """

    name: str
    conditions: tuple[Condition, ...] = ()
    actions: tuple[Action, ...] = ()
    combine: Combine = Combine.ALL
    stop: bool = False
    enabled: bool = True
    note: str = ""

    def __post_init__(self) -> None:
        texts.one_line("The name of a rule", self.name)
        texts.count(f"Rule {self.name}: conditions", self.conditions, CONDITIONS, 0)
        texts.count(f"Rule {self.name}: actions", self.actions, ACTIONS, 0)
        if not self.actions and not self.stop:
            raise Invalid(f"Rule {self.name} does nothing: give it an action, or let it stop")
        if sum(isinstance(action, Forward) for action in self.actions) > FORWARDS:
            raise Invalid(f"Rule {self.name} forwards to more than {FORWARDS} addresses")
        if any(isinstance(action, Reject) for action in self.actions):
            if len(self.actions) > 1:
                raise Invalid(f"Rule {self.name} rejects, so nothing else can be done")
            # What is refused can't be filed or answered any more (RFC 5429 §2.4).
            force_setattr(self, "stop", True)
        if not self.conditions:
            force_setattr(self, "combine", Combine.ALL)
        marks = [action for action in self.actions if isinstance(action, Mark)]
        others = [action for action in self.actions if not isinstance(action, Mark)]
        force_setattr(self, "actions", (*marks, *others))
        force_setattr(self, "note", _note(self.note))
        if self.name == FORWARDING and self.forwards_all:
            raise Invalid(f"{FORWARDING} is what the setting is called: set it there, or rename")

    @property
    def forwards_all(self) -> bool:
        """Whether this says what forwarding says."""
        forwards = [action for action in self.actions if isinstance(action, Forward)]
        alike = len({action.keep_copy for action in forwards}) == 1
        return alike and len(forwards) == len(self.actions) and not (self.conditions or self.stop)

    @property
    def refuses(self) -> bool:
        """Whether it is for mail that nobody wants: to be refused, dropped, or just deleted."""
        deletes = self.stop and any(isinstance(action, Delete) for action in self.actions)
        return deletes or any(isinstance(action, REFUSING) for action in self.actions)


class Day(msgspec.Struct, frozen=True, omit_defaults=True):
    """A day where the offset of the time zone is `zone` (`+0100`), empty for the server's."""

    date: datetime.date
    zone: str = ""

    def __post_init__(self) -> None:
        texts.zone(self.zone)

    @classmethod
    def of(cls, text: str, zone: str = "") -> "Day":
        """The day of a text `2026-12-31`; `Invalid` for any other."""
        try:
            return cls(datetime.date.fromisoformat(text), zone)
        except ValueError as error:
            raise Invalid(
                f"{texts.shown(text)} is not a day; say for example 2026-12-31"
            ) from error


class Vacation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The reply while a user is away: from the first day to the last, each sender once in `days`.

    `addresses` are more addresses of the user; `sender` is the address that it comes from.
    """

    text: str
    subject: str = ""
    first: Day | None = None
    last: Day | None = None
    days: int = 7
    contacts_only: bool = False
    addresses: tuple[str, ...] = ()
    sender: str = ""
    enabled: bool = True
    note: str = ""

    def __post_init__(self) -> None:
        text = texts.clean("The text of the reply", self.text, texts.TEXT_CHARACTERS)
        force_setattr(self, "text", text.rstrip("\n"))
        if not text.strip():
            raise Invalid("The text of the reply is empty")
        texts.one_line("The subject of the reply", self.subject, texts.VALUE_CHARACTERS, empty=True)
        if not 1 <= self.days <= VACATION_DAYS:
            raise Invalid(f"Between replies are 1 to {VACATION_DAYS} days")
        if self.first and self.last and self.last.date < self.first.date:
            raise Invalid("The vacation ends before it begins")
        texts.count("Addresses of the vacation", self.addresses, VACATION_ADDRESSES, 0)
        force_setattr(self, "addresses", tuple(map(texts.address, self.addresses)))
        if self.sender:
            force_setattr(self, "sender", texts.address(self.sender))
        force_setattr(self, "note", _note(self.note))


class Forwarding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All mail goes to other addresses; with `keep_copy` it stays here too."""

    addresses: tuple[str, ...]
    keep_copy: bool = True
    enabled: bool = True
    note: str = ""

    def __post_init__(self) -> None:
        texts.count("Addresses to forward to", self.addresses, FORWARDS)
        force_setattr(self, "addresses", tuple(map(texts.address, self.addresses)))
        force_setattr(self, "note", _note(self.note))


class RuleSet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All of a user's rules in order, and where among them forwarding and vacation stand.

    `forwarding_at` and `vacation_at` are how many rules come before them. `note` is what stands
    at the top of the script.
    """

    rules: tuple[Rule, ...] = ()
    vacation: Vacation | None = None
    forwarding: Forwarding | None = None
    vacation_at: int = 0
    forwarding_at: int = 0
    note: str = ""

    def __post_init__(self) -> None:
        texts.count("Rules", self.rules, RULES, 0)
        for setting in ("vacation", "forwarding"):
            at = getattr(self, f"{setting}_at")
            known = getattr(self, setting) is not None
            force_setattr(self, f"{setting}_at", min(max(at, 0), len(self.rules)) if known else 0)
        force_setattr(self, "note", _note(self.note))

    def rule(self, number: int) -> Rule:
        """The `number`th rule, from 1; raises `NotFound`, as all that takes a number does."""
        return self.rules[self._index(number)]

    def with_vacation(self, vacation: Vacation | None) -> "RuleSet":
        """The same with this reply, where it was or before the first rule that refuses nothing."""
        at = self._first_open() if self.vacation is None else self.vacation_at
        return replace(self, vacation=vacation, vacation_at=at)

    def with_forwarding(self, forwarding: Forwarding | None) -> "RuleSet":
        """The same with this forwarding, at its place or before the first that refuses nothing."""
        at = self._first_open() if self.forwarding is None else self.forwarding_at
        return replace(self, forwarding=forwarding, forwarding_at=at)

    def with_rule(self, rule: Rule, number: int | None = None) -> "RuleSet":
        """The same with one more rule, as the `number`th of them or the last."""
        at = len(self.rules) if number is None else number - 1
        if not 0 <= at <= len(self.rules):
            raise Invalid(f"There are {len(self.rules)} rules; no rule can be number {number}")
        return replace(
            self,
            rules=(*self.rules[:at], rule, *self.rules[at:]),
            vacation_at=self.vacation_at + (at - rule.refuses < self.vacation_at),
            forwarding_at=self.forwarding_at + (at - rule.refuses < self.forwarding_at),
        )

    def without_rule(self, number: int) -> "RuleSet":
        """The same without the `number`th rule."""
        at = self._index(number)
        return replace(
            self,
            rules=(*self.rules[:at], *self.rules[at + 1 :]),
            vacation_at=self.vacation_at - (at < self.vacation_at),
            forwarding_at=self.forwarding_at - (at < self.forwarding_at),
        )

    def with_rule_changed(self, number: int, rule: Rule) -> "RuleSet":
        """The same with another rule in the place of the `number`th."""
        at = self._index(number)
        return replace(self, rules=(*self.rules[:at], rule, *self.rules[at + 1 :]))

    def moved(self, number: int, to: int) -> "RuleSet":
        """The same with the `number`th rule as the `to`th."""
        rule = self.rule(number)
        return self.without_rule(number).with_rule(rule, to)

    def doubts(self) -> list[str]:
        """What may not come out as it is meant, for people to look at."""
        found = []
        before: list[str] = []
        settings: list[str] = []
        for at, rule in enumerate(self.rules):
            settings += self._settings_at(at)
            before += self._settings_at(at)
            if not rule.enabled:
                continue
            if any(isinstance(action, Reject) for action in rule.actions):
                if before:
                    found.append(
                        f"Rule {at + 1} ({rule.name}) rejects what {before[0]} may have taken"
                        " before: such a message is kept instead. Move it up, or let the other one"
                        " stop."
                    )
            elif rule.refuses and settings:
                found.append(
                    f"Rule {at + 1} ({rule.name}) throws away what {settings[0]} has answered or"
                    " sent on before. Move it up to keep that from happening."
                )
            discards = any(isinstance(action, Discard) for action in rule.actions)
            if discards and not rule.stop and self._goes_on(at):
                found.append(
                    f"Rule {at + 1} ({rule.name}) discards, but what comes after it may still file,"
                    " answer or forward the message. Let it stop."
                )
            delivers = any(isinstance(one, (*DELIVERING, Forward)) for one in rule.actions)
            if delivers and not rule.stop:
                before.append(rule.name)
        return [*found, *self._kept_in_spite()]

    def _kept_in_spite(self) -> list[str]:
        """What is said of a forwarding that keeps nothing, where a rule after it does."""
        if self.forwarding is None or not self.forwarding.enabled or self.forwarding.keep_copy:
            return []
        for number, rule in enumerate(self.rules[self.forwarding_at :], self.forwarding_at + 1):
            if rule.enabled and any(isinstance(one, (File, Keep)) for one in rule.actions):
                return [
                    f"{FORWARDING} keeps nothing here, but rule {number} ({rule.name}) does, of"
                    " the messages it holds for."
                ]
        return []

    def _settings_at(self, at: int) -> list[str]:
        """The settings that act just before the rule of that index."""
        settings = (
            (FORWARDING, self.forwarding, self.forwarding_at),
            (VACATION, self.vacation, self.vacation_at),
        )
        return [name for name, one, place in settings if one and one.enabled and place == at]

    def _goes_on(self, at: int) -> bool:
        """Whether anything acts after the rule of that index."""
        last = len(self.rules)
        later = any(rule.enabled for rule in self.rules[at + 1 :])
        return later or any(self._settings_at(place) for place in range(at + 1, last + 1))

    def _first_open(self) -> int:
        return next((at for at, one in enumerate(self.rules) if not one.refuses), len(self.rules))

    def _index(self, number: int) -> int:
        if not 1 <= number <= len(self.rules):
            raise NotFound(f"There is no rule {number}; there are {len(self.rules)}")
        return number - 1


def to_json(value: msgspec.Struct) -> Any:
    """A value of this model as plain JSON; what is as usual is left out."""
    return msgspec.to_builtins(value)


def from_json(given: Any, kind: type[M]) -> M:
    """A value of this model from plain JSON; `Invalid` says what is wrong, and where."""
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise Invalid(f"This is not a {kind.__name__}: {error}") from error


def _note(text: str) -> str:
    """A note as it reads back from comments."""
    lines = texts.clean("A note", text, NOTE_CHARACTERS, empty=True).split("\n")
    note = "\n".join(line.strip() for line in lines).strip("\n")
    if any(map(NAME_MARK.match, note.split("\n"))):
        raise Invalid("A note can't have a line rule:[…], which names a rule")
    return note
