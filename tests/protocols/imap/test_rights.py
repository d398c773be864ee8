"""Which right each command needs: with all others it is refused, with these alone it works.

(RFC 4314 §4) Alice owns the mailboxes, Bob works with them.
"""

import pytest

from kit.imap import MailHouse, Talk
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.mail.model import Flag
from pillarbox.domain.sharing import acl
from pillarbox.domain.sharing.acl import RightsChange
from pillarbox.domain.sharing.rights import parse_rights

ALL = "lrswipkxtea"
BOB = "bob@example.test"
BOX = "Other Users/alice@example.test/Box"
MESSAGE = b"From: ann@example.test\r\nSubject: hello\r\n\r\nA few words.\r\n"


async def give(house: MailHouse, rights: str, name: str = "Box", who: str = BOB) -> None:
    """Let Bob, or somebody else, have these rights and no others."""
    alice = Actor(house.user.account_id, house.user.address, house.user.domain_id, house.user.role)
    await house.database.write(
        acl.set_rights, alice, name, who, RightsChange.SET, parse_rights(rights)
    )


@pytest.fixture
async def bob(house: MailHouse) -> Talk:
    """A session of Bob's; Alice has a mailbox with two messages, the first flagged."""
    await house.add_user(BOB)
    await house.database.write(mailboxes.create, house.user.account_id, "Box")
    await house.deliver(MESSAGE, "Box", Flag.FLAGGED)
    await house.deliver(MESSAGE, "Box", Flag.DELETED)
    return await house.talk().login(
        "APPEND INBOX (\\Seen \\Deleted \\Flagged k) {1+}\r\nm", user=BOB
    )


def code(lines: list[str]) -> str:
    """Status and response code of an answer, such as `NO NOPERM`."""
    words = lines[-1].split(" ")
    bracket = words[2].strip("[]") if words[2].startswith("[") else ""
    return f"{words[1]} {bracket}".strip()


async def plain(talk: Talk, command: str) -> list[str]:
    """The answer without \\Recent, which comes and goes."""
    return [line.replace("\\Recent", "").replace("  ", " ").replace(" )", ")").replace("( ", "(")
            for line in await talk.ask(command)]  # fmt: skip


AUTHENTICATED = [
    ("r", f'SELECT "{BOX}"', "NONEXISTENT"),
    ("r", f'EXAMINE "{BOX}"', "NONEXISTENT"),
    ("r", f'STATUS "{BOX}" (MESSAGES)', "NONEXISTENT"),
    ("i", f'APPEND "{BOX}" {{1+}}\r\nm', "TRYCREATE"),
    ("k", f'CREATE "{BOX}/Child"', None),
    ("x", f'DELETE "{BOX}"', "NONEXISTENT"),
    ("kx", f'RENAME "{BOX}" "{BOX}x/Other"', "NONEXISTENT"),
    ("a", f'SETACL "{BOX}" {BOB} +l', "NONEXISTENT"),
    ("a", f'DELETEACL "{BOX}" anyone', "NONEXISTENT"),
    ("a", f'GETACL "{BOX}"', "NONEXISTENT"),
    ("a", f'LISTRIGHTS "{BOX}" anyone', "NONEXISTENT"),
    ("", f'MYRIGHTS "{BOX}"', "NONEXISTENT"),
]


@pytest.mark.parametrize(
    ("needed", "command", "unknown"),
    AUTHENTICATED,
    ids=[one[1].split()[0] for one in AUTHENTICATED],
)
async def test_authenticated(
    house: MailHouse, bob: Talk, needed: str, command: str, unknown: str | None
) -> None:
    # The mailbox is renamed to below this one.
    await house.database.write(mailboxes.create, house.user.account_id, "Boxx")
    await give(house, "lk" if "k" in needed else "l", "Boxx")
    for right in needed:
        if right == "k" and command.startswith("RENAME"):
            await give(house, "l", "Boxx")
        await give(house, ALL.replace(right, ""))
        if right == "k" and command.startswith("RENAME"):
            assert code(await bob.ask(command)) == "NO NOPERM", right
            await give(house, "lk", "Boxx")
        else:
            assert code(await bob.ask(command)) == "NO NOPERM", right
    await give(house, ALL.replace("l", ""))
    hidden = await bob.ask(command)
    missing = await bob.ask(command.replace("/Box", "/None"))
    assert code(hidden) == f"NO {unknown or 'NOPERM'}"
    assert hidden[-1] == missing[-1]
    await give(house, "l" + needed)
    assert code(await bob.ask(command)).startswith("OK"), command


