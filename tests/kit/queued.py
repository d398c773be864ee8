"""Tells how many recipients in the queue have each status, as JSON: `python -m kit.queued DIR`."""

import json
import sys
from pathlib import Path

from pillarbox.app.cli.invocation import Invocation
from pillarbox.domain.queue import inspect


def _main(folder: Path) -> None:
    counts = Invocation(None, folder).read(inspect.counts)
    print(json.dumps({status.name.lower(): number for status, number in counts.items()}))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
