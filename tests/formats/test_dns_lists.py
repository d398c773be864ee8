"""Names that lists are asked for, what their answers mean, and how settings name them."""

import pytest

from pillarbox.formats.dns_lists import DnsList, listed_name, parse_lists, read_answer

ANY = DnsList("list.test")


@pytest.mark.parametrize(
    ("ip", "name"),
    [
        ("192.0.2.7", "7.2.0.192"),
        ("::ffff:192.0.2.7", "7.2.0.192"),
        ("2001:db8::7", "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"),
    ],
)
def test_names_are_backwards(ip: str, name: str) -> None:
    """RFC 5782 §2.1, §2.4."""
    assert listed_name(ip) == name


@pytest.mark.parametrize(
    ("source", "answers", "codes"),
    [
        (ANY, (), ()),
        (ANY, ("127.0.0.2",), ("127.0.0.2",)),
        (ANY, ("127.0.0.4", "127.0.0.2", "127.0.0.2"), ("127.0.0.2", "127.0.0.4")),
        (DnsList("l.test", None, frozenset({"127.0.0.2"})), ("127.0.0.10",), ()),
        (DnsList("l.test", None, frozenset({"127.0.0.2"})), ("127.0.0.2",), ("127.0.0.2",)),
        (DnsList("l.test", mask=24), ("127.0.0.16",), ("127.0.0.16",)),
        (DnsList("l.test", mask=24), ("127.0.0.64",), ()),
    ],
)
def test_codes_that_count(source: DnsList, answers: tuple[str, ...], codes: tuple[str]) -> None:
    found = read_answer(source, answers)
    assert (found.codes, found.fault) == (codes, "")


@pytest.mark.parametrize(
    "answer",
    ["127.255.255.252", "127.255.255.254", "127.255.255.255", "127.0.0.1", "127.0.0.255",
     "127.0.1.255", "192.0.2.1", "0.0.0.0", "::1", "no address"],
)  # fmt: skip
def test_refusals_and_broken_lists_count_for_nothing(answer: str) -> None:
    for answers in ((answer,), ("127.0.0.2", answer)):
        found = read_answer(ANY, answers)
        assert found.codes == ()
        assert found.fault


def test_settings() -> None:
    assert parse_lists("") == ()
    assert parse_lists("Zen.Example.org., b.test:-2.5 c.test=127.0.0.2,127.0.0.3,d.test=&8&16") == (
        DnsList("zen.example.org"),
        DnsList("b.test", -2.5),
        DnsList("c.test", None, frozenset({"127.0.0.2", "127.0.0.3"})),
        DnsList("d.test", None, frozenset(), 24),
    )
    assert parse_lists("a.test:3=127.0.0.2") == (DnsList("a.test", 3, frozenset({"127.0.0.2"})),)


@pytest.mark.parametrize(
    "value",
    ["nodot", "a.test:", "a.test:x", "a.test:101", "a.test=", "a.test=1.2.3.4", "a.test=&0",
     "a.test=&256", "a.test=127.0.0.999", "127.0.0.2", "a.test,127.0.0.2", "a.test,A.test.",
     "a..test", "b\u00fc.test", ",".join(f"l{n}.test" for n in range(31))],
)  # fmt: skip
def test_settings_that_are_none(value: str) -> None:
    with pytest.raises(ValueError):
        parse_lists(value)
