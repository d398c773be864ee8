"""The runner of dialogs notices every fault; the session it plays with says each line again."""

import asyncio
from pathlib import Path

import pytest

from kit.connection import ClientSide, FakeConnection
from kit.dialog import play, read_dialog


async def echo(connection: FakeConnection, greeting: str) -> None:
    """Say a greeting, then every line again; and `two` twice."""
    connection.write(f"{greeting}\r\n".encode())
    while data := await connection.read(0):
        for line in data.decode().splitlines():
            connection.write(f"{line}\r\n".encode() * (2 if line == "two" else 1))


async def begin(greeting: str = "hello") -> ClientSide:
    connection = FakeConnection()
    return ClientSide(connection, asyncio.ensure_future(echo(connection, greeting)))


async def played(folder: Path, text: str) -> None:
    """Play this text."""
    path = folder / "dialog.txt"
    path.write_text(text, "utf-8")
    await play(path, begin, wait_s=0.01)


@pytest.mark.parametrize(
    "text",
    [
        "S: hello\n",
        "# Comment\n\ngreeting: hi\nS: hi\n",
        "S: hello\nC: a\nC: two\nS: a\nS: two\nS: two\n",
        "S: h...o\nC: a (b) [c] * d\nS: a (b) ...\n",
        "S: hello\nC: a\nC: b\nC: c\nS: ...\nS: c\n",
        "S: hello\nC: a\nS: ...\nS: a\nS: ...\n",
        "S: hello\nC:\nS:\nC: \nS: \n",
        "S: hello\nC= a\\r\\nb\\\\\\x63\\r\\n\nS: a\nS: b\\c\n",
        "S: hello\nC= a\nC= b\nC: c\nS: abc\n",
        "S: hello\nS2: hello\nC: one\nC2: two\nS2: two\nS2: two\nS: one\n",
    ],
)
async def test_what_is_so_passes(tmp_path: Path, text: str) -> None:
    await played(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("S: hallo\n", "dialog.txt:1"),
        ("S: hello\nC: a\nS: b\n", "dialog.txt:3"),
        ("S: hello\nC: two\nS: two\n", "dialog.txt:3"),
        ("S: hello\nC: a\nS: a\nS: a\n", "dialog.txt:3"),
        ("S: hello\nC: a\nS: a.*\n", "dialog.txt:3"),
        ("S: hello\nC: a\nC: b\nS: ...b\n", "dialog.txt:4"),
        ("S: hello\nC: a\nC: b\nS: ...\nS: a\n", "dialog.txt:4"),
        ("S: hello\nC: a\n", "heard at the end"),
        ("S: hello\nC2: a\nS: hello\n", "dialog.txt:3"),
        ("S: hello\nX: a\n", "dialog.txt:2"),
        ("S: hello\nS= a\n", "dialog.txt:2"),
        ("S: hello\nC= a\\q\n", "dialog.txt:2"),
        ("S: hello\nC= a\\xZZ\n", "dialog.txt:2"),
        ("S: hello\ngreeting: late\n", "dialog.txt:2"),
        ("C: hello\n", "expects nothing"),
    ],
)
async def test_what_is_not_so_fails(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        await played(tmp_path, text)


async def test_raw_bytes_are_said_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "dialog.txt"
    path.write_text("C= \\xff\\x80\\0ä\\n.\\n\nS: x\n", "utf-8")
    (said,) = read_dialog(path).turns[0].lines
    assert said.encode("utf-8", "surrogateescape") == b"\xff\x80\0" + "ä\n.\n".encode()


async def test_an_unknown_setting_fails(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="greating"):
        await played(tmp_path, "greating: hi\nS: hi\n")
