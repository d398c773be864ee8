"""What scripts write into arguments: any text is read or refused, and nothing else happens."""

from hypothesis import given
from hypothesis import strategies as st

from pillarbox.base.errors import GrammarError
from pillarbox.formats.address import parse_path
from pillarbox.formats.sieve.addresses import outgoing_address, sender
from pillarbox.formats.sieve.entities import check_entity
from pillarbox.formats.sieve.flag_lists import MAX_FLAGS, flags_of, with_flags, without_flags
from pillarbox.formats.sieve.mailbox_names import mailbox_name
from pillarbox.formats.sieve.mailto import MAX_RECIPIENTS, mailto_uri, parse_mailto

ADDRESSY = st.text(alphabet='ab @.<>",;:\\()\r\n\x00\u00fc[]', max_size=40)
URIS = st.text(alphabet="a@.%2C40Dd?&=,to:cbodysuject\u00fc ", max_size=60)
TEXTS = st.one_of(st.text(max_size=60), ADDRESSY)


@given(TEXTS)
def test_addresses(text: str) -> None:
    try:
        address, name = outgoing_address(text)
    except GrammarError:
        return
    assert parse_path(str(address)) == address
    assert not {"\r", "\n", "\0"} & set(str(address) + name)
    again, _ = outgoing_address(sender(text))
    assert again == address


@given(URIS)
def test_uris(text: str) -> None:
    try:
        read = parse_mailto("mailto:" + text)
    except GrammarError:
        return
    assert 1 <= len(read.to) + len(read.cc) <= MAX_RECIPIENTS
    assert parse_mailto(mailto_uri(read.to + read.cc)).to == read.to + read.cc
    for value in (read.subject or "", *(value for _, value in read.fields)):
        assert not {"\r", "\n", "\0"} & set(value)


@given(st.lists(st.text(alphabet="aA\\sSeEnN $()\u00fc", max_size=20), max_size=100), TEXTS)
def test_flags(texts: list[str], other: str) -> None:
    flags = flags_of(texts)
    assert len(flags) <= MAX_FLAGS
    assert flags_of([" ".join(flags)]) == flags
    assert with_flags(flags, flags) == flags
    assert without_flags(flags, flags) == ()
    assert set(without_flags(flags, [other])) <= set(flags)


@given(st.text(alphabet="a/\u00fc\u0301 \x07\ufffd\ud800", max_size=30))
def test_mailbox_names(text: str) -> None:
    try:
        name = mailbox_name(text)
    except GrammarError:
        return
    assert mailbox_name(name) == name
    assert name.encode()


@given(st.text(alphabet="Content-Type: \r\n\tTo\u00fcx", max_size=60))
def test_entities(text: str) -> None:
    try:
        assert check_entity(text) == text
    except GrammarError:
        return
    assert text[:1] in ("", "\r", "\n", "C", "M")
