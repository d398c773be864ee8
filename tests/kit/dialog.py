"""Reads and plays the dialogs of `tests/dialogs`; CONTRIBUTING.md describes their form."""

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kit.connection import HEAR_S, ClientSide

ROOT = Path(__file__).parents[1] / "dialogs"

_SPOKEN = re.compile(r"([CS])(\d?)([:=])(?: (.*))?")
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.))")
_ESCAPED = {"r": "\r", "n": "\n", "0": "\0", "\\": "\\"}
_SETTING = re.compile(r"([a-z_]+): *(\S+)")


@dataclass(frozen=True)
class Turn:
    """Lines that one side of a session says without anybody else in between.

    The client's have their line ends, and bytes beyond UTF-8 as `surrogateescape` writes them.
    """

    session: str
    client: bool
    line_number: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Dialog:
    """What a file holds."""

    name: str
    settings: dict[str, str]
    turns: tuple[Turn, ...]


def dialogs(protocol: str) -> list[Path]:
    """The files of a protocol."""
    found = sorted((ROOT / protocol).glob("*.txt"))
    assert found, f"no dialogs for {protocol}"
    return found


def read_dialog(path: Path) -> Dialog:
    """What a file holds; fails at the first line that is none of a dialog."""
    settings: dict[str, str] = {}
    turns: list[Turn] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        spoken, setting = _SPOKEN.fullmatch(line), _SETTING.fullmatch(line)
        if spoken is not None and (spoken[1] == "C" or spoken[3] == ":"):
            session, client, text = spoken[2] or "1", spoken[1] == "C", spoken[4] or ""
            if client:
                text = text + "\r\n" if spoken[3] == ":" else _raw(text, f"{path.name}:{number}")
            if turns and (turns[-1].session, turns[-1].client) == (session, client):
                last = turns.pop()
                turns.append(Turn(session, client, last.line_number, (*last.lines, text)))
            else:
                turns.append(Turn(session, client, number, (text,)))
        elif setting is not None and not turns:
            settings[setting[1]] = setting[2]
        else:
            raise AssertionError(f"{path.name}:{number}: no line of a dialog: {line}")
    assert any(not turn.client for turn in turns), f"{path.name} expects nothing"
    return Dialog(path.name, settings, tuple(turns))


async def play(
    path: Path, begin: Callable[..., Awaitable[ClientSide]], wait_s: float = HEAR_S
) -> None:
    """Play a dialog; fails at the first turn of the server that differs.

    `begin` opens a session; the dialog's settings are its keyword arguments. `wait_s` is for what
    a session says by itself.
    """
    dialog = read_dialog(path)
    sessions: dict[str, ClientSide] = {}
    for turn in dialog.turns:
        if turn.session not in sessions:
            sessions[turn.session] = await begin(**dialog.settings)
        session = sessions[turn.session]
        if turn.client:
            session.connection.give("".join(turn.lines).encode("utf-8", "surrogateescape"))
            continue
        pattern = _pattern(turn.lines)
        heard = await _heard(session, pattern, wait_s)
        if pattern.fullmatch(heard) is None:
            where = f"{dialog.name}:{turn.line_number}: heard"
            raise AssertionError("\n".join([where, heard, "instead of", *turn.lines]))
    for session in sessions.values():
        rest = await session.hear()
        assert not rest, f"{dialog.name}: heard at the end\n{rest!r}"
        if not session.task.done():
            await session.hang_up()


async def _heard(session: ClientSide, pattern: re.Pattern[str], wait_s: float) -> str:
    """The answer; what comes unasked may come in pieces."""
    heard = await session.hear()
    with suppress(TimeoutError):
        while pattern.fullmatch(heard.decode("utf-8", "replace")) is None:
            heard += await session.hear_unasked(wait_s)
    return heard.decode("utf-8", "replace")


def _raw(text: str, where: str) -> str:
    """The text of a `C=` line with its escapes replaced."""

    def replaced(found: re.Match[str]) -> str:
        if found[1]:
            return bytes((int(found[1], 16),)).decode("utf-8", "surrogateescape")
        assert found[2] in _ESCAPED, f"{where}: no escape: {found[0]}"
        return _ESCAPED[found[2]]

    return _ESCAPE.sub(replaced, text)


def _pattern(lines: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(
        "".join(
            r"(?:[^\r\n]*\r\n)*?"
            if line == "..."
            else re.escape(line).replace(r"\.\.\.", r"[^\r\n]*") + r"\r\n"
            for line in lines
        )
    )
