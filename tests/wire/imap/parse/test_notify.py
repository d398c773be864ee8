"""NOTIFY: groups of events, what goes together and what does not exist."""

import pytest

from kit.imap_grammar import parse
from pillarbox.wire.imap.parse.command import CommandError
from pillarbox.wire.imap.parse.fetch import Attribute, BodySection
from pillarbox.wire.imap.parse.notify import EventGroup, Filter, Notify, NotifyEvent

NEW, GONE = NotifyEvent.MESSAGE_NEW, NotifyEvent.MESSAGE_EXPUNGE


def test_nothing() -> None:
    assert parse(b"NOTIFY NONE") == Notify()


def test_groups() -> None:
    assert parse(
        b"NOTIFY SET STATUS (selected (MessageNew (UID BODY.PEEK[]) MessageExpunge)) "
        b'(subtree (Lists "In box") (messagenew MESSAGEEXPUNGE MailboxName)) (inboxes NONE)'
    ) == Notify(
        (
            EventGroup(
                Filter.SELECTED,
                frozenset({NEW, GONE}),
                items=(Attribute.UID, BodySection(peek=True)),
            ),
            EventGroup(
                Filter.SUBTREE,
                frozenset({NEW, GONE, NotifyEvent.MAILBOX_NAME}),
                ("Lists", "In box"),
            ),
            EventGroup(Filter.INBOXES, frozenset()),
        ),
        status=True,
    )


def test_one_name_needs_no_list() -> None:
    assert parse(b"NOTIFY SET (mailboxes inbox (SubscriptionChange))") == Notify(
        (EventGroup(Filter.MAILBOXES, frozenset({NotifyEvent.SUBSCRIPTION_CHANGE}), ("INBOX",)),)
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        " SOME",
        " SET",
        " SET STATUS",
        " SET (selected)",
        " SET (selected ())",
        " SET (nearby (MessageNew MessageExpunge))",
        " SET (mailboxes (MessageNew MessageExpunge))",
        " SET (personal (MessageNew))",
        " SET (personal (MessageExpunge))",
        " SET (personal (FlagChange))",
        " SET (personal (MessageNew (UID) MessageExpunge))",
        " SET (selected (MessageExpunge (UID) MessageNew))",
        " SET (selected (SubscriptionChange))",
        " SET (selected NONE) (selected-delayed NONE)",
        " SET (personal NONE)(inboxes NONE)",
        " NONE NONE",
        " SET " + " ".join(["(personal NONE)"] * 101),
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse(("NOTIFY" + text).encode())
    assert not caught.value.refused


@pytest.mark.parametrize("event", ["AnnotationChange", "MessageRead", "X-Own"])
def test_events_there_are_not(event: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse(f"NOTIFY SET (personal ({event}))".encode())
    assert caught.value.refused
    assert (caught.value.code or "").startswith("BADEVENT (MessageNew ")
