"""Text of attached documents, taken out in a process that has little memory, time and rights.

Documents come from anyone, and what reads them is large; so they are read apart from everything
else: no environment, no open files of ours, no files to write, and where the system allows it no
network (`extraction_child`). The process stays for the next document, ends after some time without
one, and is started anew after so many documents, or when one made it hang or die. Called by
indexing.
"""

import asyncio
import json
import os
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import dataclass

from pillarbox.base.cpu import Line
from pillarbox.base.errors import Unavailable
from pillarbox.base.log import logger
from pillarbox.formats.text.documents import READ_APART, document_kind
from pillarbox.formats.text.html import text_of_html
from pillarbox.pipeline.extraction_child import ANSWER, LAST, REQUEST, TEXT

_log = logger("extraction")
_SETTINGS = struct.Struct(">I")
_INLINE_BYTES = 16 * 1024
_ANSWER_MAX_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class ExtractionLimits:
    """What the reading of documents may take."""

    document_bytes: int = 20 << 20
    timeout_s: float = 20.0
    memory_bytes: int = 512 << 20
    files: int = 32
    nice: int = 10
    documents: int = 200
    """Read by one process; then a new one is started."""
    idle_s: float = 60.0
    waiting: int = 32


class Extraction:
    """Reads documents one at a time; one object per process, made inside the event loop."""

    def __init__(
        self,
        limits: ExtractionLimits | None = None,
        extractor: str = "pillarbox.formats.text.extract:extract",
    ) -> None:
        """`extractor` names the function that the other process calls, `module:name`."""
        self._limits = limits or ExtractionLimits()
        self._extractor = extractor
        self._line = Line(1, self._limits.waiting)
        self._process: Process | None = None
        self._served = 0
        self._idle: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    async def text(self, content_type: str, filename: str | None, data: bytes) -> str | None:
        """The text of an attachment; None where there is none, or it can't be had.

        `content_type` is `type/subtype`. None is final: the same file gives it again. Raises
        `Busy` when too many wait, `Unavailable` when no process can be started or after `close`.
        """
        kind = document_kind(content_type.lower(), filename)
        if kind is None or len(data) > self._limits.document_bytes:
            return None
        if kind not in READ_APART:
            return await _read_here(kind, data)
        async with self._line:
            return await self._read_apart(kind, data)

    async def close(self) -> None:
        """End the process; documents under way and later ones raise `Unavailable`."""
        self._closed = True
        self._end()
        await asyncio.gather(*self._ending)

    async def _read_apart(self, kind: str, data: bytes) -> str | None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        try:
            if self._process is not None:
                with suppress(asyncio.IncompleteReadError, ConnectionError):
                    return await self._attempt(kind, data)
                # It may have died of something else than this document.
                self._end()
            return await self._attempt(kind, data)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
            self._end()
            if self._closed:
                raise Unavailable("The server is stopping") from error
            _log.info("a document can't be read", kind=kind, size_bytes=len(data), why=_why(error))
            return None
        except BaseException:
            self._end()
            raise
        finally:
            if self._process is not None:
                loop = asyncio.get_running_loop()
                self._idle = loop.call_later(self._limits.idle_s, self._end)

    async def _attempt(self, kind: str, data: bytes) -> str | None:
        async with asyncio.timeout(self._limits.timeout_s):
            process = self._process or await self._start()
            status, text = await _exchange(process, kind, data)
        self._served += 1
        if status == LAST or self._served >= self._limits.documents:
            self._end()
        return text if status == TEXT else None

    async def _start(self) -> Process:
        if self._closed:
            raise Unavailable("The server is stopping")
        script = os.path.join(os.path.dirname(__file__), "extraction_child.py")
        flags = ("", "-O", "-OO")[sys.flags.optimize]
        command = [sys.executable, *([flags] if flags else []), "-I", "-S", "-B", script]
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env={}, cwd="/"
            )
        except OSError as error:
            raise Unavailable("Documents can't be read now", str(error)) from error
        self._process = process
        self._served = 0
        settings = self._settings()
        if self._closed or process.stdin is None:
            raise Unavailable("The server is stopping")
        process.stdin.write(_SETTINGS.pack(len(settings)) + settings)
        return process

    def _settings(self) -> bytes:
        limits = self._limits
        return json.dumps(
            {
                "path": [os.path.abspath(entry) for entry in sys.path],
                "extractor": self._extractor,
                "memory_bytes": limits.memory_bytes,
                "cpu_s": int(limits.timeout_s) + 1,
                "files": limits.files,
                "nice": limits.nice,
            }
        ).encode()

    def _end(self) -> None:
        """Kill the process, if there is one, and see to it that it is waited for."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        task = asyncio.get_running_loop().create_task(_reap(process))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


async def _exchange(process: Process, kind: str, data: bytes) -> tuple[int, str]:
    """Hand over one document and take the answer: its status and the text."""
    source, answers = process.stdin, process.stdout
    if source is None or answers is None:
        raise ConnectionError("no pipes")
    name = kind.encode("ascii")
    source.write(REQUEST.pack(len(name), len(data)) + name)
    source.write(data)
    await source.drain()
    status, size = ANSWER.unpack(await answers.readexactly(ANSWER.size))
    if size > _ANSWER_MAX_BYTES:
        raise ConnectionError("an answer too long")
    return status, (await answers.readexactly(size)).decode("utf-8", "replace")


async def _reap(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
        with suppress(OSError):
            await process.stdin.wait_closed()
    await process.wait()


async def _read_here(kind: str, data: bytes) -> str | None:
    """Text that is text already; messages are not documents."""
    if kind == "message":
        return None
    read = _html if kind == "html" else _plain
    return read(data) if len(data) <= _INLINE_BYTES else await asyncio.to_thread(read, data)


def _html(data: bytes) -> str:
    return text_of_html(_plain(data))


def _plain(data: bytes) -> str:
    from pillarbox.formats.mime.searchable import decoded

    return decoded(data, "", True)


def _why(error: BaseException) -> str:
    return "it takes too long" if isinstance(error, TimeoutError) else "the process ended"
