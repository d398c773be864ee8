"""Rule sets of every kind, for tests of what is made of them."""

from datetime import date

from hypothesis import strategies as st

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
    ADDRESS_HEADERS,
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
from pillarbox.formats.sieve.rules.model import (
    FORWARDING,
    Combine,
    Day,
    Forwarding,
    Rule,
    RuleSet,
    Vacation,
)

NASTY = st.sampled_from(
    [
        *('"', "\\", '\\"', "*", "?", "\\*", "\\?", "a*", "*a", "*a*", "${x}", "${hex:41}", "]"),
        *(
            "\n.\n",
            ".",
            "..",
            "\n..x",
            "\r\n",
            "a\nb",
            "/* c */",
            "# d",
            "*/",
            "text:\n",
            '";stop;',
        ),
        *(
            "Grüße",
            "ГУ",
            "\u2028",
            "rule:[x]",
            "if false",
            "Vacation",
            "[y]",
            " ",
            "\t",
            "%",
            "'",
            "{",
            ";",
            "stop",
        ),
    ]
)
_PLAIN = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=12)
ANY_TEXT = st.lists(st.one_of(NASTY, _PLAIN), max_size=4).map("".join)
"""Texts with all that means something in scripts."""
SOME_TEXT = ANY_TEXT.filter(bool)


def _line(text: str) -> str:
    return " ".join(text.split()).replace("\u2028", "").replace("\u2029", "").strip()


LINE = ANY_TEXT.map(_line)
SOME_LINE = LINE.filter(bool)
NOTE = ANY_TEXT.filter(lambda text: "rule:[" not in text)
HEADERS = st.lists(
    st.sampled_from(["Subject", "subject", "X-Loop", "From", "List-Id", "X-!#{}"]),
    min_size=1,
    max_size=3,
).map(tuple)
FIELDS = st.lists(st.sampled_from(ADDRESS_HEADERS), min_size=1, max_size=3).map(tuple)
ADDRESSES = st.sampled_from(
    ["a@example.org", "first.last+tag@example.org", '"o p"@example.net', "grüße@exämple.org"]
)
ZONES = st.sampled_from(["", "+0000", "+0100", "-0330", "+1400"])
MOMENTS = {
    Moment.DATE: ["2026-01-31", "1999-12-01"],
    Moment.TIME: ["00:00:00", "23:59:59"],
    Moment.WEEKDAY: ["0", "6"],
    Moment.HOUR: ["00", "23"],
    Moment.DAY: ["01", "31"],
    Moment.MONTH: ["01", "12"],
    Moment.YEAR: ["1999", "2026"],
}
NEGATE = st.booleans()


@st.composite
def _compared(draw: st.DrawFn) -> dict[str, object]:
    match = draw(st.sampled_from(list(Match)))
    if match is Match.REGEX:
        one: st.SearchStrategy[str] = st.sampled_from(
            [r"^\[list\] .*$", "a|b", "(x+)[0-9]{2}", "."]
        )
    elif match is Match.IS:
        one = ANY_TEXT
    elif match is Match.MATCHES:
        one = SOME_TEXT.filter(lambda text: not (len(text) - len(text.rstrip("\\"))) % 2)
    else:
        one = SOME_TEXT
    values = tuple(draw(st.lists(one, min_size=1, max_size=3)))
    return {"match": match, "values": values, "negate": draw(NEGATE)}


@st.composite
def _moments(draw: st.DrawFn) -> CurrentDate:
    part = draw(st.sampled_from(list(Moment)))
    relation = draw(st.sampled_from(list(Relation)))
    most = 2 if relation is Relation.IS else 1
    values = tuple(draw(st.lists(st.sampled_from(MOMENTS[part]), min_size=1, max_size=most)))
    zone, negate = draw(ZONES), draw(NEGATE)
    return CurrentDate(part=part, relation=relation, values=values, zone=zone, negate=negate)


