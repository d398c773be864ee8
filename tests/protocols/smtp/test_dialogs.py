"""The dialogs of tests/dialogs/smtp against the real session.

A file has comments, settings (`role`, `starttls`), and turns of `C:` and `S:` lines. `*` in an
`S:` line stands for anything; an `S:` line `250-*` stands for any number of such lines.
"""

from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from kit.smtp import FakeConnection, House, Talk
from pillarbox.protocols.smtp.policy import Role

FOLDER = Path(__file__).parents[2] / "dialogs" / "smtp"


def read_dialog(path: Path) -> tuple[dict[str, str], list[tuple[str, str]]]:
    settings: dict[str, str] = {}
    lines: list[tuple[str, str]] = []
    for line in path.read_text().splitlines():
        if line.startswith(("C:", "S:")):
            lines.append((line[0], line[3:]))
        elif line and not line.startswith("#"):
            name, _, value = line.partition(":")
            settings[name] = value.strip()
    return settings, lines


def take(expected: str, heard: list[str]) -> bool:
    """Take the lines that `expected` stands for from what was heard."""
    if not heard or not fnmatchcase(heard[0], expected.replace("[", "[[]")):
        return False
    del heard[0]
    while expected == "250-*" and len(heard) > 1 and heard[0].startswith("250-"):
        if heard[0] in ("250-SMTPUTF8", "250-STARTTLS"):
            break
        del heard[0]
    return True


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
async def test_dialog(path: Path, house: House) -> None:
    settings, lines = read_dialog(path)
    connection = FakeConnection(can_start_tls=settings.get("starttls") == "yes")
    talk = Talk(connection, Role[settings["role"].upper()], house.services())
    heard = (await talk.hear()).decode().splitlines()
    said: list[str] = []
    for number, (side, text) in enumerate(lines):
        if side == "C":
            assert not heard, f"line {number}: unexpected {heard}"
            said.append(text)
            continue
        if said:
            heard = await talk.lines(*said)
            said = []
        assert take(text, heard), f"expected {text!r}, heard {heard}"
    assert not heard
    await talk.hang_up()
