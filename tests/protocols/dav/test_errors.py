"""Which answer each failure gets."""

import pytest

from pillarbox.base.errors import (
    Busy,
    Conflict,
    Denied,
    Exists,
    Failure,
    Invalid,
    NotFound,
    OverQuota,
    TooLarge,
    Unavailable,
)
from pillarbox.domain.collections.model import (
    ComponentNotTaken,
    ItemInvalid,
    PreconditionFailed,
    TokenForgotten,
    UidTaken,
)
from pillarbox.domain.scheduling.model import SchedulingDenied
from pillarbox.protocols.dav.errors import of_failure, rule_name
from pillarbox.wire.dav.names import A, C, D


@pytest.mark.parametrize(
    ("failure", "status", "conditions"),
    [
        (NotFound("x"), 404, ()),
        (Exists("x"), 409, ()),
        (Conflict("x"), 409, ()),
        (PreconditionFailed("x"), 412, ()),
        (Denied("x"), 403, (D + "need-privileges",)),
        (Invalid("x"), 403, ()),
        (TooLarge("x"), 413, (C + "max-resource-size",)),
        (OverQuota("x"), 507, (D + "quota-not-exceeded",)),
        (Busy("x"), 503, ()),
        (Unavailable("x"), 503, ()),
        (ComponentNotTaken("x"), 403, (C + "supported-calendar-component",)),
        (ItemInvalid("x", "valid-calendar-data"), 403, (C + "valid-calendar-data",)),
        (TokenForgotten("x"), 403, (D + "valid-sync-token",)),
        (UidTaken("x", "a b.ics"), 409, ((C + "no-uid-conflict", ["/dav/c/a b.ics"]),)),
        (
            SchedulingDenied("x", "allowed-attendee-scheduling-object-change"),
            403,
            (C + "allowed-attendee-scheduling-object-change",),
        ),
    ],
)
def test_failures(failure: Failure, status: int, conditions: tuple[object, ...]) -> None:
    found = of_failure(failure, home="/dav/c/")
    assert (found.status, found.conditions, found.text) == (status, conditions, "x")


def test_cards_have_conditions_of_their_own() -> None:
    taken = of_failure(UidTaken("x", "a.vcf"), is_card=True, home="/b/")
    assert taken.conditions == ((A + "no-uid-conflict", ["/b/a.vcf"]),)
    assert of_failure(TooLarge("x"), is_card=True).conditions == (A + "max-resource-size",)
    assert rule_name("valid-address-data") == A + "valid-address-data"
    assert rule_name("something-else") == D + "something-else"
