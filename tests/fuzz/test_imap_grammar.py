"""Hostile and random input for the IMAP grammar: it may refuse, never fail otherwise."""

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.base.errors import GrammarError
from pillarbox.wire.imap.client import Client, Continuation, Untagged
from pillarbox.wire.imap.names import (
    check_name,
    decode_name,
    decode_utf7,
    encode_name,
    encode_utf7,
    fold_inbox,
)
from pillarbox.wire.imap.parse import search_keys as k
from pillarbox.wire.imap.parse.command import Command, CommandError, parse_command
from pillarbox.wire.imap.parse.table import COMMANDS
from pillarbox.wire.imap.receiver import (
    CommandLine,
    Fatal,
    Literal,
    Receiver,
    ReceiverLimits,
)
from pillarbox.wire.imap.respond.list import list_response
from pillarbox.wire.imap.respond.strings import nstring
from pillarbox.wire.imap.sets import SequenceSet, format_uid_set
from pillarbox.wire.imap.tokens import Tokens
from pillarbox.wire.imap.urls import parse_url

LIMITS = ReceiverLimits(
    text_bytes=120,
    literals=3,
    literal_bytes=12,
    literal_total_bytes=20,
    append_literal_bytes=30,
    append_total_bytes=40,
    skip_text_bytes=300,
    skip_bytes=60,
)
WORDS = st.sampled_from(
    [
        *(verb.encode() for verb in COMMANDS.verbs),
        *b"1:* $ () ( ) (\\Seen) [ ] <0.1> {3} {3+} ~{2+} \" \"a\" \\ NIL FLAGS".split(),
        *(b"{13}", b"{13+}\r\n", b"{25+}\r\n", b"{61+}\r\n", b"{9+}\r\n", b"+FLAGS.SILENT"),
        *b"BODY[HEADER.FIELDS (A)] BINARY[1.2] OR NOT FROM a SINCE 1-Feb-2024 * %".split(),
        *b"FUZZY PARTIAL 1:2 -1:-2 (PARTIAL RELEVANCY IN (personal (mailboxes subtree".split(),
        *b"(REVERSE SUBJECT (SUBJECT) REFERENCES UTF-8 ALL".split(),
        *b"anyone -anyone group:a@b +lrswipkxteacd -q MYRIGHTS)".split(),
        *b"CATENATE (TEXT (URL /a/;UID=1".split(),
        *b"RETURN (ALL) CHARSET UTF-8 USE (CONDSTORE) UTF8 INBOX &APw- \xff \0 \r \n".split(b" "),
    ]
)  # fmt: skip
LONG = st.sampled_from([b"x" * 70, b"x" * 121, b"x" * 301, b"a APPEND b "])
WIRE = st.lists(st.one_of(WORDS, LONG, st.binary(max_size=6), st.just(b" "), st.just(b"\r\n"))).map(
    b"".join
)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
PIECES = st.lists(
    st.one_of(WORDS, st.binary(max_size=8), st.just(b" ")), max_size=12
).map(lambda words: b"a " + b" ".join(words))  # fmt: skip


def events(parts):
    receiver = Receiver(LIMITS)
    receiver.allow_append()
    got = []
    for part in parts:
        receiver.feed(part)
        while (event := receiver.next()) is not None:
            got.append(event)
            assert len(got) < 10_000
    return got


@settings(deadline=None, max_examples=150)
@given(WIRE, st.integers(1, 9))
def test_splitting_changes_nothing(data, size):
    whole = events([data])
    assert events(data[i : i + 1] for i in range(len(data))) == whole
    assert events(data[i : i + size] for i in range(0, len(data), size)) == whole
    assert not any(isinstance(event, Fatal) for event in whole[:-1])


@settings(deadline=None, max_examples=300)
@given(PIECES, st.lists(st.tuples(st.binary(max_size=6), st.booleans(), PIECES), max_size=3))
def test_commands_are_read_or_refused(first, rest):
    pieces = [first]
    for data, binary, text in rest:
        pieces += [Literal(data, binary), text]
    try:
        assert isinstance(parse_command(pieces, COMMANDS), Command)
    except CommandError as error:
        refusal = error
    else:
        return
    assert refusal.tag == "a"
    size = sum(len(piece.data if isinstance(piece, Literal) else piece) for piece in pieces)
    assert 0 <= refusal.position <= size


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(COMMANDS.verbs), st.lists(WORDS, max_size=8))
def test_each_command_is_read_or_refused(verb, words):
    text = b" ".join((b"a", verb.encode(), *words))
    try:
        assert parse_command((text,), COMMANDS).name == verb.removeprefix("UID ")
    except CommandError as error:
        refusal = error
    else:
        return
    assert refusal.tag == "a"


URL_WORDS = st.sampled_from(
    (
        "/", ";", "=", ";UID=", "/;UID=1", ";UIDVALIDITY=", ";SECTION=", "/;SECTION=1.2.MIME", "?",
        "/;PARTIAL=", ".", "0", "1", "7.3", "INBOX", "a%20b", "%C3%A9", "%FF", "%5D", "%0D%0A", "]",
        "HEADER.FIELDS%20(A%20B)", "TEXT", "imap://h/", ";URLAUTH=", "[", '"', "\\", "\u00e9",
    )
)  # fmt: skip


@settings(deadline=None, max_examples=400)
@given(st.one_of(TEXT, st.lists(URL_WORDS, max_size=12).map("".join)))
def test_urls_are_read_or_refused(text):
    try:
        url = parse_url(text)
    except GrammarError:
        return
    assert 0 < url.uid < 1 << 32
    assert url.mailbox is None or url.mailbox
    assert url.section.peek


