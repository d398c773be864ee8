"""The addresses that scripts send to and from."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.sieve.addresses import outgoing_address, sender


@pytest.mark.parametrize(
    ("text", "address", "name"),
    [
        ("stephan@example.org", "stephan@example.org", ""),
        (" stephan @ example.org ", "stephan@example.org", ""),
        ("Stephan Bosch<stephan@example.org>", "stephan@example.org", "Stephan Bosch"),
        ("  Stephan  Bosch  <  stephan  @  example.org  > ", "stephan@example.org",
         "Stephan Bosch"),
        ("<a@example.org>", "a@example.org", ""),
        ('"Bosch, \\"S\\"" <a@example.org>', "a@example.org", 'Bosch, "S"'),
        ("J\u00fc <a@example.org>", "a@example.org", "J\u00fc"),
        ('"Stephan Bosch"@example.org', '"Stephan Bosch"@example.org', ""),
        ('"simple"@example.org', "simple@example.org", ""),
        (".japanese@example.com", '".japanese"@example.com', ""),
        ("..a...b..@example.com", '"..a...b.."@example.com', ""),
        ("r\u00fcdiger@example.com", "r\u00fcdiger@example.com", ""),
        ("a@[192.0.2.1]", "a@[192.0.2.1]", ""),
    ],
)  # fmt: skip
def test_read(text: str, address: str, name: str) -> None:
    read, shown = outgoing_address(text)
    assert (str(read), shown) == (address, name)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "@", "<>", "@wrong.example.com", "error", "error@", "Error <", "Error <stephan",
        "Error <stephan@", "Stephan Bosch error@example.org", "Stephan Bosch <error@example.org",
        " more error @  example.com  ", "a@example.org,b@example.org", "a@example.org,%&^&!!~",
        "a@b@example.org", '""@example.org', "a@-x.org", "a@x..org", "a@x_y", "<a@example.org> b",
        "a\r\nTo: x <a@example.org>\r\nx", "a\x00@example.org", f"{'x' * 65}@example.org",
        f"a@{'x' * 64}.org", "x" * 2000, '"' * 999, "<" * 999, "a " * 499, '"a" ' * 249,
    ],
)  # fmt: skip
def test_none(text: str) -> None:
    with pytest.raises(GrammarError):
        outgoing_address(text)


def test_a_sender_is_as_it_was_written() -> None:
    assert sender(' "B, S"  <a @example.org>') == '"B, S" <a@example.org>'
    assert sender("a@example.org") == "a@example.org"
    with pytest.raises(GrammarError):
        sender("a@example.org, b@example.org")
