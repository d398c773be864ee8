"""What a check comes to: each mechanism, the limits, and what is told of the outcome (RFC 7208)."""

from typing import Any

import pytest

from kit.spf import SpfZone, checked
from pillarbox.formats.mailauth.spf.check import (
    EXPLANATION_MAX,
    NAMES_MAX,
    Request,
    check_host,
    mail_from,
)
from pillarbox.formats.mailauth.spf.question import Question, QuestionKind
from pillarbox.formats.mailauth.spf.result import SpfResult, SpfStatus

IP4, IP6 = "192.0.2.7", "2001:db8::7"
NONE, NEUTRAL, PASS, FAIL = SpfStatus.NONE, SpfStatus.NEUTRAL, SpfStatus.PASS, SpfStatus.FAIL
SOFTFAIL, TEMPERROR, PERMERROR = SpfStatus.SOFTFAIL, SpfStatus.TEMPERROR, SpfStatus.PERMERROR


def zone(**texts: str) -> SpfZone:
    """Records of `a.test` and so on; `_` in a name stands for a dot."""
    made = SpfZone(
        {
            "four.test": {"A": [IP4], "MX": [(0, "six.test"), (1, "four.test")]},
            "six.test": {"AAAA": [IP6]},
            "near.test": {"A": ["192.0.2.99"], "AAAA": ["2001:db8::99"]},
            "ann.test": {"A": ["127.0.0.2"]},
            "x.named.test": {"A": [IP4], "AAAA": [IP6]},
        },
        {IP4: ["x.named.test"], IP6: ["x.named.test"]},
        {"down.test"},
    )
    for name, text in texts.items():
        made.records.setdefault(f"{name.replace('_', '.')}.test", {})["TXT"] = [text]
    return made


def outcome(of: SpfZone, ip: str = IP4, sender: str = "ann@a.test") -> SpfResult:
    return checked(of, Request(ip, sender, "mail.a.test", "mx.example.test", 1_700_000_000))


@pytest.mark.parametrize(
    ("record", "ip4", "ip6"),
    [
        ("v=spf1", NEUTRAL, NEUTRAL),
        ("v=spf1 -all", FAIL, FAIL),
        ("V=SPF1 ~ALL", SOFTFAIL, SOFTFAIL),
        ("v=spf1 ?all", NEUTRAL, NEUTRAL),
        ("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/64 -all", PASS, PASS),
        ("v=spf1 -ip4:192.0.2.7 ~ip6:2001:db8::7", FAIL, SOFTFAIL),
        ("v=spf1 a:four.test a:six.test -all", PASS, PASS),
        ("v=spf1 a:near.test/24 -all", PASS, FAIL),
        ("v=spf1 a:near.test/24//64 -all", PASS, PASS),
        ("v=spf1 a:near.test//0 -all", FAIL, PASS),
        ("v=spf1 mx:four.test -all", PASS, PASS),
        ("v=spf1 exists:%{l}.test -all", PASS, PASS),
        ("v=spf1 exists:six.test -all", FAIL, FAIL),
        ("v=spf1 ptr:named.test -all", PASS, PASS),
        ("v=spf1 ptr:med.test -all", FAIL, FAIL),
        ("v=spf1 a:down.test -all", TEMPERROR, TEMPERROR),
        ("v=spf1 a:..test a:%{l}..test -all", FAIL, FAIL),
        ("v=spf1 include:b.test -all", FAIL, FAIL),
        ("v=spf1 redirect=b.test", SOFTFAIL, NEUTRAL),
        ("v=spf1 redirect=b.test -all", FAIL, FAIL),
        ("v=spf1 include:nobody.test", PERMERROR, PERMERROR),
        ("v=spf1 include:..test", PERMERROR, PERMERROR),
        ("v=spf1 redirect=nobody.test", PERMERROR, PERMERROR),
        ("v=spf1 include:broken.test +all", PERMERROR, PERMERROR),
        ("v=spf1 include:down.test +all", TEMPERROR, TEMPERROR),
        ("v=spf1 ptr -all", FAIL, FAIL),
        ("v=spf1 +all", PASS, PASS),
        ("v=spf10 +all", NONE, NONE),
        ("v=spf1;+all", NONE, NONE),
    ],
)  # fmt: skip
def test_mechanisms(record: str, ip4: SpfStatus, ip6: SpfStatus) -> None:
    texts = {"a": record, "b": "v=spf1 ~ip4:192.0.2.0/24", "broken": "v=spf1 foo"}
    assert outcome(zone(**texts)).status is ip4
    assert outcome(zone(**texts), f"::ffff:{IP4}").status is ip4
    assert outcome(zone(**texts), IP6).status is ip6


