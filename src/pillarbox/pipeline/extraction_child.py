"""The process that takes text out of documents, one after the other, with next to no rights.

Started by `extraction` as a script in a fresh interpreter. Reads frames from standard input: first
a JSON object (`path`, `extractor`, limits), then for each document its kind and its bytes; answers
each on standard output. Ends with its input, or when memory ran out.
"""

import json
import os
import resource
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

    Extractor = Callable[[str, bytes], str | None]

REQUEST = struct.Struct(">BI")
"""Before each document: length of its kind, length of its bytes; both follow."""
ANSWER = struct.Struct(">BI")
"""Before each answer: `NONE`, `TEXT` or `LAST`, and the length of the text in UTF-8."""
NONE, TEXT, LAST = range(3)
"""`LAST` is no text, and the process ends."""
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000


def main() -> int:
    """Serve until the input ends."""
    source, answers = _own_pipes()
    (size,) = struct.unpack(">I", source.read(4))
    settings = json.loads(source.read(size))
    sys.path[:] = settings["path"]
    extract = _extractor(settings["extractor"])
    _give_up_rights(settings)
    while True:
        head = source.read(REQUEST.size)
        if len(head) < REQUEST.size:
            return 0
        kind_size, size = REQUEST.unpack(head)
        kind = source.read(kind_size).decode("ascii")
        data = source.read(size)
        _allow_cpu(settings["cpu_s"])
        text, worn_out = _text(extract, kind, data)
        del data
        encoded = b"" if text is None else text.encode("utf-8", "replace")
        status = LAST if worn_out else NONE if text is None else TEXT
        answers.write(ANSWER.pack(status, len(encoded)))
        answers.write(encoded)
        answers.flush()
        if worn_out:
            return 1


def _own_pipes() -> "tuple[BinaryIO, BinaryIO]":
    """Standard input and output under other numbers, out of the way of what libraries print."""
    source, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    os.close(nowhere)
    return source, answers


def _extractor(name: str) -> "Extractor":
    import importlib
    import logging

    logging.disable()
    module, _, function = name.partition(":")
    found: Extractor = getattr(importlib.import_module(module), function)
    return found


def _give_up_rights(settings: "dict[str, Any]") -> None:
    _leave_network()
    os.chdir("/")
    os.umask(0o777)
    with_limit = {
        resource.RLIMIT_AS: settings["memory_bytes"],
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: settings["files"],
    }
    if hasattr(resource, "RLIMIT_NPROC"):
        with_limit[resource.RLIMIT_NPROC] = 0
    for what, most in with_limit.items():
        _limit(what, most)
    try:
        os.nice(settings["nice"])
    except OSError:
        return  # not every system lets go of it; the other limits hold


def _limit(what: int, most: int) -> None:
    """Lower a limit for good; where the system knows it not, the others still hold."""
    _, hard = resource.getrlimit(what)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    try:
        resource.setrlimit(what, (most, most))
    except (OSError, ValueError):
        return


def _leave_network() -> None:
    """Into a network with no interfaces, where the system lets anyone make one."""
    if not sys.platform.startswith("linux"):
        return
    try:
        if hasattr(os, "unshare"):
            os.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
        else:
            import ctypes

            ctypes.CDLL(None).unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    except (OSError, ImportError, AttributeError):
        return  # containers forbid it; a document is never executed anyway


def _allow_cpu(seconds: int) -> None:
    """So much processor time from now on; then the kernel ends this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime) + seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard == resource.RLIM_INFINITY or until <= hard:
        resource.setrlimit(resource.RLIMIT_CPU, (until, hard))


def _text(extract: "Extractor", kind: str, data: bytes) -> "tuple[str | None, bool]":
    """The text, and whether this process should not read another document."""
    try:
        return extract(kind, data), False
    except (MemoryError, RecursionError):
        return None, True
    except Exception:
        return None, False


if __name__ == "__main__":
    try:
        status = main()
    except BaseException:
        status = 1
    # Neither files to flush nor threads to wait for.
    os._exit(status)
