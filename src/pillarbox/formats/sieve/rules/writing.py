"""From rules to a script: one form for each rule set, which `reading` gives back as it was.

It has no variables and no encoded characters, so that `${…}` in what users wrote stays text. Names
stand in comments as other programs write them (`# rule:[Name]`).
"""

from collections.abc import Iterable, Iterator
from typing import Final

from pillarbox.formats.sieve.mailto import mailto_uri
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
    Moment,
    Part,
    Relation,
    SpamScore,
)
from pillarbox.formats.sieve.rules.model import (
    FORWARDING,
    VACATION,
    Combine,
    Day,
    Forwarding,
    Rule,
    RuleSet,
    Vacation,
)
from pillarbox.formats.sieve.rules.patterns import literal

CONTACTS: Final = "urn:ietf:params:sieve:addrbook:default"
"""The list of a user's contacts (RFC 6134)."""
TRASH: Final = "Trash"
"""What the mailbox for deleted mail is called where there is none."""
UNICODE: Final = "i;unicode-casemap"
NUMERIC: Final = "i;ascii-numeric"
_LINE = "\r\n"
_INDENT = "    "
_CHANGES = {FlagChange.ADD: "addflag", FlagChange.SET: "setflag", FlagChange.REMOVE: "removeflag"}
_RELATIONS = {Relation.FROM: "ge", Relation.UNTIL: "le"}


def write(rules: RuleSet) -> str:
    """The script of these rules, its lines ending with CRLF."""
    writer = _Writer()
    sections = [writer.section(one) for one in _in_order(rules)]
    required = ", ".join(map(_quoted, sorted(writer.required)))
    head = list(_comments(rules.note))
    if required:
        head.append(f"require [{required}];")
    parts = [_LINE.join(head), *sections] if head else sections
    return (2 * _LINE).join(parts) + _LINE if parts else ""


def _in_order(rules: RuleSet) -> Iterator[Rule | Vacation | Forwarding]:
    for at in range(len(rules.rules) + 1):
        if rules.forwarding is not None and rules.forwarding_at == at:
            yield rules.forwarding
        if rules.vacation is not None and rules.vacation_at == at:
            yield rules.vacation
        if at < len(rules.rules):
            yield rules.rules[at]


