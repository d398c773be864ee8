"""SEARCH, SORT, THREAD and ESEARCH in sessions: what they remember, refuse and tell (RFC 9585)."""

import asyncio
import re
from typing import Any

import pytest

from kit.imap import MailHouse, Talk
from kit.login import PASSWORD
from pillarbox.domain.mail.model import Flag
from pillarbox.protocols.imap.options import ImapOptions
from pillarbox.protocols.imap.progress import Progress


def mail(subject: str, date: str = "", own: str = "", references: str = "") -> bytes:
    lines = ["From: ann@example.test", f"Subject: {subject}"]
    if date:
        lines.append(f"Date: {date}")
    if own:
        lines.append(f"Message-ID: <{own}@x.test>")
    if references:
        lines.append(f"In-Reply-To: <{references}@x.test>")
    return ("\r\n".join(lines) + "\r\n\r\nwords\r\n").encode()


async def filled(house: MailHouse, *commands: str) -> Talk:
    await house.deliver(mail("one", own="a"), bits=Flag.SEEN)
    await house.deliver(mail("two", own="b", references="a"))
    await house.deliver(mail("three", own="c"))
    return await house.talk().login(*commands)


async def test_rev2_has_extended_answers_only(house: MailHouse) -> None:
    talk = await filled(house, "ENABLE IMAP4rev2", "SELECT INBOX")
    assert (await talk.ask("SEARCH UNSEEN"))[0] == '* ESEARCH (TAG "t") ALL 2:3'
    assert (await talk.ask("UID SEARCH SUBJECT two"))[0] == '* ESEARCH (TAG "t") UID ALL 2'
    assert (await talk.ask("SEARCH FLAGGED"))[0] == '* ESEARCH (TAG "t")'
    assert (await talk.ask("SEARCH CHARSET UTF-8 SEEN"))[0] == '* ESEARCH (TAG "t") ALL 1'


async def test_with_utf8_accepted_searches_have_no_charset(house: MailHouse) -> None:
    talk = await filled(house, "ENABLE UTF8=ACCEPT", "SELECT INBOX")
    assert (await talk.ask("SEARCH CHARSET UTF-8 SEEN"))[0].startswith("t BAD ")
    assert (await talk.ask("ESEARCH CHARSET UTF-8 SEEN"))[0].startswith("t BAD ")
    assert (await talk.ask("SEARCH SEEN"))[0] == "* SEARCH 1"
    assert (await talk.ask("SORT (SUBJECT) UTF-8 ALL"))[0] == "* SORT 1 3 2"


@pytest.mark.parametrize(
    "command",
    [
        "SEARCH ALL",
        "SORT (SUBJECT) UTF-8 ALL",
        "THREAD REFERENCES UTF-8 ALL",
        "UID SEARCH NOT 1:2",
        "UID SORT (DATE) UTF-8 OR SEEN 1",
        "UID THREAD REFERENCES UTF-8 (SEEN 1)",
        "ESEARCH IN (personal) 1",
    ],
)
async def test_without_numbers_they_are_refused(house: MailHouse, command: str) -> None:
    talk = await filled(house, "ENABLE UIDONLY", "SELECT INBOX")
    assert (await talk.ask(command))[-1].startswith("t BAD [UIDREQUIRED] ")
    assert (await talk.ask("UID SORT (SUBJECT) UTF-8 UID 2:*"))[0] == "* SORT 3 2"


async def test_an_empty_mailbox(house: MailHouse) -> None:
    talk = await house.talk().login("SELECT INBOX")
    assert (await talk.ask("SEARCH 1:*"))[0] == "* SEARCH"
    assert (await talk.ask("SEARCH RETURN (COUNT MIN) TEXT x"))[0] == '* ESEARCH (TAG "t") COUNT 0'
    assert (await talk.ask("SORT (SUBJECT) UTF-8 ALL"))[0] == "* SORT"
    assert (await talk.ask("UID THREAD ORDEREDSUBJECT UTF-8 1"))[0] == "* THREAD"
    assert (await talk.ask("ESEARCH IN (personal) ALL"))[0] == "t OK ESEARCH completed"


async def test_threads_are_found_by_their_id(house: MailHouse) -> None:
    talk = await filled(house, "SELECT INBOX")
    lines = await talk.ask("FETCH 1:* (UID THREADID)")
    ids = [re.search(r"THREADID \((T\w+)\)", line) for line in lines[:3]]
    first, second, third = (found[1] for found in ids if found)
    assert first == second != third
    assert (await talk.ask(f"SEARCH THREADID {first}"))[0] == "* SEARCH 1 2"
    assert (await talk.ask(f"UID SEARCH NOT THREADID {first}"))[0] == "* SEARCH 3"
    lines = await talk.ask("FETCH 3 EMAILID")
    found = re.search(r"EMAILID \((M\w+)\)", lines[0])
    assert found
    assert (await talk.ask(f"SEARCH OR EMAILID {found[1]} SEEN"))[0] == "* SEARCH 1 3"


