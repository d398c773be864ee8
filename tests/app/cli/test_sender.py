"""`pillarbox sender`."""

import pytest

from kit.cli import Cli


@pytest.fixture(autouse=True)
def user(cli: Cli) -> None:
    cli.printed("domain", "add", "example.org")
    cli.printed("user", "add", "ann@example.org", "--password", "correct horse")


def listed(cli: Cli, *whose: str) -> dict[object, object]:
    rows = cli("sender", "list", *whose, "--json").rows
    return {row["sender"]: row["action"] for row in rows}


def test_a_life(cli: Cli) -> None:
    ann = ("--user", "Ann@example.org")
    cli.printed("sender", "allow", "Bob@Friend.example", *ann)
    cli.printed("sender", "block", "shop.example", "--subdomains", *ann)
    cli.printed("sender", "block", "--refuse", "pest.example", *ann)
    assert listed(cli, *ann) == {
        "bob@friend.example": "allow",
        ".shop.example": "junk",
        "pest.example": "refuse",
    }
    cli.printed("sender", "block", "bob@friend.example", *ann)
    assert listed(cli, *ann)["bob@friend.example"] == "junk"
    cli.printed("sender", "remove", "shop.example", *ann)
    assert ".shop.example" not in listed(cli, *ann)
    assert listed(cli) == {}
    assert "friend.example" in cli.printed("sender", "list", *ann)


def test_lists_of_the_server_and_of_domains(cli: Cli) -> None:
    assert "refused" in cli.printed("sender", "block", "192.0.2.0/24")
    cli.printed("sender", "block", "pest.example", "--domain", "example.org")
    cli.printed("sender", "allow", "x.example", "--even-unauthenticated")
    assert listed(cli) == {"192.0.2.0/24": "refuse", "x.example": "allow"}
    assert listed(cli, "--domain", "example.org") == {"pest.example": "refuse"}
    rows = cli("sender", "list", "--json").rows
    assert [row["even_unauthenticated"] for row in rows] == [False, True]


def test_groups_have_lists_too(cli: Cli) -> None:
    cli.printed("group", "add", "team@example.org", "ann@example.org")
    cli.printed("sender", "block", "pest.example", "--user", "team@example.org")
    assert listed(cli, "--user", "team@example.org") == {"pest.example": "junk"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("block", "no sender"), 1),
        (("block", "192.0.2.0/24", "--user", "ann@example.org"), 1),
        (("block", "x.example", "--user", "nobody@example.org"), 1),
        (("block", "x.example", "--domain", "elsewhere.example"), 1),
        (("block", "x.example", "--user", "ann@example.org", "--domain", "example.org"), 2),
        (("allow", "a@x.example", "--subdomains"), 1),
        (("allow", "192.0.2.1", "--even-unauthenticated"), 1),
        (("remove", "x.example"), 1),
    ],
)
def test_refusals(cli: Cli, arguments: tuple[str, ...], code: int) -> None:
    assert cli.printed("sender", *arguments, code=code)
