"""Tells where each traced message went, as JSON by trace: `python -m kit.traced DIR`."""

import json
import sys
from pathlib import Path

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.foundation import key_ring
from pillarbox.domain.trace import store

_MOST = 100_000


def _main(folder: Path) -> None:
    invocation = Invocation(None, folder)
    keys = key_ring(invocation.configuration().options)
    found = invocation.read(store.latest, keys, _MOST)
    print(json.dumps({one.id: [to.placement for to in one.recipients] for one in found}))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