async def test_sent_dates_are_those_written(house: MailHouse) -> None:
    # In UTC the one is of the day before, the other of the day after.
    await house.deliver(mail("early", "Fri, 02 Jan 2026 00:30:00 +0900"))
    await house.deliver(mail("late", "Fri, 02 Jan 2026 23:30:00 -0800"))
    talk = await house.talk().login("SELECT INBOX")
    assert (await talk.ask("SEARCH SENTON 2-Jan-2026"))[0] == "* SEARCH 1 2"
    assert (await talk.ask("SEARCH SENTBEFORE 2-Jan-2026"))[0] == "* SEARCH"
    assert (await talk.ask("SEARCH SENTSINCE 3-Jan-2026"))[0] == "* SEARCH"
    # The order is that of the instants.
    assert (await talk.ask("SORT (REVERSE DATE) UTF-8 ALL"))[0] == "* SORT 2 1"


async def test_a_failed_search_leaves_nothing_saved(house: MailHouse) -> None:
    talk = await filled(house, "SELECT INBOX", "SEARCH RETURN (SAVE) SEEN")
    assert (await talk.ask("UID SEARCH $"))[0] == "* SEARCH 1"
    async with house.searches, house.searches:
        waiting = [asyncio.ensure_future(house.searches.__aenter__()) for _ in range(8)]
        await asyncio.sleep(0)
        lines = await talk.ask("SEARCH RETURN (SAVE) BODY words")
        assert lines[-1].startswith("t NO [NOTSAVED] ")
        for one in waiting:
            one.cancel()
    assert (await talk.ask("UID SEARCH $"))[0] == "* SEARCH"
    lines = await talk.ask("FETCH $ FLAGS")
    assert lines == ["t OK FETCH completed"]


@pytest.mark.parametrize(
    ("options", "saved"),
    [
        ("SAVE", "1 2 3"),
        ("SAVE MIN", "1"),
        ("SAVE MIN MAX", "1 3"),
        ("SAVE MIN COUNT", "1 2 3"),
        ("SAVE PARTIAL 2:2", "2"),
        ("SAVE PARTIAL 2:2 MAX", "2 3"),
        ("SAVE PARTIAL 2:2 COUNT", "1 2 3"),
        ("SAVE PARTIAL 9:9", ""),
    ],
)
async def test_what_is_saved(house: MailHouse, options: str, saved: str) -> None:
    talk = await filled(house, "SELECT INBOX", f"SEARCH RETURN ({options}) ALL")
    assert (await talk.ask("UID SEARCH $"))[0] == f"* SEARCH {saved}".strip()


async def test_what_others_expunged_is_not_found(house: MailHouse) -> None:
    talk = await filled(house, "SELECT INBOX", "SEARCH ALL")
    other = await house.talk().login("SELECT INBOX", r"STORE 2 +FLAGS (\Deleted)", "EXPUNGE")
    assert (await other.ask("NOOP"))[-1].startswith("t OK")
    # Numbers stay as long as numbers are asked for.
    assert (await talk.ask("SORT (ARRIVAL) UTF-8 ALL"))[-2] == "* SORT 1 3"
    assert (await talk.ask("THREAD REFERENCES UTF-8 ALL"))[-2] == "* THREAD (1)(3)"
    lines = await talk.ask("UID SORT (REVERSE SUBJECT) UTF-8 ALL")
    assert lines == ["* 2 EXPUNGE", "* SORT 3 1", "t OK SORT completed"]


async def test_several_mailboxes_of_others_as_far_as_rights_go(house: MailHouse) -> None:
    await filled(house)
    await house.add_user("bob@example.test")
    alice = await house.talk().login("CREATE Plans", "CREATE Secret")
    for name, rights in (("INBOX", "lr"), ("Plans", "l")):
        lines = await alice.ask(f"SETACL {name} bob@example.test {rights}")
        assert lines[-1].startswith("t OK"), lines
    for name in ("Plans", "Secret"):
        await house.deliver(mail("one"), name)
    bob = house.talk()
    await bob.hear()
    await bob.ask(f'LOGIN bob@example.test "{PASSWORD}"')
    shared = "Other Users/alice@example.test"
    for source in (
        f'mailboxes ("{shared}/INBOX" "{shared}/Plans" "{shared}/Secret")',
        f'subtree "{shared}"',
        f'personal subtree-one "{shared}"',
    ):
        lines = await bob.ask(f"ESEARCH IN ({source}) SUBJECT one")
        assert len(lines) == 2, lines
        assert lines[0].startswith(f'* ESEARCH (TAG "t" MAILBOX "{shared}/INBOX" UIDVALIDITY ')
        assert lines[0].endswith(" UID ALL 1")