@pytest.mark.parametrize(
    ("term", "why"),
    [
        ("foo", "no such mechanism"),
        ("foo:bar.test", "no such mechanism"),
        ("+", "no such mechanism"),
        ("++all", "no such mechanism"),
        ("\tall", "no such mechanism"),
        ("all:x.test", "takes no value"),
        ("all/8", "takes no prefix length here"),
        ("include", "needs a domain"),
        ("-exists", "needs a domain"),
        ("include:", "empty domain"),
        ("include:b.test/8", "does not end like a domain"),
        ("a:test", "does not end like a domain"),
        ("a:b.1", "does not end like a domain"),
        ("a:b.-c", "does not end like a domain"),
        ("a/33", "bad prefix length"),
        ("a/", "bad prefix length"),
        ("a//129", "bad prefix length"),
        ("a:b.test/08", "bad prefix length"),
        ("a/24/64", "bad prefix length"),
        ("ip4", "bad address"),
        ("ip4:1.2.3", "bad address"),
        ("ip4:1.2.3.4/", "bad address"),
        ("ip4:01.2.3.4", "bad address"),
        ("ip6:1.2.3.4", "bad address"),
        ("ip6:fe80::1%eth0", "bad address"),
        ("ip4:1.2.3.4/33", "bad prefix length"),
        ("a:%{z}.test", "no macro has the letter z here"),
        ("a:%{t}.test", "no macro has the letter t here"),
        ("a:%{d0}.test", "a macro that keeps no part"),
        ("a:%{d", "bad macro"),
        ("a:%x.test", "bad macro"),
        ("x=%", "bad macro"),
        ("exp=a.test exp=b.test", "stands there twice"),
        ("redirect=a.test REDIRECT=b.test", "stands there twice"),
        ("exp=", "empty domain"),
        ("all\u00e9", "not ASCII"),
        ("x=" + "y" * 5000, "too long"),
    ],
)
def test_mistakes_anywhere_are_told(term: str, why: str) -> None:
    found = outcome(zone(a=f"v=spf1 +all {term}"))
    assert (found.status, found.domain) == (PERMERROR, "a.test")
    assert why in found.reason
    assert found.reason.startswith("a.test: ")
    assert found.reason.isascii() or "\u2026" in found.reason


def test_several_records_are_none() -> None:
    of = zone()
    of.records["a.test"] = {"TXT": ["v=spf1 +all", "v=spf1 +all", "v=other"]}
    assert outcome(of).reason == "a.test has 2 SPF records"


@pytest.mark.parametrize(
    ("sender", "asked"),
    [
        ("ann@A.Test.", True), ("@a.test", True), ("a.test", True), ("x@y@a.test", True),
        ("ann@test", False), ("ann@", False), ("", False), ("ann@[192.0.2.7]", False),
        ("ann@a..test", False), ("ann@.a.test", False), ("ann@" + "x" * 64 + ".test", False),
        ("ann@" + "x." * 126 + "test", False), ("ann@b\u00fccher.test", False),
        ("ann@a\x00.test", False), ("ann@a\\.test", False),
    ],
)  # fmt: skip
def test_who_is_asked_about(sender: str, asked: bool) -> None:
    """RFC 7208 §4.3."""
    of = zone(a="v=spf1 -all")
    found = outcome(of, sender=sender)
    assert found.status is (FAIL if asked else NONE)
    assert bool(of.asked) is asked


@pytest.mark.parametrize("ip", ["", "x", "192.0.2"])
def test_without_an_address_there_is_nothing_to_check(ip: str) -> None:
    assert outcome(zone(a="v=spf1 -all"), ip).status is NONE


def test_the_null_path_is_that_of_helo() -> None:
    assert mail_from("", "mail.a.test") == "postmaster@mail.a.test"
    assert mail_from("ann@a.test", "mail.a.test") == "ann@a.test"