@settings(deadline=None, max_examples=150)
@given(TEXT)
def test_names_survive_modified_utf7(name):
    encoded = encode_utf7(name)
    assert encoded.isascii()
    assert decode_utf7(encoded) == name


@settings(deadline=None, max_examples=150)
@given(st.text("&+,-AaZz09/=ü\ud800\x01", max_size=12))
def test_every_name_has_one_spelling(text):
    try:
        name = decode_utf7(text)
    except GrammarError:
        return
    assert encode_utf7(name) == text


@settings(deadline=None, max_examples=150)
@given(TEXT, st.booleans())
def test_names_come_back_from_the_wire(text, utf8):
    try:
        name = check_name(text)
    except GrammarError:
        return
    assert check_name(name) == name
    tokens = Tokens((encode_name(name, utf8=utf8),), utf8=utf8)
    assert tokens.mailbox() == name
    tokens.end()
    client = Client()
    client.feed(list_response((), "/", name, utf8=utf8))
    got = client.next()
    assert isinstance(got, Untagged)
    assert decode_name(got.values[2], utf8=utf8) == name


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=30), st.booleans())
def test_names_are_decoded_or_refused(data, utf8):
    try:
        name = decode_name(data, utf8=utf8)
    except GrammarError:
        return
    assert fold_inbox(name) == name == unicodedata.normalize("NFC", name)


@settings(deadline=None, max_examples=150)
@given(st.one_of(st.none(), TEXT))
def test_strings_come_back_from_the_wire(value):
    client = Client()
    client.feed(b"* X " + nstring(value) + b" 1\r\n")
    expected = None if value is None else value.replace("\0", "").encode()
    assert client.next() == Untagged("X", None, (expected, 1))
    # As a client sends it, where it is no literal.
    text = nstring(value)
    if not text.startswith(b"{"):
        tokens = Tokens((text,))
        assert tokens.nstring_text() == value


ENDS = st.integers(0, 30)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(ENDS, ENDS), min_size=1, max_size=8), st.integers(1, 40))
def test_sets_mean_what_they_say(ranges, largest):
    value = SequenceSet(tuple(ranges))
    again = SequenceSet.parse(value.to_bytes())
    assert again.to_bytes() == value.to_bytes()
    meant = set()
    for low, high in ((a or largest, b or largest) for a, b in ranges):
        meant.update(range(min(low, high), max(low, high) + 1))
    resolved = value.resolve(largest)
    numbers = [number for low, high in resolved for number in range(low, high + 1)]
    assert numbers == sorted(meant)
    assert SequenceSet.parse(format_uid_set(numbers)).resolve(100) == resolved


@settings(deadline=None, max_examples=150)
@given(st.text("0123456789:*,$ ", max_size=12))
def test_sets_are_read_or_refused(text):
    data = text.encode()
    try:
        value = SequenceSet.parse(data)
    except GrammarError:
        return
    assert SequenceSet.parse(value.to_bytes()) == value


LEAVES = st.one_of(
    st.just(k.AllKey()),
    st.builds(k.BodyKey, TEXT.map(lambda text: text.replace("\0", ""))),
    st.builds(k.LargerKey, st.integers(0, 2**63 - 1)),
    st.builds(k.FlagKey, st.sampled_from([r"\Seen", "$Junk"]), st.booleans()),
    st.builds(k.DateKey, st.sampled_from(k.DateField), st.sampled_from(k.DateOrder), st.dates()),
)
TREES = st.recursive(
    LEAVES,
    lambda keys: st.one_of(
        st.builds(k.NotKey, keys),
        st.builds(k.FuzzyKey, keys),
        st.builds(k.OrKey, keys, keys),
        st.builds(k.AndKey, st.lists(keys, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=12,
)


def printed(key):
    """Search text with its literals, as a client might write it."""
    match key:
        case k.AllKey():
            return ["ALL"]
        case k.BodyKey(text):
            return ["BODY ", Literal(text.encode())]
        case k.LargerKey(size):
            return [f"LARGER {size}"]
        case k.FlagKey(flag, present):
            un = "" if present else "UN"
            return [f"{un}SEEN" if flag.startswith("\\") else f"{un}KEYWORD {flag}"]
        case k.DateKey(field, order, day):
            prefix = {"internal": "", "sent": "SENT", "saved": "SAVED"}[field.value]
            return [f"{prefix}{order.name} {day.day}-{day:%b}-{day.year:04d}"]
        case k.NotKey(inner):
            return ["NOT ", *printed(inner)]
        case k.FuzzyKey(inner):
            return ["FUZZY ", *printed(inner)]
        case k.OrKey(left, right):
            return ["OR ", *printed(left), " ", *printed(right)]
    spaced = [piece for inner in key.keys for piece in (" ", *printed(inner))]
    return ["(", *spaced[1:], ")"]


@settings(deadline=None, max_examples=150)
@given(TREES)
def test_search_trees_come_back_from_the_wire(key):
    receiver = Receiver(ReceiverLimits(literal_bytes=1000))
    receiver.feed(b"".join(Client().command("SEARCH ", *printed(key), nonsync=True).chunks))
    line = receiver.next()
    assert isinstance(line, CommandLine)
    assert parse_command(line.pieces, COMMANDS).args.key == key


@settings(deadline=None, max_examples=150)
@given(WIRE)
def test_responses_are_read_or_refused(data):
    client = Client()
    client.feed(b"* " + data + b"\r\n+ x\r\n")
    last = None
    for _ in range(1000):
        try:
            got = client.next()
        except GrammarError:
            continue
        if got is None:
            break
        last = got
    if b"{" not in data:
        assert last == Continuation(b"x")
