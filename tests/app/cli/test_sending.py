"""The command line of limits on sending."""

import json
from pathlib import Path

import pytest

from pillarbox.app.cli.invocation import Invocation
from pillarbox.app.cli.main import run
from pillarbox.app.config.load import load, locate
from pillarbox.app.database import lock_path, make_dialect
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Role
from pillarbox.domain.sending import alerts, counts
from pillarbox.domain.sending.model import Limits, Sending, SendingLimits, Unit
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.migrate import ensure_schema
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: bytes(32)})
LIMITS = SendingLimits(user=Limits(messages_hour=5, recipients_day=50))


def _sent(tx: Tx) -> None:
    domains.create(tx, "example.org")
    ann = users.create(tx, "ann@example.org", "x", "Ann", Role.USER, 0)
    counts.count(tx, KEYS, LIMITS, Sending(ann.account_id, ann.domain_id, 3))
    alerts.note(tx, ann.account_id, Unit.NEWCOMERS)
    alerts.note(tx, AccountId(5), Unit.MESSAGES)


def test_what_is_counted_is_shown_and_reset(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PILLARBOX_DATA", "PILLARBOX_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    options = load(locate(None, tmp_path, {}), write=True, environment={}).options
    ensure_schema(make_dialect(options, checkpoint=True), lock_path(options))
    Invocation(None, tmp_path).write(_sent)

    def call(*arguments: str) -> tuple[int, str]:
        code = run(["--data", str(tmp_path), "sending", *arguments])
        return code, capsys.readouterr().out

    code, out = call("show", "Ann@example.org", "--json")
    assert code == 0
    assert json.loads(out) == [
        {"period": "hour", "messages": 1, "recipients": 3, "newcomers": 0},
        {"period": "day", "messages": 1, "recipients": 3, "newcomers": 0},
    ]
    assert call("reset", "ann@example.org")[0] == 0
    assert json.loads(call("show", "ann@example.org", "--json")[1]) == []
    rows = json.loads(call("alerts", "--json")[1])
    found = {(row["user"], row["what"], row["refused"]) for row in rows}
    assert found == {("ann@example.org", "newcomers", 1), ("?", "messages", 1)}
    assert call("show", "nobody@example.org")[0] == 1
