"""`pillarbox ban`: networks that send no mail here, beside addresses that can't log in."""

import pytest

from kit.cli import Cli


def test_a_network_is_barred_and_released(cli: Cli) -> None:
    assert cli.printed("ban", "add", "192.0.2.7/24", "--why", "spam") == (
        "No mail is taken from 192.0.2.0/24 until it is released.\n"
    )
    assert "until 2" in cli.printed("ban", "add", "2001:db8::1", "--for", "12h")
    first, second = cli("ban", "list", "--json").rows
    assert (first["address"], first["barred_from"], first["why"], first["until"]) == (
        "192.0.2.0/24", "sending mail", "spam", None,
    )  # fmt: skip
    assert second["address"] == "2001:db8::1/128"
    shown = cli.printed("ban", "list")
    assert shown.splitlines()[0].split() == ["ADDRESS", "BARRED", "FROM", "WHY", "UNTIL"]
    assert "release that" in cli.printed("ban", "release", "192.0.2.7", code=1)
    assert cli.printed("ban", "release", "192.0.2.0/24") == "Released 192.0.2.0/24.\n"
    assert "is not barred" in cli.printed("ban", "release", "192.0.2.0/24", code=1)
    assert [row["address"] for row in cli("ban", "list", "--json").rows] == ["2001:db8::1/128"]


@pytest.mark.parametrize("network", ["x", "0.0.0.0/0", "192.0.2.0/99"])
def test_what_can_not_be_barred(cli: Cli, network: str) -> None:
    assert network in cli.printed("ban", "add", network, code=1)
    assert cli("ban", "list", "--json").rows == []
