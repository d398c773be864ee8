"""Searches the view answers alone."""

import pytest

from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.mail import query as q
from pillarbox.domain.mail.model import Flag, Mailbox
from pillarbox.protocols.imap.commands.search_view import matching
from pillarbox.protocols.imap.view import View

ROWS = [(1, 1, None, 5), (2, 0, "Work", 6), (4, 4, None, 7), (7, 5, "other Work", 8)]


def new_view() -> View:
    mailbox = Mailbox(MailboxId(1), AccountId(1), "INBOX", None, 1, 8, 8, 4, 2, 0, 0, 8)
    view = View(mailbox, read_only=False, recent_uids=(0, 0))
    view.load(ROWS, [], 8, 8)
    return view


@pytest.mark.parametrize(
    ("query", "indexes"),
    [
        (q.Everything(), [0, 1, 2, 3]),
        (q.HasFlag(Flag.SEEN), [0, 3]),
        (q.Not(q.HasFlag(Flag.SEEN)), [1, 2]),
        (q.HasKeyword("work"), [1, 3]),
        (q.InUids([(2, 5)]), [1, 2]),
        (q.ModseqFrom(7), [2, 3]),
        (q.And((q.HasFlag(Flag.SEEN), q.HasFlag(Flag.FLAGGED))), [3]),
        (q.Or((q.InUids([(1, 1)]), q.HasKeyword("OTHER"))), [0, 3]),
        (q.Not(q.Everything()), []),
        (q.Text("x"), None),
        (q.And((q.Everything(), q.SizeOver(1))), None),
    ],
)
def test_matching(query: q.Query, indexes: list[int] | None) -> None:
    assert matching(query, new_view()) == indexes


def test_expunged_messages_are_not_found() -> None:
    view = new_view()
    view.apply([], [2], 8)
    assert matching(q.Everything(), view) == [0, 2, 3]
