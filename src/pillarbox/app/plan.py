"""What a worker is to do, as its supervisor hands it over; light to import, and picklable."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pillarbox.app.config.options import Options
from pillarbox.storage.dialect.sqlite_library import is_safe_with_several

AUTOMATIC_MAX = 4
MEMORY_FOR_EACH_BYTES = 256 << 20
"""What a worker should find: some 50 MiB of its own, and room for hashing and large messages."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a server that is only tried out does differently.

    `fixed` are settings no file can change. `samples` are accounts made in an empty store; `trap`
    is the one that gets mail for elsewhere. With `free_ports` a port that is taken is replaced.
    """

    samples: tuple[str, ...]
    fixed: Mapping[str, Any]
    trap: str | None = None
    plaintext_login: bool = False
    free_ports: bool = False

    def adapt(self, options: Options) -> Options:
        """The settings with `fixed` over them."""
        return replace(options, **self.fixed)


@dataclass(frozen=True, slots=True)
class ListeningPort:
    """A listener's name and, for each worker, the descriptors of its bound sockets."""

    name: str
    by_worker: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Settings, the file they come from, the data folder, and what to listen on."""

    options: Options
    config_file: Path
    data: Path
    ports: tuple[ListeningPort, ...]
    trial: Trial | None = None

    @property
    def workers(self) -> int:
        """How many processes serve."""
        return worker_count(self.options)


def worker_count(options: Options) -> int:
    """How many workers the settings ask for, or how many suit this machine.

    One for each processor, four at most: more gained nothing where it was measured, on one SQLite
    file or on PostgreSQL. Fewer where memory is short, and one where the SQLite library is not safe
    with several.
    """
    if options.workers:
        return options.workers
    if options.db_driver == "sqlite" and not is_safe_with_several():
        return 1
    return max(1, min(AUTOMATIC_MAX, _processors(), _memory_bytes() // MEMORY_FOR_EACH_BYTES))


def _processors() -> int:
    """Those this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_bytes() -> int:
    """The machine's memory, or less where a control group gives less."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text("ascii").strip()
    except OSError:
        return found
    return min(found, int(limit)) if limit.isdigit() else found
