"""`pillarbox calendar` and `pillarbox contacts`."""

import json
from pathlib import Path

import pytest

from kit.calendars import component, ics
from kit.cli import Cli
from pillarbox.formats.ical.split import split_calendar
from pillarbox.formats.vcard.card import parse_cards

ANN, BOB = "ann@example.org", "bob@example.org"


def event(uid: str, start: str, *more: str) -> tuple[str, ...]:
    lines = component("VEVENT", f"DTSTAMP:{start}", f"DTSTART:{start}", *more)
    return tuple(line.replace("UID:one", f"UID:{uid}") for line in lines)


FILE = ics(
    "X-WR-CALNAME:Club",
    "X-WR-TIMEZONE:Europe/Berlin",
    *event("a", "20260105T100000Z", "SUMMARY:First"),
    *event("b", "20260205T100000Z", "SUMMARY:Second"),
    *event("broken", "20260305T100000Z", "SUMMARY:Bad\x1b[31m", "RRULE:FREQ=SOMETIMES"),
    *component("VTODO", "DTSTAMP:20260105T100000Z", "SUMMARY:Water"),
)
CARDS = b"".join(
    f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{name}\r\nFN:{name}\r\nN:{name};;;;\r\nEND:VCARD\r\n".encode()
    for name in ("Ann", "Bob")
)


@pytest.fixture(autouse=True)
def users(cli: Cli) -> None:
    cli.printed("domain", "add", "example.org")
    for address in (ANN, BOB):
        cli.printed("user", "add", address, "--password", "correct horse")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "club.ics"
    path.write_bytes(FILE)
    return path


def names(cli: Cli, command: str, account: str = ANN) -> list[object]:
    return [row["name"] for row in cli(command, "list", account, "--json").rows]


def test_calendars_are_made_listed_and_deleted(cli: Cli) -> None:
    assert names(cli, "calendar") == ["personal", "tasks"]
    cli.printed(
        *("calendar", "create", ANN, "club", "--title", "The club"),
        *("--color", "#1e90ff", "--zone", "Europe/Berlin"),
    )
    cli.printed("calendar", "create", ANN, "chores", "--tasks")
    rows = {row["name"]: row for row in cli("calendar", "list", ANN, "--json").rows}
    assert rows["club"]["title"] == "The club"
    assert rows["chores"]["holds"] == ["VTODO"]
    assert "The club" in cli.printed("calendar", "list", ANN)
    assert "club already" in cli.printed("calendar", "create", ANN, "club", code=1)
    cli.printed("calendar", "delete", ANN, "club", "--yes")
    assert "there are: chores, personal, tasks" in cli.printed(
        "calendar", "delete", ANN, "club", "--yes", code=1
    )
    assert "default" in cli.printed("calendar", "delete", ANN, "personal", "--yes", code=1)


def test_wrong_words(cli: Cli) -> None:
    assert "no time zone" in cli.printed("calendar", "create", ANN, "x", "--zone", "Mars", code=2)
    assert "no colour" in cli.printed("calendar", "create", ANN, "x", "--color", "red", code=2)
    assert "no user" in cli.printed("calendar", "list", "nobody@example.org", code=1)
    assert "folder" in cli.printed("calendar", "export", ANN, code=2)
    assert "before" in cli.printed(
        "calendar",
        "export",
        ANN,
        "personal",
        "--from",
        "2026-02-01",
        "--until",
        "2026-01-01",
        code=2,
    )


def test_import_reports_what_it_refuses(cli: Cli, file: Path) -> None:
    outcome = cli("calendar", "import", ANN, str(file), "--dry-run")
    assert outcome.code == 1
    assert outcome.out == "Would be: 2 added, 2 refused.\n"
    assert "Refused 3: Bad [31m (broken):" in outcome.err
    assert "Refused 4: Water (one): The collection takes no VTODO" in outcome.err
    outcome = cli("calendar", "import", ANN, str(file), "--json")
    assert outcome.code == 1
    told = json.loads(outcome.out)
    assert (told["added"], told["refused"]) == (2, 2)
    assert told["refusals"][0]["uid"] == "broken"
    again = cli("calendar", "import", ANN, str(file), "--existing", "replace")
    assert again.out == "2 unchanged, 2 refused.\n"


