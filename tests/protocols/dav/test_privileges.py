"""Rights as privileges, and back."""

import pytest

from pillarbox.domain.collections.model import ALL_RIGHTS, NO_RIGHTS, READ_RIGHTS, Right
from pillarbox.protocols.dav.errors import DavError
from pillarbox.protocols.dav.privileges import (
    granted,
    names_of,
    supported,
    told_of_share,
)
from pillarbox.protocols.dav.resources import Kind
from pillarbox.wire.dav.names import C, D

GRANTABLE = [
    Right.FREE_BUSY,
    READ_RIGHTS,
    READ_RIGHTS | Right.WRITE,
    READ_RIGHTS | Right.WRITE | Right.PROPERTIES,
    READ_RIGHTS | Right.PROPERTIES,
]


@pytest.mark.parametrize("rights", GRANTABLE)
def test_what_is_told_of_a_share_grants_the_same(rights: Right) -> None:
    assert granted(told_of_share(rights)) == rights


def test_the_owner_has_everything_that_is_supported() -> None:
    names = names_of(Kind.CALENDAR, ALL_RIGHTS)
    assert {D + "all", D + "write-acl", D + "unbind", C + "read-free-busy"} <= set(names)
    assert len(names) == len(set(names))
    told = supported(Kind.CALENDAR)
    assert all(f":{name.partition('}')[2]}/>" in told for name in names)


def test_rights_less_than_all() -> None:
    assert D + "write-content" not in names_of(Kind.CALENDAR, READ_RIGHTS)
    assert C + "read-free-busy" not in names_of(Kind.ADDRESS_BOOK, READ_RIGHTS)
    assert D + "write-properties" in names_of(Kind.CALENDAR, READ_RIGHTS, is_mount=True)
    assert names_of(Kind.CALENDAR, NO_RIGHTS) == ()
    assert D + "bind" not in names_of(Kind.INBOX, ALL_RIGHTS)
    assert C + "schedule-deliver" in names_of(Kind.INBOX, ALL_RIGHTS)
    assert C + "schedule-send" in names_of(Kind.OUTBOX, ALL_RIGHTS)
    assert names_of(Kind.DIRECTORY, ALL_RIGHTS) == names_of(Kind.DIRECTORY, READ_RIGHTS)


def test_unknown_privileges_are_refused() -> None:
    with pytest.raises(DavError) as refused:
        granted([D + "read", "{urn:x}fly"])
    assert refused.value.conditions == (D + "not-supported-privilege",)
