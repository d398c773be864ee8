"""Two overviews compared: which responses tell what happened between them."""

from dataclasses import replace

from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.mail.model import Mailbox
from pillarbox.domain.sharing.access import ALL_RIGHTS, Access, Right
from pillarbox.protocols.imap.watch import Manner, Overview, Watch
from pillarbox.wire.imap.parse.notify import MESSAGE_EVENTS, EventGroup, Filter, NotifyEvent

ME, OTHER = AccountId(1), AccountId(2)
PLAIN = Manner(condstore=False, qresync=False, utf8=True, selected=None)
MODSEQS = replace(PLAIN, condstore=True)
NAMES = frozenset({NotifyEvent.MAILBOX_NAME})
SUBSCRIPTIONS = frozenset({NotifyEvent.SUBSCRIPTION_CHANGE})


def box(
    number: int, name: str, *, owner: AccountId = ME, rights: Right = ALL_RIGHTS, **figures: int
) -> Access:
    values = {"uidnext": 5, "modseq": 9, "total": 4, "unseen": 2} | figures
    mailbox = Mailbox(
        MailboxId(number), owner, name, None, 77, values["uidnext"], values["modseq"],
        values["total"], values["unseen"], 0, 0, 1,
    )  # fmt: skip
    return Access(mailbox, name, rights)


def overview(*boxes: Access, subscribed: tuple[str, ...] = ()) -> Overview:
    names = {found.name: found for found in boxes}
    parents = frozenset(name.rpartition("/")[0] for name in names if "/" in name)
    by_id = {found.mailbox.id: found for found in boxes}
    return Overview(by_id, frozenset(subscribed), names, parents)


def news(
    before: Overview,
    after: Overview,
    *groups: EventGroup,
    manner: Manner = PLAIN,
) -> list[bytes]:
    watch = Watch(ME, groups)
    watch.known = before
    lines = watch.news(after, manner)
    assert watch.known is after
    assert not watch.news(after, manner)
    return lines


ALL = EventGroup(Filter.PERSONAL, MESSAGE_EVENTS | NAMES | SUBSCRIPTIONS)
MESSAGES = EventGroup(
    Filter.PERSONAL, frozenset({NotifyEvent.MESSAGE_NEW, NotifyEvent.MESSAGE_EXPUNGE})
)


def test_messages_that_come_and_go() -> None:
    before = overview(box(1, "a"))
    came = overview(box(1, "a", uidnext=6, modseq=10, total=5))
    went = overview(box(1, "a", modseq=10, total=3))
    assert news(before, came, MESSAGES) == [b'* STATUS "a" (MESSAGES 5 UIDNEXT 6)\r\n']
    assert news(before, went, MESSAGES) == [b'* STATUS "a" (MESSAGES 3 UIDNEXT 5)\r\n']
    assert news(before, came, MESSAGES, manner=MODSEQS) == [
        b'* STATUS "a" (MESSAGES 5 UIDNEXT 6 HIGHESTMODSEQ 10)\r\n'
    ]
    both = overview(box(1, "a", uidnext=6, modseq=11))
    assert news(before, both, MESSAGES) == [b'* STATUS "a" (MESSAGES 4 UIDNEXT 6)\r\n']
    assert not news(before, came, EventGroup(Filter.PERSONAL, NAMES))


def test_flags() -> None:
    before = overview(box(1, "a"))
    flagged, seen = overview(box(1, "a", modseq=10)), overview(box(1, "a", modseq=10, unseen=1))
    assert not news(before, flagged, ALL)
    assert news(before, seen, ALL) == [b'* STATUS "a" (UIDVALIDITY 77 UNSEEN 1)\r\n']
    assert news(before, flagged, ALL, manner=MODSEQS) == [
        b'* STATUS "a" (UIDVALIDITY 77 HIGHESTMODSEQ 10)\r\n'
    ]
    assert not news(before, flagged, MESSAGES, manner=MODSEQS)