class TestLimits:
    def test_terms(self) -> None:
        """RFC 7208 §4.6.4: ten, in all records together."""
        at = "v=spf1 " + "a:near.test " * 8 + "include:b.test -all"
        assert outcome(zone(a=at, b="v=spf1 a:four.test")).status is PASS
        over = "v=spf1 " + "a:near.test " * 9 + "include:b.test -all"
        found = outcome(zone(a=over, b="v=spf1 a:four.test"))
        assert (found.status, found.lookups) == (PERMERROR, 10)
        assert found.reason == "more than 10 terms ask name servers"

    def test_terms_that_were_not_reached_count_nothing(self) -> None:
        assert outcome(zone(a="v=spf1 ip4:192.0.2.7 " + "a:near.test " * 20)).lookups == 0

    @pytest.mark.parametrize("term", ["a:void{}.test", "mx:void{}.test", "exists:void{}.test"])
    def test_voids(self, term: str) -> None:
        terms = [term.format(n) for n in range(3)]
        assert outcome(zone(a=f"v=spf1 {' '.join(terms[:2])} -all")).status is FAIL
        found = outcome(zone(a=f"v=spf1 {' '.join(terms)} -all"))
        assert found.reason == "more than 2 terms lead to nothing"

    def test_what_the_domain_can_not_help_is_no_void(self) -> None:
        """Hosts of MX without IPv6, and clients without a name."""
        of = zone(a="v=spf1 mx ptr:x.test ptr:y.test ptr:z.test -all")
        of.records["a.test"]["MX"] = [(n, "four.test") for n in range(5)]
        of.reverse.clear()
        assert outcome(of, IP6).status is FAIL

    def test_hosts_of_mx(self) -> None:
        of = zone(a="v=spf1 mx -all")
        of.records["a.test"]["MX"] = [(n, f"m{n}.test") for n in range(NAMES_MAX)]
        assert outcome(of).status is FAIL
        of.records["a.test"]["MX"].append((0, "four.test"))
        assert outcome(of).reason == "a.test has too many MX hosts"

    def test_names_of_the_client(self) -> None:
        of = zone(a="v=spf1 ptr:named.test -all")
        of.reverse[IP4] = [*(f"n{n}.test" for n in range(NAMES_MAX)), "x.named.test"]
        assert outcome(of).status is FAIL
        assert len(of.asked) == 2 + NAMES_MAX
        of.reverse[IP4] = of.reverse[IP4][1:]
        assert outcome(of).status is PASS

    @pytest.mark.parametrize(
        "records",
        [
            {"a": "v=spf1 include:a.test"},
            {"a": "v=spf1 redirect=A.test"},
            {
                "a": "v=spf1 include:b.test",
                "b": "v=spf1 include:c.test",
                "c": "v=spf1 include:a.test",
            },
            {"a": "v=spf1 redirect=b.test", "b": "v=spf1 include:a.test"},
        ],
    )
    def test_cycles(self, records: dict[str, str]) -> None:
        of = zone(**records)
        found = outcome(of)
        assert (found.status, found.reason.lower()) == (PERMERROR, "a.test leads back to itself")
        assert len(of.asked) == len(records)

    def test_the_same_include_twice_is_no_cycle(self) -> None:
        of = zone(a="v=spf1 include:b.test include:b.test -all", b="v=spf1 ip4:1.2.3.4")
        assert outcome(of).status is FAIL

    def test_questions_in_all(self) -> None:
        """Ten terms of ten hosts each, and not one question more."""
        of = zone(a="v=spf1 " + " ".join(f"mx:h{n}.test" for n in range(10)) + " -all")
        for n in range(10):
            of.records[f"h{n}.test"] = {"MX": [(m, f"m{m}.test") for m in range(10)]}
        assert outcome(of).status is FAIL
        assert len(of.asked) == 1 + 10 + 100

    def test_long_names_lose_labels_at_their_left(self) -> None:
        of = zone(a="v=spf1 exists:" + "%{o}." * 60 + "test -all")
        outcome(of)
        name = of.asked[1].name
        assert 240 < len(name) <= 253
        assert name.startswith("a.test.")