def test_import_in_part(cli: Cli, file: Path) -> None:
    cli.printed("calendar", "import", ANN, str(file), "--into", "tasks", "--only", "tasks")
    told = cli.printed(
        *("calendar", "import", ANN, str(file), "--into", "club", "--create", "--uid", "a"),
    )
    assert "1 added, 3 passed over.\n" in told
    assert {row["name"]: row["title"] for row in cli("calendar", "list", ANN, "--json").rows}[
        "club"
    ] == "Club"
    days = ("--from", "2026-02-01", "--until", "2026-02-28", "--only", "events")
    told = cli.printed("calendar", "import", ANN, str(file), *days)
    assert told == "1 added, 3 passed over.\n"


def test_export(cli: Cli, file: Path, tmp_path: Path) -> None:
    cli("calendar", "import", ANN, str(file))
    whole = cli.printed("calendar", "export", ANN, "personal").encode()
    assert [uid for uid, _ in split_calendar(whole)] == ["a", "b"]
    out = tmp_path / "part.ics"
    cli.printed("calendar", "export", ANN, "personal", "-o", str(out), "--until", "2026-01-31")
    assert [uid for uid, _ in split_calendar(out.read_bytes())] == ["a"]
    assert "there are" in cli.printed("calendar", "export", ANN, "gone", "-o", str(out), code=1)
    assert out.read_bytes()
    folder = tmp_path / "all"
    cli.printed("calendar", "export", ANN, "-o", str(folder), "--with-contacts")
    assert sorted(path.name for path in folder.iterdir()) == [
        "contacts.vcf",
        "personal.ics",
        "tasks.ics",
    ]


def test_shares(cli: Cli) -> None:
    cli.printed("calendar", "share", ANN, "personal", BOB, "write")
    cli.printed("calendar", "share", ANN, "personal", "anyone", "busy")
    rows = cli("calendar", "share", ANN, "personal", "--json").rows
    assert [(row["who"], row["rights"], row["accepted"]) for row in rows] == [
        (BOB, "write", None),
        ("anyone", "busy", None),
    ]
    told = cli.printed("calendar", "share", ANN, "personal", BOB, "none")
    assert "no longer shared" in told
    assert [row["who"] for row in cli("calendar", "share", ANN, "personal", "--json").rows] == [
        "anyone"
    ]
    assert "no user or group" in cli.printed(
        "contacts", "share", ANN, "contacts", "nobody@example.org", code=1
    )


def test_contacts(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "cards.vcf"
    file.write_bytes(CARDS)
    cli.printed("contacts", "create", ANN, "club", "--title", "Club")
    assert names(cli, "contacts") == ["contacts", "club"]
    assert cli.printed("contacts", "import", ANN, str(file), "--into", "club") == "2 added.\n"
    told = cli.printed("contacts", "import", ANN, str(file), "--into", "club")
    assert told == "2 skipped.\n"
    told = cli.printed(
        "contacts", "import", ANN, str(file), "--into", "club", "--existing", "keep-both"
    )
    assert told == "2 added.\n"
    assert len(parse_cards(cli.printed("contacts", "export", ANN, "club").encode())) == 4
    file.write_bytes(FILE)
    assert "no cards" in cli.printed("contacts", "import", ANN, str(file), code=1)
    cli.printed("contacts", "delete", ANN, "club", "--yes")
    assert names(cli, "contacts") == ["contacts"]


def test_birthdays_are_turned_on_and_off(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "people.vcf"
    path.write_bytes(CARDS.replace(b"FN:Ann\r\n", b"FN:Ann\r\nBDAY:1990-01-02\r\n"))
    cli.printed("contacts", "import", ANN, str(path))
    for _ in range(2):
        assert "birthdays: 1 events" in cli.printed("contacts", "birthdays", ANN, "on")
    assert "birthdays" in names(cli, "calendar")
    path.write_bytes(CARDS.replace(b"END", b"BDAY:1991-01-02\r\nEND"))
    cli.printed("contacts", "import", ANN, str(path), "--existing", "replace")
    rows = {row["name"]: row for row in cli("calendar", "list", ANN, "--json").rows}
    assert rows["birthdays"]["items"] == 2
    assert "gone" in cli.printed("contacts", "birthdays", ANN, "off")
    assert "already" in cli.printed("contacts", "birthdays", ANN, "off")
    assert "birthdays" not in names(cli, "calendar")