class _Writer:
    """Makes the parts of a script, and collects what they require."""

    def __init__(self) -> None:
        self.required: set[str] = set()

    def section(self, one: Rule | Vacation | Forwarding) -> str:
        """A comment with the name, and an `if`."""
        match one:
            case Rule():
                name = one.name
                tests = [self.test(condition) for condition in one.conditions]
                commands = [self.action(action) for action in one.actions]
                if one.stop:
                    commands.append("stop;")
                combine = one.combine
            case Vacation():
                name, tests, combine = VACATION, self._when(one), Combine.ALL
                commands = [self.vacation(one)]
            case Forwarding():
                name, tests, combine = FORWARDING, [], Combine.ALL
                forwards = (
                    Forward(address=address, keep_copy=one.keep_copy) for address in one.addresses
                )
                commands = [self.action(forward) for forward in forwards]
        lines = [
            f"# rule:[{name}]",
            *_comments(one.note),
            f"if {_head(tests, combine, one.enabled)} {{",
        ]
        lines += [_INDENT + command for command in commands]
        lines.append("}")
        return _LINE.join(lines)

    # Tests

    def test(self, condition: Condition) -> str:
        """A condition as a test."""
        words = " ".join(self._test(condition))
        return f"not {words}" if condition.negate else words

    def _test(self, condition: Condition) -> Iterable[str]:
        match condition:
            case HeaderText() | AddressText() | EnvelopeText() | BodyText():
                return self._compare(condition)
            case HasHeader():
                return ("exists", _list(condition.headers))
            case MessageSize():
                return (
                    "size",
                    ":over" if condition.over else ":under",
                    _size(condition.size_bytes),
                )
            case HasAttachment():
                self.required.add("mime")
                return ('header :mime :anychild :type :is "Content-Disposition" "attachment"',)
            case SpamScore():
                self.required |= {"spamtest", "relational", f"comparator-{NUMERIC}"}
                least = _quoted(str(condition.at_least))
                return ("spamtest", ':value "ge"', ":comparator", _quoted(NUMERIC), least)
            case CurrentDate():
                return self._date(condition)
            case FromContacts():
                self.required.add("extlists")
                return ("address :all :list", _list(condition.headers), _quoted(CONTACTS))

    def _compare(
        self, condition: HeaderText | AddressText | EnvelopeText | BodyText
    ) -> Iterable[str]:
        match condition:
            case HeaderText():
                word, of = "header", _list(condition.headers)
            case AddressText():
                word, of = f"address {self._part(condition.part)}", _list(condition.headers)
            case EnvelopeText():
                self.required.add("envelope")
                word, of = f"envelope {self._part(condition.part)}", _quoted(condition.of.value)
            case BodyText():
                self.required.add("body")
                word, of = "body :text", ""
        return (word, *self._match(condition, of))

    def _date(self, condition: CurrentDate) -> Iterable[str]:
        self.required.add("date")
        yield "currentdate"
        if condition.zone:
            yield f":zone {_quoted(condition.zone)}"
        if condition.relation is Relation.IS:
            yield ":is"
        else:
            self.required.add("relational")
            yield f":value {_quoted(_RELATIONS[condition.relation])}"
        yield _quoted(condition.part.value)
        yield _list(condition.values)

    def _part(self, part: Part) -> str:
        if part in (Part.USER, Part.DETAIL):
            self.required.add("subaddress")
        return f":{part.value}"

    def _match(
        self, condition: HeaderText | AddressText | EnvelopeText | BodyText, of: str
    ) -> Iterator[str]:
        values = condition.values
        match condition.match:
            case Match.BEGINS:
                word, values = "matches", tuple(literal(value) + "*" for value in values)
            case Match.ENDS:
                word, values = "matches", tuple("*" + literal(value) for value in values)
            case Match.REGEX:
                self.required.add("regex")
                word = "regex"
            case _:
                word = condition.match.value
        yield f":{word}"
        if word != "regex" and not all(map(str.isascii, values)):
            # The usual comparator knows no capitals but those of ASCII.
            self.required.add(f"comparator-{UNICODE}")
            yield f":comparator {_quoted(UNICODE)}"
        if of:
            yield of
        yield _list(values)

    def _when(self, vacation: Vacation) -> list[str]:
        tests: list[Condition] = []
        ends: tuple[tuple[Day | None, Relation], ...] = (
            (vacation.first, Relation.FROM),
            (vacation.last, Relation.UNTIL),
        )
        for day, relation in ends:
            if day is not None:
                text = day.date.isoformat()
                tests.append(
                    CurrentDate(part=Moment.DATE, relation=relation, values=(text,), zone=day.zone)
                )
        if vacation.contacts_only:
            tests.append(FromContacts())
        return [self.test(test) for test in tests]

    # Commands

    def action(self, action: Action) -> str:
        """An action as a command."""
        match action:
            case File():
                self.required.add("fileinto")
                return self._file(action, "fileinto", _quoted(action.mailbox))
            case Mark():
                self.required.add("imap4flags")
                return f"{_CHANGES[action.change]} {_list(action.flags)};"
            case Forward():
                if action.keep_copy:
                    self.required.add("copy")
                copy = ":copy " if action.keep_copy else ""
                return f"redirect {copy}{_quoted(action.address)};"
            case Delete():
                self.required |= {"fileinto", "special-use"}
                words = f"fileinto :specialuse {_quoted(chr(92) + TRASH)}"
                return self._file(File(mailbox=TRASH), words, _quoted(TRASH))
            case Discard():
                return "discard;"
            case Reject():
                word = "ereject" if action.early else "reject"
                self.required.add(word)
                return f"{word} {_text(action.text)}"
            case Keep():
                return "keep;"
            case Notify():
                self.required.add("enotify")
                message = f":message {_quoted(action.message)} " if action.message else ""
                return f"notify {message}{_quoted(mailto_uri((action.address,)))};"

    def _file(self, action: File, words: str, mailbox: str) -> str:
        if action.copy:
            self.required.add("copy")
            words += " :copy"
        if action.create:
            self.required.add("mailbox")
            words += " :create"
        return f"{words} {mailbox};"

    def vacation(self, vacation: Vacation) -> str:
        """The reply as a command."""
        self.required.add("vacation")
        words = [f"vacation :days {vacation.days}"]
        if vacation.subject:
            words.append(f":subject {_quoted(vacation.subject)}")
        if vacation.sender:
            words.append(f":from {_quoted(vacation.sender)}")
        if vacation.addresses:
            words.append(f":addresses {_list(vacation.addresses)}")
        words.append(_text(vacation.text))
        return " ".join(words)


def _head(tests: list[str], combine: Combine, enabled: bool) -> str:
    """The test of an `if`; one that is switched off begins with `false`."""
    if not tests:
        test = "true"
    elif len(tests) == 1:
        test = f"{combine.value}of ({tests[0]})"
    else:
        inner = f",{_LINE}{_INDENT}".join(tests)
        test = f"{combine.value}of ({_LINE}{_INDENT}{inner}{_LINE})"
    return test if enabled else f"allof (false, {test})"


def _comments(note: str) -> Iterator[str]:
    if note:
        for line in note.split("\n"):
            yield f"# {line}".rstrip()


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", _LINE) + '"'


def _list(texts: tuple[str, ...]) -> str:
    if len(texts) == 1:
        return _quoted(texts[0])
    return "[" + ", ".join(map(_quoted, texts)) + "]"


def _text(text: str) -> str:
    """The last argument of a command, and its end; several lines stand as they are."""
    if "\n" not in text:
        return _quoted(text) + ";"
    # A dot that begins a line is doubled (RFC 5228 §2.4.2).
    lines = ("." + line if line.startswith(".") else line for line in text.split("\n"))
    return _LINE.join(("text:", *lines, ".", ";"))


def _size(size_bytes: int) -> str:
    for unit, factor in (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)):
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor}{unit}"
    return str(size_bytes)
