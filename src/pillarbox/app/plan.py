"""What a worker is to do, as its supervisor hands it over; light to import, and picklable."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pillarbox.app.config.options import Options


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
    """How many workers the settings ask for."""
    return options.workers or 1