SELECTED = [
    ("s", "STORE 1 +FLAGS (\\Seen)"),
    ("s", "STORE 1 -FLAGS.SILENT (\\Seen)"),
    ("t", "STORE 1 +FLAGS (\\Deleted)"),
    ("w", "STORE 1 +FLAGS (\\Answered)"),
    ("w", "STORE 1 +FLAGS (Keyword)"),
    ("e", "EXPUNGE"),
    ("e", "UID EXPUNGE 1:*"),
    ("te", "MOVE 1 INBOX"),
    ("te", "UID MOVE 1 INBOX"),
    ("i", f'COPY 1 "{BOX}"'),
    ("", "COPY 1 INBOX"),
    ("", "FETCH 1 BODY[]"),
    ("", "SEARCH ALL"),
]


@pytest.mark.parametrize(("needed", "command"), SELECTED, ids=[one[1] for one in SELECTED])
async def test_selected(house: MailHouse, bob: Talk, needed: str, command: str) -> None:
    await give(house, ALL)
    assert code(await bob.ask(f'SELECT "{BOX}"')) == "OK READ-WRITE"
    for right in needed:
        await give(house, ALL.replace(right, ""))
        assert code(await bob.ask(command)) == "NO NOPERM", right
    await give(house, "lr" + needed)
    assert code(await bob.ask(command)).startswith("OK"), command


async def test_select_tells_what_may_be_changed(house: MailHouse, bob: Talk) -> None:
    for rights, mode, permanent in (
        ("lr", "READ-ONLY", "()"),
        ("lrpkxa", "READ-ONLY", "()"),
        ("lri", "READ-WRITE", "()"),
        ("lrs", "READ-WRITE", "(\\Seen)"),
        ("lrst", "READ-WRITE", "(\\Deleted \\Seen)"),
        ("lre", "READ-WRITE", "()"),
    ):
        await give(house, rights)
        answer = await bob.ask(f'SELECT "{BOX}"')
        assert code(answer) == f"OK {mode}", rights
        assert any(f"[PERMANENTFLAGS {permanent}]" in line for line in answer), rights
    await give(house, "lrw")
    answer = await bob.ask(f'SELECT "{BOX}"')
    (permanent,) = (line for line in answer if "PERMANENTFLAGS" in line)
    assert "\\Flagged" in permanent
    assert "\\*" in permanent
    assert "\\Seen" not in permanent
    assert "\\Deleted" not in permanent


async def test_store_of_some(house: MailHouse, bob: Talk) -> None:
    """What may not be changed stays, as long as something may (RFC 4314 §4)."""
    await give(house, "lrs")
    await bob.ask(f'SELECT "{BOX}"')
    assert await plain(bob, "STORE 1:2 +FLAGS (\\Seen \\Answered)") == [
        "* 1 FETCH (FLAGS (\\Flagged \\Seen))",
        "* 2 FETCH (FLAGS (\\Deleted \\Seen))",
        "t OK STORE completed",
    ]
    assert (await plain(bob, "STORE 1 FLAGS (\\Answered)"))[0] == "* 1 FETCH (FLAGS (\\Flagged))"
    assert (await bob.ask("STORE 1 -FLAGS (\\Flagged \\Seen)"))[-1].startswith("t OK")
    assert (await plain(bob, "FETCH 1 FLAGS"))[0] == "* 1 FETCH (FLAGS (\\Flagged))"


async def test_fetch_sets_seen_only_with_the_right_to(house: MailHouse, bob: Talk) -> None:
    await give(house, "lrw")
    await bob.ask(f'SELECT "{BOX}"')
    answer = await bob.ask("FETCH 1 (FLAGS BODY[TEXT])")
    assert "\\Seen" not in "".join(answer)
    await give(house, "lrs")
    answer = await bob.ask("FETCH 1 (BODY[TEXT])")
    assert "\\Seen" in "".join(answer)


async def test_close_without_the_right_to_expunge(house: MailHouse, bob: Talk) -> None:
    await give(house, "lrw")
    await bob.ask(f'SELECT "{BOX}"')
    assert await bob.ask("CLOSE") == ["t OK CLOSE completed"]
    assert "MESSAGES 2" in (await bob.ask(f'STATUS "{BOX}" (MESSAGES)'))[0]
    await give(house, "lre")
    await bob.ask(f'SELECT "{BOX}"')
    await bob.ask("CLOSE")
    assert "MESSAGES 1" in (await bob.ask(f'STATUS "{BOX}" (MESSAGES)'))[0]


@pytest.mark.parametrize(
    ("rights", "flags"),
    [
        ("lri", ""),
        ("lris", "\\Seen"),
        ("lrit", "\\Deleted"),
        ("lriw", "\\Flagged k"),
        ("lristw", "\\Flagged \\Deleted \\Seen k"),
    ],
)
async def test_flags_of_new_messages(house: MailHouse, bob: Talk, rights: str, flags: str) -> None:
    """Flags that may not be set are dropped; the messages come (RFC 4314 §4)."""
    await give(house, rights)
    await bob.ask("SELECT INBOX")
    assert code(await bob.ask(f'COPY 1 "{BOX}"')).startswith("OK COPYUID")
    sent = f'APPEND "{BOX}" (\\Seen \\Deleted \\Flagged k) {{1+}}\r\nm'
    assert code(await bob.ask(sent)).startswith("OK APPENDUID")
    await bob.ask(f'EXAMINE "{BOX}"')
    for number, line in enumerate((await plain(bob, "FETCH 3:4 FLAGS"))[:-1], 3):
        assert line == f"* {number} FETCH (FLAGS ({flags}))"


