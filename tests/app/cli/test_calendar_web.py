"""`pillarbox calendar publish`, `unpublish`, `follow` and `followed`."""

import pytest

from kit.cli import Cli

ANN = "ann@example.org"


@pytest.fixture(autouse=True)
def users(cli: Cli) -> None:
    cli.printed("domain", "add", "example.org")
    cli.printed("user", "add", ANN, "--password", "correct horse")


def test_a_calendar_is_published(cli: Cli) -> None:
    https, webcal = cli.printed("calendar", "publish", ANN, "personal").split()
    assert https.startswith("https://")
    assert https.endswith(".ics")
    assert "/calendars/public/" in https
    assert webcal == https.replace("https:", "webcal:")
    assert cli.printed("calendar", "publish", ANN, "personal").split()[0] == https
    assert cli.printed("calendar", "publish", ANN, "personal", "--new").split()[0] != https
    assert "no longer" in cli.printed("calendar", "unpublish", ANN, "personal")
    assert "was not" in cli.printed("calendar", "unpublish", ANN, "personal")
    assert "no calendar x" in cli.printed("calendar", "publish", ANN, "x", code=1)
    assert "no user" in cli.printed("calendar", "publish", "bob@example.org", "x", code=1)


def test_a_calendar_follows_another(cli: Cli) -> None:
    said = cli.printed(
        *("calendar", "follow", ANN, "webcal://127.0.0.1/secret/holidays.ics"),
        *("--name", "holidays", "--title", "Holidays", "--every", "12"),
    )
    assert "can't be fetched" in said
    (row,) = cli("calendar", "followed", ANN, "--json").rows
    assert (row["name"], row["title"], row["host"]) == ("holidays", "Holidays", "127.0.0.1")
    assert row["hours"] == 12
    assert row["problem"]
    assert "secret" not in str(row)
    assert "https://" in cli.printed("calendar", "follow", ANN, "http://x.test/a.ics", code=1)
    again = ("calendar", "follow", ANN, "https://127.0.0.1/b.ics", "--name", "holidays")
    assert "holidays already" in cli.printed(*again, code=1)
    cli.printed("calendar", "delete", ANN, "holidays", "--yes")
    assert cli("calendar", "followed", ANN, "--json").rows == []
