"""Text of attached documents, and what hostile ones can't do."""

import asyncio
import os
import select
import shutil
import signal
import subprocess
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from kit.documents import archive, pdf, word
from pillarbox.base.errors import Busy, Unavailable
from pillarbox.pipeline.extraction import Extraction, ExtractionLimits

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PDF = "application/pdf"
LIMITS = ExtractionLimits(timeout_s=20)


@asynccontextmanager
async def extraction(limits: ExtractionLimits = LIMITS) -> AsyncIterator[Extraction]:
    made = Extraction(limits)
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def hostile(limits: ExtractionLimits = LIMITS) -> AsyncIterator[Extraction]:
    """Documents say what is done with the process that reads them."""
    name = "hostile_extractor:extract"
    sys.path.append(os.path.dirname(__file__))
    made = Extraction(limits, name)
    try:
        yield made
    finally:
        sys.path.remove(os.path.dirname(__file__))
        await made.close()


async def do(made: Extraction, what: str) -> str | None:
    return await made.text(PDF, None, what.encode())


def runs(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def test_documents_of_each_kind() -> None:
    async with extraction() as made:
        assert await made.text(WORD, None, word("Grüße", "aus <w:b/>Köln")) == "Grüße\naus Köln\n\n"
        assert await made.text("application/octet-stream", "A.DOCX", word("x")) == "x\n\n"
        assert "Hello world" in (await made.text(PDF, None, pdf("Hello world", "two")) or "")
        assert await made.text("application/rtf", None, rb"{\rtf1 a\b b\par c}") == "ab\nc"
        assert await made.text("text/html", None, b"<p>a<b>b</b>") == " ab"
        assert await made.text("text/csv", None, "ä;ö".encode("cp1252")) == "ä;ö"
        assert await made.text("image/png", "x.pdf", pdf("x")) is None
        assert await made.text("application/octet-stream", "x", b"x") is None


async def test_damaged_and_encrypted_documents_have_no_text() -> None:
    encrypted = bytearray(word("x"))
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        encrypted[encrypted.index(mark) + (6 if mark[2] == 3 else 8)] |= 1
    async with extraction() as made:
        for data in (b"", b"PK\x03\x04", word("x")[:-30], b"\xd0\xcf\x11\xe0 encrypted"):
            assert await made.text(WORD, None, data) is None
        assert not await made.text(WORD, None, bytes(encrypted))
        assert await made.text(PDF, None, b"%PDF-1.7\n%%EOF") is None
        assert await made.text(WORD, None, word("still here")) == "still here\n\n"


async def test_a_zip_bomb_and_an_entity_bomb() -> None:
    bomb = archive({"word/document.xml": b"<a>" + b" " * (200 << 20)})
    assert len(bomb) < 1 << 20
    entities = archive(
        {
            "word/document.xml": '<!DOCTYPE t [<!ENTITY e "boo">]><t>&e;&e;</t>',
            "word/header1.xml": "<t>x</t>",
        }
    )
    async with extraction() as made:
        assert await made.text(WORD, None, bomb) is None
        assert await made.text(WORD, None, entities) is None
        assert await made.text(WORD, None, word("x")) == "x\n\n"


async def test_too_large_is_not_read() -> None:
    async with extraction(replace(LIMITS, document_bytes=10)) as made:
        assert await made.text("application/rtf", None, b"{\\rtf1 abcdefg}") is None


@pytest.mark.parametrize("what", ["memory", "hog", "crash", "exit", "raise"])
async def test_after_a_hostile_document_the_next_one_works(what: str) -> None:
    async with hostile() as made:
        assert await do(made, "before") == "before"
        assert await do(made, what) is None
        assert await do(made, "after") == "after"


async def test_a_process_that_died_while_idle_costs_no_document() -> None:
    async with hostile() as made:
        os.kill(int(await do(made, "pid") or ""), signal.SIGKILL)
        assert await do(made, "after") == "after"


async def test_an_endless_document_is_ended() -> None:
    async with hostile(replace(LIMITS, timeout_s=1)) as made:
        pid = int(await do(made, "pid") or "")
        assert await do(made, "loop") is None
        assert await do(made, "after") == "after"
        assert await do(made, "pid") != str(pid)


async def test_what_libraries_print_does_not_get_into_the_answers() -> None:
    async with hostile() as made:
        assert await do(made, "print") == "print"
        assert await do(made, "next") == "next"
        assert await do(made, "surrogate") == "?"


async def test_the_process_has_next_to_no_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILLARBOX_SECRET", "x")
    async with hostile() as made:
        assert "PILLARBOX_SECRET" not in (await do(made, "environment") or "")
        assert await do(made, "write") == "refused"
        files = (await do(made, "files") or "").split(",")
        assert len(files) <= 6  # its pipes, the null device three times, the folder it lists


async def test_where_the_system_allows_it_there_is_no_network() -> None:
    unshare = await asyncio.to_thread(shutil.which, "unshare")
    if unshare is None:
        pytest.skip("needs unshare")
    probe = await asyncio.create_subprocess_exec(unshare, "-U", "-n", "true", stderr=DEVNULL)
    if await probe.wait():
        pytest.skip("needs leave to make network namespaces")
    async with hostile() as made:
        assert await do(made, "network") == "1"  # its own loopback


async def test_a_process_reads_so_many_documents_and_ends_when_idle() -> None:
    async with hostile(replace(LIMITS, documents=3)) as made:
        pids = [await do(made, "pid") for _ in range(7)]
        assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]
    async with hostile(replace(LIMITS, idle_s=0.2)) as made:
        pid = int(await do(made, "pid") or "")
        ended = os.pidfd_open(pid)
        assert await asyncio.to_thread(select.select, [ended], [], [], 20) == ([ended], [], [])
        os.close(ended)
        assert await do(made, "again") == "again"


async def test_many_at_once_stand_in_a_line_that_has_an_end() -> None:
    async with hostile(replace(LIMITS, waiting=50)) as made:
        texts = await asyncio.gather(*[do(made, f"n{number}") for number in range(50)])
        assert texts == [f"n{number}" for number in range(50)]
    async with hostile(replace(LIMITS, waiting=1)) as made:
        results = await asyncio.gather(*[do(made, "pid") for _ in range(4)], return_exceptions=True)
        assert [type(one) for one in results] == [str, str, Busy, Busy]


async def test_closing_ends_what_is_under_way() -> None:
    async with hostile() as made:
        pid = int(await do(made, "pid") or "")
        task = asyncio.create_task(do(made, "loop"))
        await asyncio.sleep(0)
        await made.close()
        with pytest.raises(Unavailable):
            await task
        assert not runs(pid)
        with pytest.raises(Unavailable):
            await do(made, "x")
        await made.close()


async def test_a_caller_that_gives_up_leaves_no_answer_behind() -> None:
    async with hostile() as made:
        assert await do(made, "first") == "first"
        task = asyncio.create_task(do(made, "loop"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await do(made, "next") == "next"


def test_the_optimized_interpreter(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(word("optimized"))
    program = """
import asyncio, sys
from pathlib import Path
from pillarbox.pipeline.extraction import Extraction
async def main():
    made = Extraction()
    print(await made.text("application/octet-stream", "a.docx", Path(sys.argv[1]).read_bytes()))
    await made.close()
asyncio.run(main())
"""
    command = [sys.executable, "-OO", "-c", program, str(tmp_path / "a.docx")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, env=environment, timeout=60)
    assert done.stdout == b"optimized\n\n\n", done.stderr
