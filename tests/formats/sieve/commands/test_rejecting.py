"""reject and ereject (RFC 5429), and what can't be done beside them."""

import pytest

from kit.sieve import at, run_script
from pillarbox.formats.sieve.actions import Keep, Notify, Reject

REQUIRE = (
    'require ["reject", "ereject", "fileinto", "copy", "vacation", "enotify", "imap4flags"];\n'
)
OTHERS = (
    "keep",
    'fileinto "X"',
    'fileinto :copy "X"',
    'redirect "a@example.org"',
    'redirect :copy "a@example.org"',
    'vacation "away"',
    'reject "b"',
    'ereject "b"',
)


@pytest.mark.parametrize(("word", "early"), [("reject", False), ("ereject", True)])
def test_a_reason(word: str, early: bool) -> None:
    outcome = run_script(f'{REQUIRE}{word} "No.\r\nNever.";')
    (action,) = outcome.actions
    assert action == Reject("No.\r\nNever.", early, action.where)
    assert outcome.steps[-1].text == f'{word} "No. Never."'


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("word", ["reject", "ereject"])
def test_conflicts(word: str, other: str) -> None:
    for first, second in ((f'{word} "a"', other), (other, f'{word} "a"')):
        outcome = run_script(f"{REQUIRE}{first};\n  {second};")
        assert outcome.failure is not None
        now, before = second.split()[0], first.split()[0]
        assert str(outcome.failure) == (
            f"line 3, column 3: {now} can't be used after {before} in line 2"
        )
        assert [type(action) for action in outcome.actions] == [Keep]


@pytest.mark.parametrize("other", ["discard", 'setflag "x"', "stop"])
def test_what_goes_beside_it(other: str) -> None:
    outcome = run_script(f'{REQUIRE}reject "a"; {other};')
    assert [type(action) for action in outcome.actions] == [Reject]


def test_a_notification_goes_beside_it() -> None:
    outcome = run_script(f'{REQUIRE}reject "a"; notify "mailto:a@example.org";')
    assert [type(action) for action in outcome.actions] == [Reject, Notify]


def test_what_lies_in_a_mailbox_is_not_refused() -> None:
    outcome = run_script(f'{REQUIRE}reject "a";', here=at(in_mailbox=True))
    assert str(outcome.failure) == (
        "line 2, column 1: reject: the message lies in a mailbox already"
    )
