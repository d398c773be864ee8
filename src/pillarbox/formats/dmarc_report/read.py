"""Reading aggregate reports, tolerantly: reporters differ in what they leave out.

Expat reads them as a stream, and a record is made of its elements as soon as it ends. A document
type, and with it every entity, is refused; nothing is ever fetched. Calls `formats/reporting`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any
from xml.parsers import expat

from pillarbox.base.errors import GrammarError
from pillarbox.formats.dmarc_report.model import (
    DkimResult,
    Extension,
    PublishedPolicy,
    Reason,
    Record,
    Report,
    SpfResult,
)
from pillarbox.formats.mime.date import parse_date
from pillarbox.formats.reporting.fields import TEXT_MAX, count, short

MAX_XML_BYTES = 16 << 20
MAX_RECORDS = 10_000
MAX_DEPTH = 40
MAX_ELEMENTS = 400_000
MAX_NEAR = 1000
"""Elements of one record, and of all that stands outside of records."""

TAG_BYTES_MAX = 64 * 1024
"""Of one tag, and the text before it."""

LIST_MAX = 100
"""Results and reasons of one record; further ones are not kept."""

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_EPOCH_MAX = 253_402_300_799
_DISPOSITIONS = frozenset(("none", "pass", "quarantine", "reject"))


@dataclass(slots=True)
class _Element:
    """One element of the tree, its name without prefix."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: list["_Element"] = field(default_factory=list)

    def all(self, name: str) -> Iterator["_Element"]:
        return (child for child in self.children if child.name == name)

    def first(self, *names: str) -> "_Element":
        """The first child of one of these names, or an empty one."""
        for child in self.children:
            if child.name in names:
                return child
        return _Element(names[0])

    def say(self, *names: str) -> str:
        """The text of the first such child."""
        return short(self.first(*names).text.strip())

    def word(self, name: str) -> str:
        return self.say(name).lower()


def decode(content: bytes) -> Report:
    """A report that was received; `GrammarError` where it is none."""
    if len(content) > MAX_XML_BYTES:
        raise GrammarError("a report that is too large")
    reader = _Reader()
    content = _stripped(content)
    _check_tags(content)
    try:
        # Nothing else runs while a piece is parsed, unless it calls back; so pieces are small.
        for start in range(0, len(content), TAG_BYTES_MAX):
            reader.parser.Parse(content[start : start + TAG_BYTES_MAX], False)
        reader.parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise GrammarError(f"no report: {error}") from error
    return _report(reader.root, reader.records)


def _stripped(content: bytes) -> bytes:
    """Without the blanks that some put around it, where an octet is a character."""
    return content if content[:2] in _UTF16_MARKS else content.strip(b" \t\r\n\0")


def _check_tags(content: bytes) -> None:
    """GrammarError for a tag, or a text, that is so long that it only costs time."""
    start, size = 0, len(content)
    while start + TAG_BYTES_MAX < size:
        end = content.rfind(b">", start, start + TAG_BYTES_MAX)
        if end < 0:
            raise GrammarError("a report with a tag or text that is too long")
        start = end + 1


class _Reader:
    """Builds elements; records become values when they end."""

    def __init__(self) -> None:
        self.root = _Element("")
        self.records: list[Record] = []
        self._open: list[_Element] = []
        self._elements = 0
        self._near = 0
        self._outside = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = _refuse
        self.parser.EntityDeclHandler = _refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        depth = len(self._open)
        self._elements += 1
        self._near += 1
        if depth >= MAX_DEPTH or self._near > MAX_NEAR or self._elements > MAX_ELEMENTS:
            raise GrammarError("a report with too many elements")
        element = _Element(name.rpartition(":")[2].lower())
        if attributes and element.name == "extension":
            element.attributes = attributes
        if depth == 1 and element.name == "record":
            if len(self.records) >= MAX_RECORDS:
                raise GrammarError("a report with too many records")
            self._outside, self._near = self._near - 1, 0
        elif depth:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, name: str) -> None:
        element = self._open.pop()
        if len(self._open) == 1 and element.name == "record":
            self.records.append(_record(element))
            self._near = self._outside

    def _text(self, text: str) -> None:
        element = self._open[-1]
        if len(element.text) < TEXT_MAX:
            element.text += text[:TEXT_MAX]


