"""`pillarbox resource`."""

import pytest

from kit.cli import Cli

ROOM = "room@example.org"


@pytest.fixture(autouse=True)
def user(cli: Cli) -> None:
    cli.printed("domain", "add", "example.org")
    cli.printed("user", "add", "ann@example.org", "--password", "correct horse")


def test_a_life(cli: Cli) -> None:
    told = cli.printed(
        "resource",
        "create",
        "Room@example.org",
        "Blue Room",
        "--capacity",
        "8",
        "--manager",
        "ann@example.org",
    )
    assert ROOM in told
    (row,) = cli("resource", "list", "--json").rows
    assert row == {
        "address": ROOM,
        "name": "Blue Room",
        "kind": "room",
        "accept": "when-free",
        "capacity": 8,
    }
    (row,) = cli("resource", "show", ROOM, "--json").rows
    assert row["managers"] == ["ann@example.org"]
    cli.printed(
        "resource",
        "set",
        ROOM,
        "--name",
        "Red Room",
        "--kind",
        "resource",
        "--accept",
        "always",
        "--capacity",
        "0",
        "--no-manager",
        "ann@example.org",
    )
    (row,) = cli("resource", "show", ROOM, "--json").rows
    assert (row["name"], row["kind"], row["accept"]) == ("Red Room", "resource", "always")
    assert (row["capacity"], row["managers"]) == (None, [])
    assert "Red Room" in cli.printed("resource", "list", "example.org")
    assert ROOM in cli.printed("resource", "delete", ROOM, "--yes")
    assert cli("resource", "list", "--json").rows == []


def test_refusals(cli: Cli) -> None:
    cli.printed("resource", "create", ROOM, "Blue Room")
    assert "exists already" in cli.printed("resource", "create", ROOM, "Other", code=1)
    assert "ann@example.org" in cli.printed("resource", "create", "ann@example.org", "x", code=1)
    assert "not served" in cli.printed("resource", "create", "x@far.example", "x", code=1)
    assert "no resource" in cli.printed("resource", "show", "x@example.org", code=1)
    assert "eve@example.org" in cli.printed(
        "resource", "set", ROOM, "--manager", "eve@example.org", code=1
    )
    assert "Say what" in cli.printed("resource", "set", ROOM, code=2)
