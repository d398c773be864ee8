"""From a script back to rules, whoever wrote it: by its syntax tree, as far as it is rules.

What rules can't say raises `NotSimple`; comments become notes. So nothing is lost when `writing`
makes the script anew. Read are also scripts of the shapes that webmail programs write: rules in a
chain of `elsif`, rules switched off with their test in a comment, forwarding and vacation without
`if`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from pillarbox.base.errors import Invalid
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.lexer import tokens_of
from pillarbox.formats.sieve.limits import ScriptLimits
from pillarbox.formats.sieve.parser import parse
from pillarbox.formats.sieve.rules.actions import (
    DELIVERING,
    Action,
    Discard,
    File,
    Forward,
    Keep,
    Mark,
    Reject,
)
from pillarbox.formats.sieve.rules.arguments import NotSimple
from pillarbox.formats.sieve.rules.conditions import (
    Condition,
    CurrentDate,
    FromContacts,
    Moment,
    Relation,
)
from pillarbox.formats.sieve.rules.model import (
    FORWARDING,
    NAME_MARK,
    VACATION,
    Combine,
    Day,
    Forwarding,
    Rule,
    RuleSet,
    Vacation,
)
from pillarbox.formats.sieve.rules.texts import NAME_CHARACTERS
from pillarbox.formats.sieve.rules.words import Words
from pillarbox.formats.sieve.syntax import Command, Comment, Place, Script, Test, Text, TextList

LIMITS = ScriptLimits()
_SUBSTITUTING = frozenset(("variables", "encoded-character"))
_CHAIN = ("if", "elsif", "else")
_Conditions = tuple[Combine, tuple[Condition, ...]]


def read(content: bytes, limits: ScriptLimits = LIMITS) -> RuleSet:
    """The rules of a script; raises `NotSimple` where it is more, `ScriptError` for errors in it.

    Only the shapes are looked at: whether the script can be compiled is not.
    """
    reader = _Reader(parse(content, limits), tokens_of(content, limits).comments)
    return reader.rules()


@dataclass(slots=True)
class _Section:
    """Commands that make one rule, and the comments before and in them."""

    commands: list[Command]
    before: list[Comment]
    inside: list[Comment] = field(default_factory=list)
    name: str = ""
    marked: bool = False
    note: list[str] = field(default_factory=list)

    @property
    def line(self) -> int:
        return self.commands[0].line


class _Reader:
    def __init__(self, script: Script, comments: list[Comment]) -> None:
        self.script = script
        self.comments = comments
        self.told = 0
        self.heading: list[str] = []
        self.rules_read: list[Rule] = []
        self.vacation: tuple[Vacation, int] | None = None
        self.forwarding: tuple[Forwarding, int] | None = None
        self.words = Words(False, False)

    def rules(self) -> RuleSet:
        commands = list(self.script.commands)
        required = self._required(commands)
        self.words = Words(
            bool(required & _SUBSTITUTING), "notify" in required and "enotify" not in required
        )
        sections = self._sections(commands[self._requires :])
        for at, section in enumerate(sections):
            before = sections[at - 1].commands[0].name if at else ""
            word = section.commands[0].name
            if word in _CHAIN[1:] and before not in _CHAIN[:2]:
                raise NotSimple(section.line, f"'{word}' has nothing to go on from")
            self._name(section, first=at == 0 and not self._requires)
            try:
                self._section(section, sections[at + 1 :])
            except NotSimple:
                raise
            except Invalid as error:
                raise NotSimple(section.line, error.public) from error
        self.heading += _lines(self.comments[self.told :])
        try:
            return self._rule_set()
        except NotSimple:
            raise
        except Invalid as error:
            raise NotSimple(1, error.public) from error

    def _rule_set(self) -> RuleSet:
        vacation, vacation_at = self.vacation or (None, 0)
        forwarding, forwarding_at = self.forwarding or (None, 0)
        return RuleSet(
            rules=tuple(self.rules_read),
            vacation=vacation,
            vacation_at=vacation_at,
            forwarding=forwarding,
            forwarding_at=forwarding_at,
            note="\n".join(self.heading),
        )

    # Commands and comments put together

    _requires = 0

    def _required(self, commands: Sequence[Command]) -> frozenset[str]:
        found: list[str] = []
        for command in commands:
            if command.name != "require":
                break
            self._requires += 1
            for argument in command.arguments:
                if isinstance(argument, TextList):
                    found += [item.value for item in argument.items]
                elif isinstance(argument, Text):
                    found.append(argument.value)
            self.heading += _lines(self._comments_to(command.end))
        return frozenset(found)

    def _comments_to(self, place: Place) -> list[Comment]:
        start = self.told
        while self.told < len(self.comments):
            comment = self.comments[self.told]
            if (comment.line, comment.column) >= place:
                break
            self.told += 1
        return self.comments[start : self.told]

    def _sections(self, commands: Sequence[Command]) -> list[_Section]:
        sections: list[_Section] = []
        going_on = False
        for command in commands:
            before = self._comments_to((command.line, command.column))
            inside = self._comments_to(command.end)
            alone = command.name in (*_CHAIN, "vacation")
            if going_on and not alone and not _mark(before):
                sections[-1].commands.append(command)
                sections[-1].inside += before + inside
            else:
                sections.append(_Section([command], before, inside))
            going_on = not alone and command.name != "stop"
        return sections

    def _name(self, section: _Section, first: bool) -> None:
        """Tell apart the name, the note and (before the `first`) the heading in the comments."""
        before = section.before
        at = next((at for at in reversed(range(len(before))) if _mark([before[at]])), None)
        if at is not None:
            mark = NAME_MARK.match(before[at].text)
            section.name, section.marked = mark[1].strip() if mark else "", True
            above, below = before[:at], before[at + 1 :]
        elif before and _is_name(before[-1], section.line):
            section.name, above, below = before[-1].text, before[:-1], []
        else:
            above, below = [], before
        if first:
            self.heading += _lines(above)
            above = []
        section.note = _lines([*above, *below])

    # Sections

    def _section(self, section: _Section, following: Sequence[_Section]) -> None:
        command = section.commands[0]
        if command.name not in _CHAIN:
            section.note += _lines(section.inside)
            self._body(section, section.commands, (Combine.ALL, ()), True, following)
            return
        if command.block is None or len(command.tests) != (command.name != "else"):
            raise NotSimple(command.line, f"'{command.name}' is not complete")
        enabled, conditions = self._head(command, section)
        section.note += _lines(section.inside)
        self._body(section, command.block.commands, conditions, enabled, following)

    def _head(self, command: Command, section: _Section) -> tuple[bool, _Conditions]:
        if command.name == "else":
            return True, (Combine.ALL, ())
        test = command.tests[0]
        if test.name == "false":
            return False, self._commented(command, section) or (Combine.ALL, ())
        if test.name == "allof" and test.tests[:1] and test.tests[0].name == "false":
            rest = test.tests[1:]
            whole = Test("allof", (), rest, True, test.line, test.column)
            return False, self._conditions(rest[0] if len(rest) == 1 else whole, False)
        return True, self._conditions(test, False)

    def _commented(self, command: Command, section: _Section) -> _Conditions | None:
        """The test that stands in a comment after `if false`, as some programs switch rules off."""
        test = command.tests[0]
        comment = section.inside[0] if section.inside else None
        if comment is None or comment.line != test.line:
            return None
        try:
            (inner,) = parse(f"if {comment.text} {{}}".encode()).commands
            (commented,) = inner.tests
        except (ScriptError, ValueError):
            return None
        try:
            found = self._conditions(commented, False)
        except NotSimple as error:
            if not _looks_at_something(commented):
                return None
            # Switched on again without its test it would hold for every message.
            raise NotSimple(test.line, f"switched off, and when on: {error.why}") from error
        section.inside.remove(comment)
        return found

    def _conditions(self, test: Test, negate: bool) -> _Conditions:
        """A test as conditions of which all or any must hold."""
        if test.name == "not" and len(test.tests) == 1:
            return self._conditions(test.tests[0], not negate)
        if test.name == "true" and not negate:
            return Combine.ALL, ()
        if test.name not in ("allof", "anyof"):
            try:
                return Combine.ALL, (self.words.condition(test, negate),)
            except NotSimple:
                raise
            except Invalid as error:
                raise NotSimple(test.line, error.public) from error
        combine = Combine.ALL if (test.name == "allof") != negate else Combine.ANY
        inner = [self._conditions(one, negate) for one in test.tests]
        if len(inner) == 1 and len(inner[0][1]) != 1:
            return inner[0]
        for one, (inner_combine, conditions) in zip(test.tests, inner, strict=True):
            plain = len(conditions) == 1 or inner_combine is combine
            if not plain or (not conditions and combine is Combine.ANY):
                raise NotSimple(one.line, "all and any are mixed, which rules don't know")
        return combine, tuple(condition for _, conditions in inner for condition in conditions)

    def _body(
        self,
        section: _Section,
        commands: Sequence[Command],
        conditions: _Conditions,
        enabled: bool,
        following: Sequence[_Section],
    ) -> None:
        if any(command.name == "vacation" for command in commands):
            self._vacation(section, commands, conditions, enabled, following)
            return
        actions: list[Action] = []
        stop = False
        for command in commands:
            if stop:
                raise NotSimple(command.line, f"'{command.name}' comes after 'stop'")
            if command.name == "stop":
                stop = True
                continue
            if command.tests or command.block is not None:
                raise NotSimple(command.line, f"'{command.name}' in a rule, which rules don't know")
            action = self._action(command)
            if isinstance(action, Mark) and any(isinstance(one, DELIVERING) for one in actions):
                raise NotSimple(
                    command.line, "flags are set after the message was filed, and come too late"
                )
            actions.append(action)
        stop = stop or (enabled and self._ends(section, following))
        if self._forwarding(section, conditions, actions, stop, enabled):
            return
        combine, plain = conditions
        self.rules_read.append(
            Rule(
                name=section.name or f"Rule {len(self.rules_read) + 1}",
                conditions=plain,
                combine=combine,
                actions=tuple(actions),
                stop=stop,
                enabled=enabled,
                note="\n".join(section.note),
            )
        )

    def _action(self, command: Command) -> Action:
        try:
            return self.words.action(command)
        except NotSimple:
            raise
        except Invalid as error:
            raise NotSimple(command.line, error.public) from error

    def _ends(self, section: _Section, following: Sequence[_Section]) -> bool:
        """Whether a rule stops because of the `elsif` that goes on after it.

        The others of a chain are skipped; that is to stop only if nothing comes after the chain.
        """
        names = [one.commands[0].name for one in following]
        if not names or names[0] not in ("elsif", "else"):
            return False
        if any(name not in ("elsif", "else") for name in names):
            block = section.commands[0].block
            if block is None or not block.commands or block.commands[-1].name != "stop":
                raise NotSimple(
                    following[0].line, f"'{names[0]}' after what does not stop, and more after it"
                )
        return True

    # Vacation and forwarding

    def _vacation(
        self,
        section: _Section,
        commands: Sequence[Command],
        conditions: _Conditions,
        enabled: bool,
        following: Sequence[_Section],
    ) -> None:
        if len(commands) != 1 or (following and following[0].commands[0].name in _CHAIN[1:]):
            raise NotSimple(section.line, "a vacation reply together with something else")
        if self.vacation is not None:
            raise NotSimple(section.line, "there is more than one vacation reply")
        vacation = self.words.vacation(commands[0])
        combine, plain = conditions
        if combine is Combine.ANY and len(plain) > 1:
            raise NotSimple(section.line, "the vacation reply depends on any of several conditions")
        for condition in plain:
            vacation = _with_condition(vacation, condition, section.line)
        note = [*([section.name] if section.name not in ("", VACATION) else []), *section.note]
        vacation = replace(vacation, enabled=enabled, note="\n".join(note))
        self.vacation = vacation, len(self.rules_read)

    def _forwarding(
        self,
        section: _Section,
        conditions: _Conditions,
        actions: Sequence[Action],
        stop: bool,
        enabled: bool,
    ) -> bool:
        """Take a rule for the setting, if it is one."""
        if stop or conditions[1] or (section.marked and section.name not in ("", FORWARDING)):
            return False
        keeps = len(actions) > 1 and actions[-1] == Keep() and self._alone(section)
        forwards = [one for one in actions[: -1 if keeps else None] if isinstance(one, Forward)]
        copies = {one.keep_copy for one in forwards}
        if self.forwarding or len(forwards) != len(actions) - keeps or len(copies) != 1:
            return False
        note = [*([section.name] if section.name not in ("", FORWARDING) else []), *section.note]
        forwarding = Forwarding(
            addresses=tuple(one.address for one in forwards),
            keep_copy=keeps or copies == {True},
            enabled=enabled,
            note="\n".join(note),
        )
        self.forwarding = forwarding, len(self.rules_read)
        return True

    def _alone(self, section: _Section) -> bool:
        """Whether a `keep` here is what happens anyway: nothing before and after files the mail."""
        if section.commands[-1] is not self.script.commands[-1]:
            return False
        gone = (Discard, Reject)
        return not any(
            isinstance(one, (*DELIVERING, *gone, Forward)) and not _leaves(one)
            for rule in self.rules_read
            if rule.enabled and not rule.stop
            for one in rule.actions
        )


def _looks_at_something(test: Test) -> bool:
    """Whether it is a test indeed, and not just words in a comment."""
    return bool(test.arguments) or any(map(_looks_at_something, test.tests))


def _leaves(action: Action) -> bool:
    """Whether the message is kept as without the action."""
    match action:
        case File():
            return action.copy
        case Forward():
            return action.keep_copy
        case _:
            return False


def _with_condition(vacation: Vacation, condition: Condition, line: int) -> Vacation:
    if condition == FromContacts() and not vacation.contacts_only:
        return replace(vacation, contacts_only=True)
    if isinstance(condition, CurrentDate) and condition.part is Moment.DATE:
        day = Day.of(condition.values[0], condition.zone)
        relation = None if condition.negate else condition.relation
        if relation is Relation.FROM and vacation.first is None:
            return replace(vacation, first=day)
        if relation is Relation.UNTIL and vacation.last is None:
            return replace(vacation, last=day)
    raise NotSimple(line, "the vacation reply depends on more than days and contacts")


def _mark(comments: Sequence[Comment]) -> bool:
    return any(NAME_MARK.match(comment.text) for comment in comments)


def _is_name(comment: Comment, line: int) -> bool:
    text = comment.text
    return comment.line == line - 1 and bool(text) and len(text) <= NAME_CHARACTERS


def _lines(comments: Sequence[Comment]) -> list[str]:
    return [comment.text for comment in comments]
