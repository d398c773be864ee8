"""The command line of limits on sending."""

from kit.cli import Cli
from pillarbox.app.cli.invocation import Invocation
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Role
from pillarbox.domain.sending import alerts, counts
from pillarbox.domain.sending.model import Limits, Sending, SendingLimits, Unit
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: bytes(32)})
LIMITS = SendingLimits(user=Limits(messages_hour=5, recipients_day=50))


def _sent(tx: Tx) -> None:
    domains.create(tx, "example.org")
    ann = users.create(tx, "ann@example.org", "x", "Ann", Role.USER, 0)
    counts.count(tx, KEYS, LIMITS, Sending(ann.account_id, ann.domain_id, 3))
    alerts.note(tx, ann.account_id, Unit.NEWCOMERS)
    alerts.note(tx, AccountId(5), Unit.MESSAGES)


def test_what_is_counted_is_shown_and_reset(cli: Cli) -> None:
    Invocation(None, cli.folder).write(_sent)
    assert cli("sending", "show", "Ann@example.org", "--json").rows == [
        {"period": "hour", "messages": 1, "recipients": 3, "newcomers": 0},
        {"period": "day", "messages": 1, "recipients": 3, "newcomers": 0},
    ]
    assert cli("sending", "reset", "ann@example.org").code == 0
    assert cli("sending", "show", "ann@example.org", "--json").rows == []
    rows = cli("sending", "alerts", "--json").rows
    found = {(row["user"], row["what"], row["refused"]) for row in rows}
    assert found == {("ann@example.org", "newcomers", 1), ("?", "messages", 1)}
    assert cli("sending", "show", "nobody@example.org").code == 1
