"""The status of a recipient where the peer gave one and where it gave none."""

import pytest

from pillarbox.formats.dsn.model import Action
from pillarbox.formats.dsn.status import status_of

FAILED, DELAYED = Action.FAILED, Action.DELAYED


@pytest.mark.parametrize(
    ("action", "enhanced", "code", "stage", "status"),
    [
        (FAILED, "5.7.26", 550, "content", "5.7.26"),
        (FAILED, "4.2.2", 452, "rcpt", "5.2.2"),
        (DELAYED, "5.7.1", 554, "greeting", "4.7.1"),
        (FAILED, None, 550, "rcpt", "5.1.1"),
        (FAILED, None, 551, "rcpt", "5.1.6"),
        (FAILED, None, 552, "rcpt", "5.2.2"),
        (FAILED, None, 553, "rcpt", "5.1.3"),
        (FAILED, None, 554, "rcpt", "5.7.1"),
        (FAILED, None, 500, "rcpt", "5.0.0"),
        (FAILED, "nonsense", 550, "rcpt", "5.1.1"),
        (FAILED, "5.1.1\r\nX: y", 500, "rcpt", "5.0.0"),
        (DELAYED, None, 450, "rcpt", "4.0.0"),
        (DELAYED, None, None, "connect", "4.4.1"),
        (FAILED, None, None, "dns", "5.4.4"),
        (FAILED, None, None, "suppressed", "5.7.1"),
        (Action.RELAYED, None, 250, "content", "2.0.0"),
        (Action.DELIVERED, None, None, "local", "2.1.5"),
        (Action.DELIVERED, "2.1.5", None, "local", "2.1.5"),
    ],
)
def test_status(
    action: Action, enhanced: str | None, code: int | None, stage: str, status: str
) -> None:
    assert status_of(action, enhanced, code, stage) == status
