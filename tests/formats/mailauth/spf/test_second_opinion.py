"""Generated records come to the same outcome here and in pyspf."""

import re
import warnings
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kit.spf import SpfZone, checked
from pillarbox.formats.mailauth.spf.check import Request
from pillarbox.formats.mailauth.spf.question import Question, QuestionKind

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import spf

FUZZ = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
STRICTER = re.compile(r"x\S*= MUST appear at most once|trivial recursion")
"""What it takes for errors before the record is evaluated, and RFC 7208 §4.6 and §6 do not."""
IP4, IP6 = "192.0.2.7", "2001:db8::7"
HOSTS: dict[str, dict[str, list[Any]]] = {
    "four.test": {"A": [IP4, "198.51.100.1"]},
    "six.test": {"AAAA": [IP6], "MX": [(0, "six.test")]},
    "both.test": {"A": ["192.0.2.99"], "AAAA": ["2001:db8::99"], "MX": [(1, "four.test")]},
    "none.test": {"MX": [(0, "")]},
    "many.test": {"MX": [(n, f"m{n}.test") for n in range(11)]},
    "ann.test": {"A": ["127.0.0.2"]},
    "7.2.0.192.test": {"A": ["127.0.0.2"]},
    "down.test": {},
}
DOMAINS = ("a.test", "b.test", "c.test")
TARGETS = st.sampled_from(
    [
        *("four.test", "six.test", "both.test", "none.test", "many.test", "down.test"),
        *("%{l}.test", "%{ir}.test", "%{d}", "%{o1}", "%{d1r}.test", "%{h}", "%{s}", "%{p}"),
        *("void.test", "x..test", "nolabel", "test.1", "%{x}.test", "%", "%{c}", "FOUR.TEST."),
        *("%{l1r-}.test", "%{v}.%{dr}", "a b.test", ""),
    ]
)
LENGTHS = st.sampled_from(
    ["", "", "", "/24", "/0", "/32", "/33", "/024", "//64", "/24//64", "//0", "/", "//", "//129"]
)
NETWORKS = st.sampled_from(
    [
        *("ip4:192.0.2.7", "ip4:192.0.2.0/24", "ip4:0.0.0.0/0", "ip4:192.0.2.7/33", "ip4:1.2.3"),
        *("ip4", "ip4:", "ip4:192.0.2.7/", "ip6:2001:db8::/32", "ip6:2001:db8::7", "ip6:::/0"),
        *("ip6:1::2::3", "ip6:::ffff:192.0.2.7", "ip6:2001:db8::/129", "IP4:192.0.2.7"),
        *("ip4:192.0.2.7//32", "ip6:2001:db8::7//64"),
    ]
)
MODIFIERS = st.sampled_from(
    [
        *("redirect=a.test", "redirect=b.test", "redirect=c.test", "redirect=void.test"),
        *("redirect=", "exp=four.test", "exp=%", "x=y", "x=%", "x.y-z_=%{d}", "1x=y", "=y", "x="),
    ]
)
MECHANISMS = st.one_of(
    NETWORKS,
    st.builds("{}{}".format, st.sampled_from(["a", "mx", "A"]), LENGTHS),
    st.builds("{}:{}{}".format, st.sampled_from(["a", "mx", "Mx"]), TARGETS, LENGTHS),
    st.builds("{}:{}".format, st.sampled_from(["exists", "ptr"]), TARGETS),
    st.builds("include:{}".format, st.sampled_from([*DOMAINS, "void.test", "down.test"])),
    st.sampled_from(["all", "all:", "all/8", "ptr", "ptr/8", "include", "foo", "a:b:c"]),
)
TERMS = st.one_of(
    st.builds("{}{}".format, st.sampled_from(["", "", "+", "-", "~", "?"]), MECHANISMS), MODIFIERS
)
GOOD_TERMS = st.sampled_from(
    [
        *("a", "a:four.test", "a:four.test/24", "-a:both.test//32", "mx:both.test", "mx:six.test"),
        *("?ip4:192.0.2.0/24", "~ip6:2001:db8::/32", "include:b.test", "include:c.test"),
        *("-include:c.test", "exists:%{l}.test", "exists:%{ir}.test", "exists:%{l}.void.test"),
        *("redirect=b.test", "redirect=c.test", "-all", "~all", "a:void.test", "a:down.test"),
        *("ptr:names.test", "ptr", "-exists:%{p}", "x=y"),
    ]
)
RECORDS = st.one_of(
    st.lists(GOOD_TERMS, max_size=6).map(lambda terms: " ".join(("v=spf1", *terms))),
    st.lists(TERMS, max_size=5).map(lambda terms: " ".join(("v=spf1", *terms))),
    st.sampled_from(["v=spf10", "V=SPF1 +all", "v=spf1  -all ", "v=spf1\t-all", "spf"]),
)


class SecondOpinion(spf.query):  # type: ignore[misc]
    """pyspf, with the zone instead of the network."""

    def __init__(self, zone: SpfZone, request: Request) -> None:
        super().__init__(i=request.ip, s=request.sender, h=request.helo)
        self._zone = zone

    def dns(
        self, name: str, qtype: str, cnames: object = None, ignore_void: bool = False
    ) -> list[Any]:
        name = str(name).lower().removesuffix(".")
        if not all(0 < len(label) < 64 for label in name.split(".")):
            return []
        if qtype == "PTR":
            name = str(self.ipaddr)
        found = self._zone.answer(Question(QuestionKind(qtype), name))
        if found is None:
            raise spf.TempError("no answer")
        if not found and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError("Void lookup limit")
        if qtype == "TXT":
            return [[text.encode()] for text in found]
        return [(0, host) for host in found] if qtype == "MX" else list(found)


def zone(records: dict[str, list[str]]) -> SpfZone:
    made = SpfZone({name: dict(of) for name, of in HOSTS.items()})
    for name, texts in records.items():
        made.records[name] = {"TXT": texts, "A": ["203.0.113.1"]}
    made.failing.add("down.test")
    made.reverse = {IP4: ["four.test", "x.names.test"], IP6: ["x.names.test", "six.test"]}
    made.records["x.names.test"] = {"A": [IP4], "AAAA": [IP6]}
    return made


@FUZZ
@given(
    st.fixed_dictionaries({name: st.lists(RECORDS, min_size=1, max_size=1) for name in DOMAINS}),
    st.sampled_from([IP4, IP6, f"::ffff:{IP4}"]),
    st.sampled_from(["ann@a.test", "ann-x@a.test", "@a.test", "ann@void.test", "ann@test"]),
    st.sampled_from(["mail.a.test", "four.test", "[192.0.2.7]", "four"]),
)
def test_outcomes_agree(records: dict[str, list[str]], ip: str, sender: str, helo: str) -> None:
    request = Request(ip, sender, helo)
    ours = checked(zone(records), request)
    status, _, why = SecondOpinion(zone(records), request).check()
    # Where a host has no address, or the client no name, it counts questions and we count terms.
    assume(not STRICTER.search(why))
    assume("Void" not in why or not re.search("mx|ptr|%{p}", str(records)))
    assert (ours.status.value, records) == (status, records), (ours, why)
