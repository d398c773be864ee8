"""Envelope paths taken apart and put together."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.smtp.paths import Path, is_domain, parse_path, read_bracketed


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a@B.org", Path("a", "b.org")),
        ('"a b"@c', Path("a b", "c")),
        ('"a\\"b"@c', Path('a"b', "c")),
        ("@x,@y:a@c", Path("a", "c")),
        ("Postmaster", Path("Postmaster", "")),
        ("a@[127.0.0.1]", Path("a", "[127.0.0.1]")),
        ("ö@exämple.org", Path("ö", "exämple.org")),
    ],
)
def test_parse(text: str, path: Path) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize("text", ["", "a", "a@", "@b", "<a@b>", "a@b ", "a\n@b", "a@b\n"])
def test_refused(text: str) -> None:
    with pytest.raises(GrammarError):
        parse_path(text)


@pytest.mark.parametrize("local", ["a", "a b", 'q"uo\\te', ".dot", "a..b", "@", "<>"])
def test_text_of_a_path_can_be_read_again(local: str) -> None:
    path = Path(local, "example.org")
    assert parse_path(str(path)) == path


def test_is_domain() -> None:
    assert is_domain("a.b-c.example")
    assert not is_domain("a..b")
    assert not is_domain("a b")
    assert not is_domain(".".join(["a" * 60] * 5))


@pytest.mark.parametrize("sign", ["\x7f", "\x9f", "\u2028", "\u2029", "\ud800"])
def test_signs_that_are_no_part_of_a_path(sign: str) -> None:
    for text in (f"a{sign}@b", f'"a{sign}"@b', f"a@b{sign}", f"@x{sign}:a@b"):
        with pytest.raises(GrammarError):
            parse_path(text)
        with pytest.raises(GrammarError):
            read_bracketed(f"<{text}>", 0)
    assert not is_domain("a" + sign)


@pytest.mark.parametrize("sign", ["\xa0", "\u2027", "\u202a", "\ud7ff", "\ue000", "\U0010ffff"])
def test_signs_beyond_ascii(sign: str) -> None:
    for text in (f"a{sign}@b", f"a@{sign}b"):
        assert str(parse_path(text)) == text
        assert read_bracketed(f"<{text}>", 0) == (text, len(text) + 2)
