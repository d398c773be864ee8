"""The runner of HTTP dialogs notices every fault; the answers come from a list."""

import asyncio
from pathlib import Path

import pytest

from kit.http import HttpWire
from kit.http_dialog import play_http
from kit.wire import Wire

ANSWER = b'HTTP/1.1 207 Multi-Status\r\nETag: "e1"\r\nContent-Length: %d\r\n\r\n%s'
XML = (
    b'<m xmlns="DAV:"><response><href>/a</href><x b="1">one\r\ntwo</x></response>'
    b"<response><href>/b</href><x>three</x></response></m>"
)
GOOD = "C: PROPFIND /a\nS: 207\n"


async def played(folder: Path, text: str, body: bytes = XML) -> list[bytes]:
    """Play a text with a server that says the same to all; gives the requests it heard."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                size = request.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
                heard.append(request + (await reader.readexactly(int(size)) if size else b""))
                writer.write(ANSWER % (len(body), body))
        except asyncio.IncompleteReadError:
            writer.close()

    path = folder / "dialog.txt"
    path.write_text(text, "utf-8")
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def session(digit: str) -> HttpWire:
        return HttpWire(await Wire.open(port, tls=False), f"Basic {digit}")

    async with server:
        await play_http(path, session)
    return heard


@pytest.mark.parametrize(
    "answer",
    [
        "S: 207\n",
        'S: 207\nS: ETag: "e1"\n',
        "S: 207\nS: etag: ...1...\n",
        "S: 207\nS:\nS: <D:m/>\n",
        "S: 207\nS:\nS: <D:m><D:response><D:x b='1'>one\nS: two</D:x></D:response></D:m>\n",
        "S: 207\nS:\nS: <D:m><D:response><D:href>/b</D:href></D:response><D:response/></D:m>\n",
        "S: 207\nS:\nS: <D:m><D:response><D:x>...\nS: two</D:x></D:response></D:m>\n",
        "S: 207\nS! four\n",
    ],
)
async def test_what_is_so_passes(tmp_path: Path, answer: str) -> None:
    await played(tmp_path, "# Comment\n\nC: PROPFIND /a\n" + answer)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("C: GET /\nS: 200\n", "dialog.txt:1: not 200"),
        (GOOD + "\nC: GET /\nS: 200\n", "dialog.txt:4: not 200"),
        (GOOD + "S: Location: x\n", "no field Location"),
        (GOOD + "S: ETag: 2\n", "not ETag: 2"),
        (GOOD + "S:\nS: <D:n/>\n", "not {DAV:}n but {DAV:}m"),
        (GOOD + "S:\nS: <D:m><D:other/></D:m>\n", "no <D:other/>"),
        (GOOD + "S:\nS: <D:m><D:response><D:x>four</D:x></D:response></D:m>\n", "not four"),
        (GOOD + "S:\nS: <D:m><D:response><D:x b='2'/></D:response></D:m>\n", "not b of"),
        (
            GOOD
            + "S:\nS: <D:m><D:response><D:href>/a</D:href><D:x>three</D:x></D:response></D:m>\n",
            "not three",
        ),
        (GOOD + "S:\nS: <D:m><D:response/><D:response/><D:response/></D:m>\n", "no <D:response/>"),
        (GOOD + "S:\nS: text\n", "another body"),
        (GOOD + "S! three\n", "there is three"),
        (GOOD + 'S! ETag: "e1"\n'.replace("ETag", "etag"), "there is etag"),
        ("C: GET /\n", "expects nothing"),
        ("", "asks nothing"),
        ("S: 200\n", "by itself"),
        ("C: GET /\nS2: 200\n", "another session"),
        ("C! GET /\nS: 200\n", "with !"),
        ("X: GET /\nS: 200\n", "no line of a dialog"),
    ],
)
async def test_what_is_not_so_fails(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(AssertionError, match=fault.replace("{", r"\{")):
        await played(tmp_path, text)


async def test_places_are_filled_and_compared(tmp_path: Path) -> None:
    heard = await played(
        tmp_path,
        "C: PROPFIND /a\nS: 207\nS: ETag: {tag}\nS:\n"
        "S: <D:m><D:response><D:href>{path}</D:href><D:x>three</D:x></D:response></D:m>\n\n"
        "C2: PUT {path}/{unknown}\nC2: If-Match: {tag}\nC2:\nC2: BEGIN:X\nC2: END:X\n"
        "S2: 207\nS2: ETag: {tag}\n",
    )
    assert b"Authorization: Basic 1\r\n" in heard[0]
    assert heard[1].startswith(b"PUT /b/{unknown} HTTP/1.1\r\n")
    assert b'If-Match: "e1"\r\n' in heard[1]
    assert b"Authorization: Basic 2\r\n" in heard[1]
    assert heard[1].endswith(b"\r\n\r\nBEGIN:X\r\nEND:X\r\n")
    with pytest.raises(AssertionError, match="not ETag"):
        await played(tmp_path, GOOD + 'S: ETag: {tag}1"\n' + GOOD + "S: ETag: {tag}\n")


async def test_texts_are_compared_by_line(tmp_path: Path) -> None:
    body = b"BEGIN:X\r\nA:1\r\nB:2\r\nEND:X\r\n"
    await played(tmp_path, GOOD + "S:\nS: BEGIN:X\nS: ...\nS: B:...\nS: END:X\n", body)
    for wrong in ("S: BEGIN:X\nS: ...\nS: A:1\nS: END:X\n", "S: BEGIN:X\n"):
        with pytest.raises(AssertionError, match="another body"):
            await played(tmp_path, GOOD + "S:\n" + wrong, body)
