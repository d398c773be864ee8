"""Hostile senders and odd patterns never break a list of senders, nor take long."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from pillarbox.base.errors import Invalid
from pillarbox.domain.judgement.model import Action
from pillarbox.domain.sender_lists.lists import spelling
from pillarbox.domain.sender_lists.model import Entry, Scope, Sender, SenderList, patterns
from pillarbox.pipeline.inbound.quarantine import essence

WORDS = st.text(max_size=40) | st.from_regex(r"[a-z.@*/:\[\]0-9-]{0,40}", fullmatch=True)


@given(WORDS, st.sampled_from(Scope), st.booleans())
def test_spellings_are_stable(typed: str, scope: Scope, subdomains: bool) -> None:
    with suppress(Invalid):
        kept = spelling(typed, scope, subdomains=subdomains)
        assert spelling(kept, scope) == kept


@given(WORDS, WORDS)
def test_any_sender_can_be_looked_up(pattern: str, address: str) -> None:
    entry = Entry(1, pattern, Action.JUNK)
    found = SenderList({pattern: entry}).find(Sender(authors=(address,), ip=address))
    assert (found is None) is (pattern not in {one for _, one in patterns(address)})


@given(st.binary(max_size=2000))
def test_the_essence_of_anything(content: bytes) -> None:
    assert essence(content) == essence(content)
    head = b"Received: by x;\r\n\ty\r\n"
    if content[:1] not in (b" ", b"\t", b"\r", b"\n", b""):
        assert essence(head + content) == essence(content)
