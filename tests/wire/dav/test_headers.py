"""Header fields of WebDAV requests."""

import time

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.dav import headers as h

HOSTS = frozenset({"x.test"})


def test_depth() -> None:
    assert h.parse_depth(None, h.Depth.ONE) is h.Depth.ONE
    assert h.parse_depth(" 0 ", h.Depth.ONE) is h.Depth.ZERO
    assert h.parse_depth("1", h.Depth.ZERO) is h.Depth.ONE
    assert h.parse_depth("Infinity", h.Depth.ZERO) is h.Depth.INFINITY
    for value in ("", "2", "1,noroot", "\u0661"):
        with pytest.raises(GrammarError):
            h.parse_depth(value, h.Depth.ZERO)


def test_overwrite_and_other_flags() -> None:
    assert h.parse_overwrite(None)
    assert h.parse_overwrite("T")
    assert not h.parse_overwrite(" F")
    assert not h.parse_flag("Schedule-Reply", "F", True)
    assert h.parse_flag("Schedule-Reply", None, True)
    for value in ("", "true", "TF"):
        with pytest.raises(GrammarError):
            h.parse_overwrite(value)
        with pytest.raises(GrammarError, match="Schedule-Reply"):
            h.parse_flag("Schedule-Reply", value, True)


@pytest.mark.parametrize(
    ("value", "etags"),
    [
        ("*", h.Etags(any=True)),
        (' "a" ', h.Etags(strong=("a",))),
        ('"a", W/"b" ,, "c,\\d"', h.Etags(strong=("a", "c,\\d"), weak=("b",))),
        ('""', h.Etags(strong=("",))),
        (', "a",', h.Etags(strong=("a",))),
    ],
)
def test_lists_of_etags(value: str, etags: h.Etags) -> None:
    assert h.parse_etags(value) == etags


@pytest.mark.parametrize(
    "value",
    [
        *("", ",", "a", '"a', '"a" "b"', 'w/"a"', '"a"b', "*, *", '*,"a"', "'a'", '"a\x01"'),
        *(", ".join(['"a"'] * 101), '"' + "a" * 20_000 + '"'),
    ],
)
def test_wrong_lists_of_etags_are_refused(value: str) -> None:
    with pytest.raises(GrammarError):
        h.parse_etags(value)


def test_weak_etags_never_match_strongly() -> None:
    etags = h.parse_etags('"a", W/"b"')
    assert etags.matches("a")
    assert not etags.matches("b")
    assert etags.matches("b", weakly=True)
    assert not etags.matches(None)
    assert h.parse_etags("*").matches("x")
    assert not h.parse_etags("*").matches(None)


def test_schedule_tags() -> None:
    assert h.parse_schedule_tag(' "a-1"') == "a-1"
    for value in ("a", 'W/"a"', '"a","b"', "*", ""):
        with pytest.raises(GrammarError):
            h.parse_schedule_tag(value)


T = h.StateTest


@pytest.mark.parametrize(
    ("value", "lists"),
    [
        # RFC 4918 §10.4.6 to §10.4.11.
        (
            '(<urn:uuid:1> ["I am an ETag"]) (["I am another ETag"])',
            (
                h.StateList(None, (T(token="urn:uuid:1"), T(etag="I am an ETag"))),
                h.StateList(None, (T(etag="I am another ETag"),)),
            ),
        ),
        (
            "(Not <urn:1> <urn:2>)",
            (h.StateList(None, (T(True, token="urn:1"), T(token="urn:2"))),),
        ),
        (
            "(<urn:1>) (Not <DAV:no-lock>)",
            (
                h.StateList(None, (T(token="urn:1"),)),
                h.StateList(None, (T(True, token="DAV:no-lock"),)),
            ),
        ),
        (
            '</a%20b> (<urn:1> [W/"e"]) (["s"])',
            (
                h.StateList("/a b", (T(token="urn:1"), T(etag="e", weak=True))),
                h.StateList("/a b", (T(etag="s"),)),
            ),
        ),
        (
            '<http://x.test/a> (["1"]) <https://y.test/> (Not["2"])',
            (
                h.StateList("/a", (T(etag="1"),)),
                h.StateList(None, (T(True, etag="2"),), other_host=True),
            ),
        ),
        ('(["a"])', (h.StateList(None, (T(etag="a"),)),)),
    ],
)
def test_if_fields(value: str, lists: tuple[h.StateList, ...]) -> None:
    assert h.parse_if(value, HOSTS) == lists


@pytest.mark.parametrize(
    "value",
    [
        "",
        "()",
        "(",
        "(<urn:1>",
        "<urn:1>",
        "</a>",
        "</a> </b> (<urn:1>)",
        "(<urn:1>) </a> (<urn:2>)",
        "</a> (<urn:1>) </b>",
        "x",
        "(x)",
        "(Not)",
        "(Not Not <urn:1>)",
        "([a])",
        '(["a")',
        '("a")',
        "(<>)",
        "(<a b>)",
        "</a/../b> (<urn:1>)",
        "(<urn:1>)" * 101,
        "(" + "<urn:1>" * 101 + ")",
        "(" * 20_000,
    ],
)
def test_wrong_if_fields_are_refused(value: str) -> None:
    with pytest.raises(GrammarError):
        h.parse_if(value, HOSTS)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([], h.Preferences()),
        (["return=minimal"], h.Preferences(minimal=True)),
        (["depth-noroot, Return=Minimal; foo=bar"], h.Preferences(True, depth_noroot=True)),
        (["return-minimal"], h.Preferences(minimal=True)),
        (["return-representation"], h.Preferences(representation=True)),
        (['wait=10, return="representation"'], h.Preferences(representation=True, wait_s=10)),
        (["return=minimal", "return=representation"], h.Preferences(minimal=True)),
        (["x", "depth-noroot"], h.Preferences(depth_noroot=True)),
        (["return=maximal, wait=x, ;;;=,,"], h.Preferences()),
        (["return=minimal" + " " * 20_000], h.Preferences()),
        (['foo="return=minimal, return=minimal"'], h.Preferences()),
    ],
)
def test_preferences(values: list[str], wanted: h.Preferences) -> None:
    assert h.parse_prefer(values) == wanted


@pytest.mark.parametrize(
    "unit",
    ["(", ")", "<", "<a>", '"', '["', '["a"]', "Not ", " ", ",", '"a"', "a=", ";", "=", "a,"],
)
def test_long_fields_take_linear_time(unit: str) -> None:
    value = unit * (h.MAX_HEADER_CHARACTERS // len(unit))
    began = time.process_time()
    for lead in ("", "(", "</a>", '"', "a="):
        text = (lead + value)[: h.MAX_HEADER_CHARACTERS]
        for parse in (h.parse_etags, lambda one: h.parse_if(one, HOSTS)):
            try:
                parse(text)
            except GrammarError:
                pass
        h.parse_prefer([text])
    assert time.process_time() - began < 1
