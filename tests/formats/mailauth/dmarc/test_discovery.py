"""Walking up the tree of names: for the policy, and for the organization (RFC 9989 §4.10)."""

import pytest

from kit.dmarc import Zone, answer
from pillarbox.formats.mailauth.dmarc.discovery import (
    NoAnswer,
    Walker,
    walk_names,
)
from pillarbox.formats.mailauth.dmarc.record import Disposition

NONE, QUARANTINE, REJECT = Disposition.NONE, Disposition.QUARANTINE, Disposition.REJECT


def test_names_of_a_walk() -> None:
    """The example of RFC 9989 §4.10: twelve labels, eight questions."""
    assert walk_names("a.b.c.d.e.f.g.h.i.j.mail.example.com") == (
        "a.b.c.d.e.f.g.h.i.j.mail.example.com",
        "g.h.i.j.mail.example.com",
        "h.i.j.mail.example.com",
        "i.j.mail.example.com",
        "j.mail.example.com",
        "mail.example.com",
        "example.com",
        "com",
    )
    assert walk_names("com") == ("com",)
    assert walk_names("a.example.com") == ("a.example.com", "example.com", "com")
    for count in (7, 8, 9, 60):
        names = walk_names(".".join("x" * count))
        assert len(names) == min(count, 8)
        assert names[1].count(".") == min(count - 2, 6)


LONG = "a.b.c.d.e.f.g.h.example.com"
POLICIES = [
    # Where the author's domain has a record, that is it, whatever is above.
    ({"example.com": "p=reject"}, "example.com", "example.com", "p", REJECT),
    ({"a.example.com": "p=none", "example.com": "p=reject"}, "a.example.com", "a.example.com",
     "p", NONE),
    ({"a.example.com": "sp=reject"}, "a.example.com", "a.example.com", "p", NONE),
    # Without one it is the organization's, with its policy for subdomains.
    ({"example.com": "p=reject", "x.a.example.com": ""}, "a.example.com", "example.com", "p",
     REJECT),
    ({"example.com": "p=reject; sp=quarantine", "x.a.example.com": ""}, "a.example.com",
     "example.com", "sp", QUARANTINE),
    # np= is for names that don't exist, and only for those.
    ({"example.com": "p=none; sp=quarantine; np=reject"}, "a.example.com", "example.com", "np",
     REJECT),
    ({"example.com": "p=none; np=reject"}, "a.example.com", "example.com", "np", REJECT),
    ({"example.com": "p=none; np=reject", "b.a.example.com": ""}, "a.example.com", "example.com",
     "p", NONE),
    ({"example.com": "p=none; sp=quarantine; np=reject", "a.example.com": ()}, "a.example.com",
     "example.com", "sp", QUARANTINE),
    # The organization is the highest one with a record, not the next one.
    ({"b.example.com": "p=none", "example.com": "p=reject"}, "a.b.example.com", "example.com",
     "p", REJECT),
    # ... unless a record says that it is one.
    ({"b.example.com": "p=quarantine; psd=n", "example.com": "p=reject"}, "a.b.example.com",
     "b.example.com", "p", QUARANTINE),
    # Below a domain for registrations the organization is one label longer.
    ({"example": "p=reject; psd=y", "bank.example": "p=quarantine"}, "a.bank.example",
     "bank.example", "p", QUARANTINE),
    ({"example": "p=none; sp=reject; psd=y", "a.bank.example": ()}, "a.bank.example", "example",
     "sp", REJECT),
    ({"example": "p=none; np=reject; psd=y"}, "gone.example", "example", "np", REJECT),
    ({"co.example": "p=reject; psd=y", "example": "p=none"}, "a.bank.co.example", "co.example",
     "p", REJECT),
    # A record between the author and the organization is neither's.
    ({"example": "psd=y; p=none", "b.bank.example": "p=reject"}, "a.b.bank.example", "example",
     "p", NONE),
    # That of the domain for registrations itself is its own.
    ({"example": "p=reject; psd=y"}, "example", "example", "p", REJECT),
    # Several records are none; others beside one don't matter.
    ({"a.example.com": ("v=DMARC1; p=none", "v=DMARC1; p=none"), "example.com": "p=reject"},
     "a.example.com", "example.com", "p", REJECT),
    ({"example.com": ("v=spf1 -all", "v=DMARC1; p=reject", "x")}, "example.com", "example.com",
     "p", REJECT),
    # Of long names only the last seven labels are asked about.
    ({"example.com": "p=reject"}, LONG, "example.com", "p", REJECT),
    ({"b.c.d.e.f.g.h.example.com": "p=none", "example.com": "p=reject"}, LONG, "example.com", "p",
     REJECT),
    ({LONG: "p=none", "example.com": "p=reject"}, LONG, LONG, "p", NONE),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "author", "where", "tag", "disposition"), POLICIES)
