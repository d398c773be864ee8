"""Envelope paths taken apart and put together."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.smtp.paths import Path, is_domain, parse_path


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
