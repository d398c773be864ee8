"""`pillarbox complaints`."""

import json
from pathlib import Path

from kit.cli import Cli
from pillarbox.app.cli.invocation import Invocation
from pillarbox.base.ids import QueueId
from pillarbox.domain.accounts import domains
from pillarbox.domain.complaints import complaints
from pillarbox.domain.complaints.complaints import Match
from pillarbox.formats.arf import Feedback, Original
from pillarbox.storage.tx import Tx


def _fill(tx: Tx) -> None:
    here = domains.create(tx, "here.test")
    domains.create(tx, "quiet.test")
    ours = Feedback("abuse", "Some/1.0", original=Original("1@here.test", "News"))
    match = Match(QueueId(7), "news@here.test", "ann@there.test", here.id, True)
    complaints.file(tx, ours, match)
    complaints.file(tx, Feedback("fraud", original_rcpt_to=("x@y.test",)), None)


def test_listing(cli: Cli, folder: Path) -> None:
    Invocation(None, folder).write(_fill)
    rows = json.loads(cli.printed("complaints", "list", "--json"))
    assert {(row["domain"], row["recipient"], row["suppressed"]) for row in rows} == {
        ("here.test", "ann@there.test", True),
        (None, "x@y.test", False),
    }
    (one,) = json.loads(cli.printed("complaints", "list", "--domain", "here.test", "--json"))
    assert (one["kind"], one["subject"], one["reporter"]) == ("abuse", "News", "Some/1.0")
    assert one["report"]["user_agent"] == "Some/1.0"
    assert json.loads(cli.printed("complaints", "list", "--domain", "quiet.test", "--json")) == []
    assert "not served here" in cli.printed("complaints", "list", "--domain", "x.test", code=1)
    assert "ann@there.test" in cli.printed("complaints", "list")
    assert "ann@there.test" in cli.printed("suppression", "list")
