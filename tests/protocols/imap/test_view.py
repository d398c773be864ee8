"""The view: finding messages, taking in changes, numbers that move only when they may."""

import pytest

from pillarbox.base.errors import Conflict
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.mail.model import Mailbox
from pillarbox.protocols.imap.errors import BadCommand
from pillarbox.protocols.imap.view import View
from pillarbox.wire.imap.sets import SequenceSet

UIDS = (2, 3, 5, 8, 13, 21)


def new_view(uids: tuple[int, ...] = UIDS, recent: tuple[int, int] = (0, 0)) -> View:
    """A loaded view whose messages have \\Seen and modseq 7."""
    uidnext = (uids[-1] if uids else 0) + 1
    mailbox = Mailbox(
        MailboxId(1), AccountId(1), "INBOX", None, 1, uidnext, 7, len(uids), 0, 0, 0, uidnext
    )
    view = View(mailbox, read_only=False, recent_uids=recent)
    view.load([(uid, 1, None, 7) for uid in uids], [], 7, uidnext)
    return view


def resolved(view: View, text: bytes, *, uid: bool) -> list[int]:
    spans = view.resolve(SequenceSet.parse(text), uid=uid)
    return [index for start, end in spans for index in range(start, end)]


@pytest.mark.parametrize(
    ("text", "uid", "indexes"),
    [
        (b"1:*", False, [0, 1, 2, 3, 4, 5]),
        (b"*", False, [5]),
        (b"6,1,2:3", False, [0, 1, 2, 5]),
        (b"1:*", True, [0, 1, 2, 3, 4, 5]),
        (b"4:12", True, [2, 3]),
        (b"100:*", True, [5]),
        (b"4,6:7,9:12", True, []),
        (b"13,2", True, [0, 4]),
    ],
)
def test_resolve(text: bytes, uid: bool, indexes: list[int]) -> None:
    assert resolved(new_view(), text, uid=uid) == indexes


def test_numbers_over_the_highest() -> None:
    with pytest.raises(BadCommand):
        resolved(new_view(), b"7", uid=False)
    assert resolved(new_view(()), b"1:*", uid=False) == []
    assert resolved(new_view(()), b"1:*", uid=True) == []


def test_uid_ranges_span_what_is_missing() -> None:
    assert new_view().uid_ranges([(0, 3), (5, 6)]) == [(2, 5), (21, 21)]


@pytest.mark.parametrize("step", [1, 2, 3], ids=["all", "every second", "every third"])
def test_expunged_lose_their_numbers_late(step: int) -> None:
    uids = tuple(range(1, 101))
    view = new_view(uids)
    view.apply([], uids[::step], 101)
    assert len(view) == 100
    assert view.take_expunged()[0] == list(range(0, 100, step))
    left = [uid for uid in uids if uid not in uids[::step]]
    assert list(view.uids) == left
    assert len(view.flags) == len(view.modseqs) == len(left) == view.told
    assert view.take_expunged() == ([], [])


def test_the_client_is_not_told_of_what_it_never_knew() -> None:
    view = new_view()
    view.apply([(22, 0, None, 8), (23, 0, None, 9)], [], 24)
    view.apply([], [22, 3], 24)
    assert view.take_expunged()[0] == [1]
    assert view.told == 5
    assert list(view.uids) == [2, 5, 8, 13, 21, 23]


def test_changes_of_others_are_to_be_told() -> None:
    view = new_view()
    view.apply([(5, 4, "Work", 8), (8, 1, None, 7)], [], 22)
    assert view.announced == {5}
    assert view.sets.texts[view.flags[2]] == b"(\\Flagged Work)"
    assert view.modseqs[2] == 8


def test_recent_stays_through_changes() -> None:
    view = new_view(recent=(13, 22))
    assert view.recent == 2
    view.set_rows([(13, 0, None, 9)])
    assert view.sets.texts[view.flags[4]] == b"(\\Recent)"
    view.apply([], [21], 22)
    view.take_expunged()
    assert view.recent == 1


def test_read_late_after_changes() -> None:
    mailbox = Mailbox(MailboxId(1), AccountId(1), "INBOX", None, 1, 6, 7, 3, 0, 0, 0, 6)
    view = View(mailbox, read_only=False, recent_uids=(0, 0))
    # When it was opened there were 1, 3 and 5; since then 3 went, 6 and 7 came, and 6 went.
    view.load([(1, 0, None, 7), (5, 1, None, 8), (7, 0, None, 9)], [3, 6], 11, 8)
    assert (view.told, list(view.uids), view.gone) == (3, [1, 3, 5, 7], {3})
    assert view.take_expunged()[0] == [1]
    with pytest.raises(Conflict):
        View(mailbox, read_only=False, recent_uids=(0, 0)).load([(1, 0, None, 7)], [], 11, 8)