CONDITIONS: st.SearchStrategy[Condition] = st.one_of(
    st.builds(lambda of, how: HeaderText(headers=of, **how), HEADERS, _compared()),
    st.builds(
        lambda of, part, how: AddressText(headers=of, part=part, **how),
        FIELDS,
        st.sampled_from(list(Part)),
        _compared(),
    ),
    st.builds(
        lambda of, part, how: EnvelopeText(of=of, part=part, **how),
        st.sampled_from(list(Envelope)),
        st.sampled_from(list(Part)),
        _compared(),
    ),
    st.builds(lambda how: BodyText(**how), _compared()),
    st.builds(HasHeader, headers=HEADERS, negate=NEGATE),
    st.builds(
        MessageSize,
        size_bytes=st.sampled_from([0, 1, 1000, 1 << 10, 3 << 20, 10 << 30]),
        over=st.booleans(),
        negate=NEGATE,
    ),
    st.builds(HasAttachment, negate=NEGATE),
    st.builds(SpamScore, at_least=st.integers(1, 10), negate=NEGATE),
    _moments(),
    st.builds(FromContacts, headers=FIELDS, negate=NEGATE),
)
MAILBOXES = st.one_of(
    st.sampled_from(["INBOX", "Trash", "A/B", 'q"uote', "b\\ack", "Grüße", "*?", "${x}"]),
)
FLAGS = st.lists(
    st.sampled_from(["\\Seen", "\\Flagged", "$Label1", "key-word"]), min_size=1, max_size=3
).map(tuple)
FILING: st.SearchStrategy[Action] = st.one_of(
    st.builds(File, mailbox=MAILBOXES, create=st.booleans(), copy=st.booleans()),
    st.builds(Mark, flags=FLAGS, change=st.sampled_from(list(FlagChange))),
    st.builds(Forward, address=ADDRESSES, keep_copy=st.booleans()),
    st.just(Delete()),
    st.just(Discard()),
    st.just(Keep()),
    st.builds(Notify, address=ADDRESSES, message=LINE),
)
REFUSALS = st.builds(
    Reject, text=ANY_TEXT.filter(lambda text: bool(text.strip())), early=st.booleans()
)
ACTIONS = st.one_of(
    st.lists(FILING, min_size=1, max_size=4).map(tuple), REFUSALS.map(lambda one: (one,))
)


RULES = st.builds(
    Rule,
    name=SOME_LINE.filter(lambda name: name != FORWARDING),
    conditions=st.lists(CONDITIONS, max_size=3).map(tuple),
    actions=ACTIONS,
    combine=st.sampled_from(list(Combine)),
    stop=st.booleans(),
    enabled=st.booleans(),
    note=NOTE,
)
DAYS = st.builds(Day, st.dates(date(2026, 1, 1), date(2026, 6, 1)), ZONES)
LATER_DAYS = st.builds(Day, st.dates(date(2026, 6, 1), date(2027, 6, 1)), ZONES)
VACATIONS = st.builds(
    Vacation,
    text=ANY_TEXT.filter(lambda text: bool(text.strip())),
    subject=LINE,
    first=st.none() | DAYS,
    last=st.none() | LATER_DAYS,
    days=st.integers(1, 365),
    contacts_only=st.booleans(),
    addresses=st.lists(ADDRESSES, max_size=2).map(tuple),
    sender=st.just("") | ADDRESSES,
    enabled=st.booleans(),
    note=NOTE,
)
FORWARDINGS = st.builds(
    Forwarding,
    addresses=st.lists(ADDRESSES, min_size=1, max_size=3).map(tuple),
    keep_copy=st.booleans(),
    enabled=st.booleans(),
    note=NOTE,
)
RULE_SETS = st.builds(
    RuleSet,
    rules=st.lists(RULES, max_size=4).map(tuple),
    vacation=st.none() | VACATIONS,
    forwarding=st.none() | FORWARDINGS,
    vacation_at=st.integers(0, 4),
    forwarding_at=st.integers(0, 4),
    note=NOTE,
)