MACROS: list[tuple[str, str]] = [
    # RFC 7208 §7.4, for strong-bad@email.example.com
    ("%{s}", "strong-bad@email.example.com"), ("%{o}", "email.example.com"),
    ("%{d}", "email.example.com"), ("%{d4}", "email.example.com"), ("%{d3}", "email.example.com"),
    ("%{d2}", "example.com"), ("%{d1}", "com"), ("%{dr}", "com.example.email"),
    ("%{d2r}", "example.email"), ("%{l}", "strong-bad"), ("%{l-}", "strong.bad"),
    ("%{lr}", "strong-bad"), ("%{lr-}", "bad.strong"), ("%{l1r-}", "strong"),
    ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
    ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
    ("%{d999999999999999999999}", "email.example.com"), ("%{D}%%%_%-", "email.example.com% %20"),
    ("%{S}", "strong-bad%40email.example.com"), ("%{h} %{r} %{t} %{c}",
     "mail.example.com mx.example.test 1700000000 192.0.2.3"), ("%{p}", "unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expanded"), MACROS)
def test_macros(text: str, expanded: str) -> None:
    assert explained(text) == expanded


def explained(
    text: str, sender: str = "strong-bad@email.example.com", ip: str = "192.0.2.3"
) -> str:
    of = zone()
    of.records["email.example.com"] = {"TXT": ["v=spf1 -all exp=why.test"]}
    of.records["why.test"] = {"TXT": [text]}
    request = Request(ip, sender, "mail.example.com", "mx.example.test", 1_700_000_000)
    found = checked(of, request)
    assert found.status is FAIL
    return found.explanation


def test_macros_of_ipv6() -> None:
    nibbles = "2.0.0.1.0.D.B.8." + "0." * 20 + "C.B.0.1"
    assert explained("%{i} %{v} %{c}", ip="2001:db8::cb01") == f"{nibbles} ip6 2001:db8::cb01"


def test_the_name_of_the_client() -> None:
    of = zone(a="v=spf1 exists:%{p}.ok.test -all")
    of.reverse[IP4] = ["x.named.test", "z.a.test"]
    of.records["z.a.test"] = {"A": [IP4]}
    outcome(of)
    assert of.asked[-1] == Question(QuestionKind.A, "z.a.test.ok.test")


class TestExplanation:
    def test_is_printable_and_short(self) -> None:
        assert explained("%{l}: x", "\u00fc\r\n@email.example.com") == "???: x"
        assert len(explained("%{s} " * 800)) == EXPLANATION_MAX

    @pytest.mark.parametrize("text", ["%{x}", "a\tb", "a\r\nb", "caf\u00e9", "%"])
    def test_a_text_with_mistakes_is_none(self, text: str) -> None:
        assert explained(text) == ""

    def test_is_that_of_the_record_that_decided(self) -> None:
        of = zone(
            a="v=spf1 include:b.test redirect=c.test",
            b="v=spf1 -all exp=bad.test",
            c="v=spf1 -all exp=%{d1r}.why.test",
            c_why="Because",
        )
        assert outcome(of).explanation == "Because"

    @pytest.mark.parametrize("record", ["v=spf1 ~all exp=why.test", "v=spf1 -all exp=down.test"])
    def test_nothing_is_explained(self, record: str) -> None:
        assert outcome(zone(a=record, why="Because")).explanation == ""


def test_what_is_told_of_the_outcome() -> None:
    found = outcome(zone(a="v=spf1 -A:four.test/24 +all"))
    assert found == SpfResult(FAIL, "a.test", "-A:four.test/24", lookups=1)
    found = outcome(zone(a="v=spf1 a:down.test"))
    assert found == SpfResult(TEMPERROR, "a.test", reason="no answer to A down.test", lookups=1)


def test_a_check_may_be_given_up() -> None:
    checking = check_host(Request(IP4, "ann@a.test", "x"))
    assert next(checking) == Question(QuestionKind.TXT, "a.test")
    checking.close()


def test_local_parts_that_are_not_ascii_match_nothing() -> None:
    """RFC 8616 §4."""
    of: Any = zone(a="v=spf1 exists:%{l}.test -all")
    assert outcome(of, sender="\u00fc@a.test").status is FAIL
    assert len(of.asked) == 1
