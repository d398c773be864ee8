"""ACL bodies and the values of access control properties."""

import lxml.etree
import pytest

from pillarbox.wire.dav.acl import (
    Ace,
    Acl,
    PrincipalKind,
    SupportedPrivilege,
    acl_restrictions_value,
    acl_value,
    parse_acl,
    privileges_value,
    search_properties_value,
    supported_privileges_value,
)
from pillarbox.wire.dav.markup import document
from pillarbox.wire.dav.names import C, D
from pillarbox.wire.dav.xml import XmlError

READ = "<privilege><read/></privilege>"


def ace(principal: str, rest: str = f"<grant>{READ}</grant>") -> str:
    return f"<ace><principal>{principal}</principal>{rest}</ace>"


def acl(inside: str) -> Acl:
    return parse_acl(f"<acl xmlns='DAV:'>{inside}</acl>".encode())


def test_entries() -> None:
    assert acl(
        ace(
            "<href> /p/a@x.test/ </href>",
            "<grant><privilege><read/></privilege><privilege><read/><write/></privilege></grant>",
        )
        + ace("<all/>", f"<deny>{READ}</deny><protected/>")
        + ace("<property><owner/></property>")
        + "<ace><invert><principal><self/></principal></invert>"
        + f"<grant>{READ}</grant><inherited><href>/</href></inherited></ace>"
        + ace("<authenticated/>")
        + ace("<unauthenticated/>")
    ) == Acl(
        (
            Ace(PrincipalKind.HREF, (D + "read", D + "write"), href="/p/a@x.test/"),
            Ace(PrincipalKind.ALL, (D + "read",), grant=False, protected=True),
            Ace(PrincipalKind.PROPERTY, (D + "read",), property=D + "owner"),
            Ace(PrincipalKind.SELF, (D + "read",), invert=True),
            Ace(PrincipalKind.AUTHENTICATED, (D + "read",)),
            Ace(PrincipalKind.UNAUTHENTICATED, (D + "read",)),
        )
    )
    assert acl("") == Acl(())


@pytest.mark.parametrize(
    ("inside", "condition"),
    [
        ("<ace/>", None),
        (ace("<all/>", ""), None),
        (ace("<all/>", "<grant/>"), None),
        (ace("<all/>", f"<grant>{READ}</grant><deny>{READ}</deny>"), None),
        (f"<ace><grant>{READ}</grant></ace>", None),
        (ace(""), "recognized-principal"),
        (ace("<everybody/>"), "recognized-principal"),
        (ace("<all/><self/>"), "recognized-principal"),
        (ace("<property/>"), "recognized-principal"),
        (ace("<all/>") * 201, "limited-number-of-aces"),
    ],
)
def test_wrong_entries_are_refused(inside: str, condition: str | None) -> None:
    with pytest.raises(XmlError) as refused:
        acl(inside)
    assert refused.value.condition == (condition and D + condition)


def test_what_is_told_is_what_would_be_read() -> None:
    aces = (
        Ace(PrincipalKind.HREF, (D + "read", C + "read-free-busy"), href="/p/a b/"),
        Ace(PrincipalKind.PROPERTY, (D + "all",), property=D + "owner", protected=True),
        Ace(PrincipalKind.AUTHENTICATED, (D + "read",), grant=False, invert=True),
    )
    told = parse_acl(document(D + "acl", acl_value(aces))).aces
    assert told == (
        Ace(PrincipalKind.HREF, (D + "read", C + "read-free-busy"), href="/p/a%20b/"),
        *aces[1:],
    )
    inherited = acl_value([Ace(PrincipalKind.ALL, (D + "read",), inherited="/a b")])
    assert "<D:inherited><D:href>/a%20b</D:href></D:inherited>" in inherited


def test_other_values() -> None:
    assert privileges_value([D + "read", C + "read-free-busy"]) == (
        "<D:privilege><D:read/></D:privilege><D:privilege><C:read-free-busy/></D:privilege>"
    )
    assert acl_restrictions_value([D + "grant-only"]) == "<D:grant-only/>"
    value = supported_privileges_value(
        [
            SupportedPrivilege(
                D + "all", "All", True, (SupportedPrivilege(D + "read", "Reading & <more>"),)
            )
        ]
    )
    root = lxml.etree.fromstring(document(D + "supported-privilege-set", value))
    assert root.find("{DAV:}supported-privilege/{DAV:}abstract") is not None
    inner = root.find("{DAV:}supported-privilege/{DAV:}supported-privilege")
    assert inner.find("{DAV:}privilege/{DAV:}read") is not None
    assert inner.find("{DAV:}abstract") is None
    assert inner.findtext("{DAV:}description") == "Reading & <more>"
    assert search_properties_value([(D + "displayname", "Name")]) == (
        "<D:principal-search-property><D:prop><D:displayname/></D:prop>"
        "<D:description>Name</D:description></D:principal-search-property>"
    )