def _refuse(*_: Any) -> None:
    raise GrammarError("a report with a document type")


def _report(root: _Element, records: list[Record]) -> Report:
    if root.name != "feedback":
        raise GrammarError("a document that is no report")
    meta = root.first("report_metadata")
    range_ = meta.first("date_range")
    published = root.first("policy_published")
    policy = PublishedPolicy(
        published.word("domain").rstrip("."),
        published.word("p"),
        published.word("sp"),
        published.word("np"),
        published.word("adkim"),
        published.word("aspf"),
        published.say("fo"),
        published.say("pct"),
        published.word("testing") in ("y", "yes", "true", "1"),
        published.word("discovery_method"),
        published.say("version_published"),
    )
    found = Report(
        meta.say("org_name"),
        meta.say("email"),
        meta.say("report_id"),
        _instant(range_.say("begin")),
        _instant(range_.say("end")),
        policy,
        tuple(records),
        meta.say("extra_contact_info"),
        tuple(short(one.text.strip()) for one in list(meta.all("error"))[:LIST_MAX]),
        meta.say("generator"),
        root.say("version"),
        _extensions(root),
    )
    if not found.id or not policy.domain:
        raise GrammarError("a report without its id, or of no domain")
    return found


def _record(element: _Element) -> Record:
    row = element.first("row")
    evaluated = row.first("policy_evaluated")
    who = element.first("identifiers", "identities")
    results = element.first("auth_results")
    to = who.first("envelope_to").text.strip()
    disposition = evaluated.word("disposition")
    return Record(
        _address(row.say("source_ip")),
        count(_number(row.say("count"))),
        disposition if disposition in _DISPOSITIONS else "none",
        evaluated.word("dkim") == "pass",
        evaluated.word("spf") == "pass",
        tuple(
            Reason(one.word("type"), one.say("comment"))
            for one in list(evaluated.all("reason"))[:LIST_MAX]
        ),
        who.word("header_from").rstrip("."),
        who.word("envelope_from").rstrip("."),
        short(to).lower() if to else None,
        tuple(
            DkimResult(
                one.word("domain"), one.say("selector"), one.word("result"), one.say("human_result")
            )
            for one in list(results.all("dkim"))[:LIST_MAX]
        ),
        tuple(
            SpfResult(
                one.word("domain"), one.word("scope"), one.word("result"), one.say("human_result")
            )
            for one in list(results.all("spf"))[:LIST_MAX]
        ),
        _extensions(element),
    )


def _extensions(element: _Element) -> tuple[Extension, ...]:
    found = list(element.first("extensions", "extension").all("extension"))[:LIST_MAX]
    return tuple(
        Extension(short(one.attributes.get("name")), short(one.attributes.get("definition")))
        for one in found
    )


def _address(text: str) -> str:
    try:
        return str(ip_address(text.partition("%")[0].strip("[]")))
    except ValueError:
        return ""


def _number(text: str) -> int:
    """A whole number, as some write it; 0 if it is none."""
    whole = text.partition(".")[0]
    return int(whole) if whole.isascii() and whole.isdecimal() and len(whole) < 20 else 0


def _instant(text: str) -> datetime:
    """Seconds since the epoch; some write a date."""
    if text[:1].isdecimal() and "-" not in text and ":" not in text:
        return datetime.fromtimestamp(min(_number(text), _EPOCH_MAX), UTC)
    found = parse_date(text)
    if found is None:
        raise GrammarError("a report without its range of dates")
    try:
        return found.astimezone(UTC)
    except OverflowError as error:
        raise GrammarError("an instant that can't be") from error