async def test_changed_rights_are_told(house: MailHouse, bob: Talk) -> None:
    """RFC 4314 §5.1.1."""
    await give(house, "lrs")
    await bob.ask(f'SELECT "{BOX}"')
    await give(house, "lrst")
    answer = await bob.ask("NOOP")
    assert answer[0].startswith("* FLAGS (")
    assert answer[1].startswith("* OK [PERMANENTFLAGS (\\Deleted \\Seen)]")
    assert await bob.ask("NOOP") == ["t OK NOOP completed"]


async def test_reading_is_taken_away(house: MailHouse, bob: Talk) -> None:
    """To who has it open the mailbox becomes empty, as if it had been deleted."""
    await give(house, ALL)
    await bob.ask(f'SELECT "{BOX}"')
    await give(house, ALL.replace("r", ""))
    assert await bob.ask("NOOP") == ["* 1 EXPUNGE", "* 1 EXPUNGE", "t OK NOOP completed"]
    assert code(await bob.ask("UID FETCH 1:* BODY[]")) == "NO NOPERM"
    assert code(await bob.ask(f'SELECT "{BOX}"')) == "NO NOPERM"


async def test_reading_is_given_back(house: MailHouse, bob: Talk) -> None:
    """Messages the client was told are gone don't come back unheard of (RFC 7162 §3.2.5)."""
    await give(house, ALL)
    await bob.ask("ENABLE QRESYNC")
    opened = await bob.ask(f'SELECT "{BOX}"')
    validity = next(line for line in opened if "UIDVALIDITY" in line).split()[3].strip("]")
    await give(house, "l")
    assert await bob.ask("NOOP") == [
        "* VANISHED 1:2",
        "* OK [HIGHESTMODSEQ 1] All is told up to here",
        "t OK NOOP completed",
    ]
    assert await bob.ask("NOOP") == ["t OK NOOP completed"]
    await give(house, ALL)
    await house.deliver(MESSAGE, "Box")
    assert (await bob.ask("NOOP"))[-1] == "* BYE You may read the mailbox again; select it anew"
    again = await house.talk().login("ENABLE QRESYNC", user=BOB)
    lines = await again.ask(f'SELECT "{BOX}" (QRESYNC ({validity} 1))')
    assert sum("FETCH (UID" in line for line in lines) == 3, lines


async def test_nothing_is_read_once_reading_is_taken_away(house: MailHouse, bob: Talk) -> None:
    await give(house, ALL)
    await bob.ask(f'SELECT "{BOX}"')
    await give(house, "")
    for command in ("FETCH 1 BODY[]", "COPY 1 INBOX", "SEARCH TEXT words", "MOVE 1 INBOX"):
        assert await bob.ask(command) == ["t NO [NOPERM] You may not do that with this mailbox"]
    assert "MESSAGES 1)" in (await bob.ask("STATUS INBOX (MESSAGES)"))[0]


async def test_idle_tells_of_changes_and_of_the_end(house: MailHouse, bob: Talk) -> None:
    await give(house, "lr")
    await bob.ask(f'SELECT "{BOX}"')
    assert await bob.ask("IDLE") == ["+ Idling"]
    await house.deliver(MESSAGE, "Box")
    assert (await bob.hear_unasked()).startswith(b"* 3 EXISTS\r\n")
    await give(house, "l")
    assert (await bob.hear_unasked()).count(b"EXPUNGE") == 3
    assert (await bob.say(b"DONE\r\n")).endswith(b"t OK IDLE completed\r\n")


async def test_copy_is_all_or_nothing(house: MailHouse, bob: Talk) -> None:
    """RFC 9051 §6.4.7: numbers of messages that are gone refuse the whole."""
    await give(house, ALL)
    alice = await house.talk().login("SELECT Box")
    await bob.ask(f'SELECT "{BOX}"')
    await bob.ask("NOOP")
    await alice.ask("UID EXPUNGE 2")
    # Bob has not been told yet.
    for command in ("COPY 1:2 INBOX", "MOVE 1:2 INBOX"):
        answer = await bob.ask(command)
        assert code(answer) == "NO EXPUNGEISSUED", answer
    assert "MESSAGES 1)" in (await bob.ask("STATUS INBOX (MESSAGES)"))[0]
    assert code(await bob.ask("UID COPY 1:2 INBOX")).startswith("OK COPYUID")
