"""Sync tokens: of one collection only, and of no time to come."""

import pytest

from pillarbox.base.ids import AccountId
from pillarbox.domain.collections.model import (
    Collection,
    CollectionKind,
    ComponentKind,
    Properties,
    Source,
)
from pillarbox.protocols.dav.errors import DavError
from pillarbox.protocols.dav.tokens import ctag, modseq_of, sync_token


def collection(number: int = 7, modseq: int = 42) -> Collection:
    return Collection(
        number,
        AccountId(1),
        CollectionKind.CALENDAR,
        "work",
        ComponentKind.VEVENT,
        Source.OWN,
        False,
        modseq,
        Properties(),
        0,
    )


def test_a_token_is_read_again() -> None:
    one = collection()
    assert modseq_of(sync_token(one), one) == 42
    assert modseq_of(sync_token(one, 17), one) == 17
    assert ctag(one) != ctag(collection(modseq=43))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        "urn:pillarbox:sync:7:",
        "urn:pillarbox:sync:7:43",
        "urn:pillarbox:sync:8:1",
        "urn:pillarbox:sync:7:-1",
        "urn:pillarbox:sync:7:٣",
        "urn:pillarbox:sync:7:" + "9" * 50,
    ],
)
def test_tokens_of_something_else(token: str) -> None:
    with pytest.raises(DavError):
        modseq_of(token, collection())