async def test_subtrees(house: MailHouse) -> None:
    talk = await house.talk().login(*(f"CREATE {name}" for name in ("a/b/c", "ab/c", "b/a")))
    for name in ("a", "a/b", "a/b/c", "ab/c", "b/a"):
        await house.deliver(mail("one"), name)
    many = " ".join(f"none{number}" for number in range(900))
    for source, expected in (
        ("subtree a", ["a", "a/b", "a/b/c"]),
        ("subtree-one a", ["a", "a/b"]),
        ("subtree (a/b ab)", ["a/b", "a/b/c", "ab/c"]),
        ("subtree-one (a/b ab/c a/)", ["a/b", "a/b/c", "ab/c"]),
        (f"subtree ({many} b)", ["b/a"]),
    ):
        lines = await talk.ask(f"ESEARCH IN ({source}) SUBJECT one")
        found = [line.split(" MAILBOX ")[1].split(" ")[0].strip('"') for line in lines[:-1]]
        assert sorted(found) == expected, source


async def test_too_many_mailboxes(house: MailHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pillarbox.protocols.imap.commands.esearch.MAX_MAILBOXES", 3)
    talk = await filled(house)
    assert (await talk.ask("ESEARCH IN (personal) ALL"))[-1].startswith("t NO [LIMIT] ")


async def test_long_commands_say_how_far_they_are(house: MailHouse) -> None:
    await filled(house)
    options = ImapOptions("mx.example.test", progress_every_s=0.01)
    talk = await house.talk(options=options).login("SELECT INBOX")
    async with house.searches, house.searches:
        talk.connection.give(b"t1 SEARCH BODY words\r\n")
        heard = (await talk.hear_unasked()).splitlines()
        assert heard[0].startswith(b'* OK [INPROGRESS ("t1" NIL NIL)] ')
        talk.session.progress.tell(2, 3)
        heard = []
        while not any(b'[INPROGRESS ("t1" 2 3)]' in line for line in heard):
            heard = (await talk.hear_unasked()).splitlines()
    lines = (await talk.hear()).splitlines()
    assert lines[-2:] == [b"* SEARCH 1 2 3", b"t1 OK SEARCH completed"]
    assert (await talk.ask("NOOP")) == ["t OK NOOP completed"]


async def test_whoever_left_is_not_worked_for(house: MailHouse) -> None:
    options = ImapOptions("mx.example.test", progress_every_s=0.01)
    talk = await house.talk(options=options).login("SELECT INBOX")
    progress = Progress(talk.session, 10.0)
    talk.connection.lost = True
    with progress:
        progress.tell_or_end(1, 2)
        async with asyncio.timeout(5):
            with pytest.raises(ConnectionResetError):
                await _tell_forever(progress)


async def _tell_forever(progress: Progress) -> None:
    while True:
        await asyncio.sleep(0)
        progress.tell_or_end(1, 2)


async def test_two_thousand_keys(house: MailHouse) -> None:
    talk = await filled(house, "SELECT INBOX")
    keys = " ".join(["SEEN NOT UNSEEN"] * 660)
    assert (await talk.ask(f"SEARCH {keys}"))[0] == "* SEARCH 1"
    keys = " ".join(["SUBJECT o NOT SUBJECT x"] * 660)
    assert (await talk.ask(f"SEARCH {keys}"))[0] == "* SEARCH 1 2"


@pytest.mark.parametrize(
    ("keys", "threads"), [("SEEN", 0), ("1:3", 0), ("1,3", 1), ("$", 1), ("UID 1,2,3", 1)]
)
async def test_many_ranges_are_judged_in_a_thread(
    house: MailHouse, monkeypatch: pytest.MonkeyPatch, keys: str, threads: int
) -> None:
    talk = await filled(house, "SELECT INBOX", "SEARCH RETURN (SAVE) OR SUBJECT one SUBJECT three")
    monkeypatch.setattr("pillarbox.protocols.imap.commands.search._JUDGED_ON_LOOP", 200)
    called: list[object] = []
    in_thread = asyncio.to_thread

    async def counted(*args: Any) -> Any:
        called.append(args[0])
        return await in_thread(*args)

    monkeypatch.setattr(asyncio, "to_thread", counted)
    assert (await talk.ask(f"SEARCH {keys}"))[-1].startswith("t OK")
    assert len(called) == threads