def test_policy(zone: Zone, author: str, where: str, tag: str, disposition: Disposition) -> None:
    asked: list[str] = []
    policy = answer(zone, Walker().policy(author), asked)
    assert policy is not None
    assert (policy.domain, policy.tag, policy.disposition) == (where, tag, disposition)
    assert sum(name.startswith("_dmarc.") for name in asked) <= 8
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize(
    ("zone", "author"),
    [
        ({}, "a.example.com"),
        ({"b.example.com": "p=reject"}, "a.example.com"),
        ({"example.com": ("v=spf1 -all", "v=DMARC1 ; p=none", "v=DMARC1")}, "example.com"),
        ({"example.com": ("p=reject; v=DMARC1",)}, "example.com"),
        ({"b.c.d.e.f.g.h.example.com": "p=reject"}, LONG),
    ],
)
def test_no_policy(zone: Zone, author: str) -> None:
    assert answer(zone, Walker().policy(author)) is None


@pytest.mark.parametrize(
    ("zone", "domain", "organization"),
    [
        # The three examples of RFC 9989 §4.10.2.
        ({"mail.example.com": "", "example.com": ""}, "a.mail.example.com", "example.com"),
        ({"mail.example.com": "psd=n"}, "a.mail.example.com", "mail.example.com"),
        ({"com": "psd=y"}, "a.mail.example.com", "example.com"),
        ({"example.com": "psd=y"}, "mail.example.com", "mail.example.com"),
        ({}, "a.mail.example.com", "a.mail.example.com"),
        ({"example.com": ""}, "example.com", "example.com"),
        ({"com": "psd=y"}, "com", "com"),
        ({"com": "psd=y", "a.example.com": "psd=n"}, "a.example.com", "a.example.com"),
        ({"example.com": "psd=y", "com": "psd=y"}, "x.a.example.com", "a.example.com"),
        ({"com": "psd=y"}, LONG, "example.com"),
        ({"g.h.example.com": "psd=y"}, LONG, "f.g.h.example.com"),
    ],
)
def test_organization(zone: Zone, domain: str, organization: str) -> None:
    assert answer(zone, Walker().organization(domain)) == organization


def test_nothing_is_asked_twice() -> None:
    zone = {"example.com": "p=none; np=reject"}
    walker, asked = Walker(), list[str]()
    answer(zone, walker.policy("a.b.example.com"), asked)
    answer(zone, walker.organization("a.b.example.com"), asked)
    answer(zone, walker.organization("c.b.example.com"), asked)
    answer(zone, walker.organization("example.com"), asked)
    assert sorted(name for name in asked if name.startswith("_dmarc.")) == [
        "_dmarc.a.b.example.com",
        "_dmarc.b.example.com",
        "_dmarc.c.b.example.com",
        "_dmarc.com",
        "_dmarc.example.com",
    ]


def test_a_record_at_the_author_asks_for_one_name() -> None:
    asked: list[str] = []
    answer({"a.example.com": "p=none"}, Walker().policy("a.example.com"), asked)
    assert asked == ["_dmarc.a.example.com"]


@pytest.mark.parametrize("silent", ["a.example.com", "example.com", "com"])
def test_without_an_answer(silent: str) -> None:
    with pytest.raises(NoAnswer, match=f"record of {silent}"):
        answer({silent: None}, Walker().policy("a.example.com"))


def test_an_answer_that_is_not_needed() -> None:
    zone = {"example.com": "psd=n; p=reject", "com": None}
    policy = answer(zone, Walker().policy("a.example.com"))
    assert policy is not None
    assert policy.domain == "example.com"


@pytest.mark.parametrize("domain", ["x" * 64 + ".example.com", ".".join(["x" * 62] * 4), "a..com"])
def test_names_that_cannot_be_asked_for(domain: str) -> None:
    asked: list[str] = []
    assert answer({}, Walker().policy(domain), asked) is None
    assert "_dmarc." + domain not in asked