def test_the_selected_mailbox_and_those_not_to_be_read_are_left_out() -> None:
    before = overview(box(1, "a"), box(2, "b"))
    after = overview(
        box(1, "a", uidnext=6, modseq=10), box(2, "b", uidnext=6, modseq=10, rights=Right.LOOKUP)
    )
    assert not news(before, after, ALL, manner=replace(PLAIN, selected=MailboxId(1)))
    watch = Watch(ME, (ALL,))
    watch.known = after
    assert watch.standing(PLAIN) == [
        b'* STATUS "a" (MESSAGES 4 UIDNEXT 6 UIDVALIDITY 77 HIGHESTMODSEQ 10)\r\n',
        b'* LIST (\\NoAccess \\HasNoChildren) "/" "b"\r\n',
    ]


def test_names() -> None:
    before = overview(box(1, "a"), box(2, "a/b"), box(3, "a/b/c"), box(4, "d"))
    after = overview(box(1, "x"), box(2, "x/b"), box(3, "x/b/c"), box(5, "x/b/new"))
    assert news(before, after, ALL) == [
        b'* LIST (\\NonExistent \\HasNoChildren) "/" "d"\r\n',
        b'* LIST (\\HasChildren) "/" "x" ("OLDNAME" ("a"))\r\n',
        b'* LIST (\\HasChildren) "/" "x/b"\r\n',
        b'* LIST (\\HasNoChildren) "/" "x/b/new"\r\n',
    ]
    below = EventGroup(Filter.SUBTREE, NAMES, ("a",))
    assert news(before, after, below) == [b'* LIST (\\HasChildren) "/" "x" ("OLDNAME" ("a"))\r\n']
    assert not news(before, after, EventGroup(Filter.SUBTREE, NAMES, ("a/b",)))
    assert not news(before, after, EventGroup(Filter.MAILBOXES, NAMES, ("x/b/c", "A")))


def test_a_child_that_goes_elsewhere_is_told_apart() -> None:
    before = overview(box(1, "a"), box(2, "a/b"))
    after = overview(box(1, "x"), box(2, "y"))
    assert [line.split(b'"/" ')[1] for line in news(before, after, ALL)] == [
        b'"x" ("OLDNAME" ("a"))\r\n',
        b'"y" ("OLDNAME" ("a/b"))\r\n',
    ]


def test_subscriptions() -> None:
    before = overview(box(1, "a"), subscribed=("a", "gone"))
    after = overview(box(1, "a"), subscribed=("gone", "new"))
    assert news(before, after, ALL) == [
        b'* LIST (\\HasNoChildren) "/" "a"\r\n',
        b'* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" "new"\r\n',
    ]
    followed = EventGroup(Filter.SUBSCRIBED, SUBSCRIPTIONS | MESSAGE_EVENTS)
    assert len(news(before, after, followed)) == 2
    came = overview(box(1, "a", uidnext=6, modseq=10), subscribed=("a", "gone"))
    assert news(before, came, followed) == [b'* STATUS "a" (MESSAGES 4 UIDNEXT 6)\r\n']
    assert not news(after, replace(came, subscribed=after.subscribed), followed)


def test_mailboxes_of_others_are_not_personal() -> None:
    name = "Other Users/bob@example.test/INBOX"
    before = overview(box(1, name, owner=OTHER))
    after = overview(box(1, name, owner=OTHER, uidnext=6, modseq=10))
    assert not news(before, after, ALL)
    assert news(before, after, EventGroup(Filter.MAILBOXES, MESSAGE_EVENTS, (name,)))
    assert news(before, overview(), EventGroup(Filter.SUBTREE, NAMES, ("Other Users",)))
    assert not news(before, overview(), ALL)
    assert Watch(ME, (EventGroup(Filter.MAILBOXES, NAMES, (name,)),)).shared
    assert not Watch(ME, (ALL,)).shared


def test_groups_add_up() -> None:
    before = overview(box(1, "a"))
    after = overview(box(1, "a", uidnext=6, modseq=10), subscribed=("a",))
    both = (MESSAGES, EventGroup(Filter.MAILBOXES, SUBSCRIPTIONS, ("a",)))
    assert len(news(before, after, *both)) == 2
