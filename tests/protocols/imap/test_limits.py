"""Limits on how many messages one command works on, where the admin has set them (RFC 9738 §3)."""

import pytest

from kit.imap import MailHouse, Talk
from pillarbox.protocols.imap.options import ImapOptions

DELETED = 8


async def opened(house: MailHouse, *, bits: int = 0, **limits: int) -> Talk:
    for _ in range(6):
        await house.deliver(b"x", bits=bits)
    return await house.talk(options=ImapOptions(**limits)).login("SELECT INBOX")


async def test_announced_only_where_they_are() -> None:
    from pillarbox.protocols.imap.capability import after_login

    assert not [name for name in after_login(append_limit_bytes=1) if "ELIMIT" in name]
    names = after_login(append_limit_bytes=1, message_limit=7, save_limit=3)
    assert names[-2:] == ["MESSAGELIMIT=7", "SAVELIMIT=3"]


@pytest.mark.parametrize(
    ("asked", "told", "lowest"),
    [("1:*", [5, 6], 5), ("1:2,4,6", [4, 6], 4), ("2:3", [2, 3], 0), ("1,3,5", [3, 5], 3)],
)
async def test_fetch(house: MailHouse, asked: str, told: list[int], lowest: int) -> None:
    talk = await opened(house, message_limit=2)
    lines = await talk.ask(f"FETCH {asked} (UID)")
    assert [int(line.split()[1]) for line in lines[:-1]] == told
    code = f"[MESSAGELIMIT 2 {lowest}] " if lowest else ""
    assert lines[-1] == f"t OK {code}FETCH completed"


async def test_store(house: MailHouse) -> None:
    talk = await opened(house, message_limit=2)
    lines = await talk.ask("UID STORE 1:4 +FLAGS (\\Flagged)")
    assert [line.split()[1] for line in lines[:-1]] == ["3", "4"]
    assert lines[-1].startswith("t OK [MESSAGELIMIT 2 3] ")
    lines = await talk.ask("UID STORE 1:4 (UNCHANGEDSINCE 1) +FLAGS (\\Flagged)")
    assert any("OK [MESSAGELIMIT 2 3]" in line for line in lines[:-1])
    assert lines[-1].startswith("t OK [MODIFIED 3:4] ")


async def test_uid_expunge(house: MailHouse) -> None:
    talk = await opened(house, bits=DELETED, message_limit=4)
    await talk.ask("ENABLE QRESYNC")
    lines = await talk.ask("UID EXPUNGE 1:*")
    assert "* VANISHED 3:6" in lines
    assert any("[HIGHESTMODSEQ " in line for line in lines[:-1])
    assert lines[-1].startswith("t OK [MESSAGELIMIT 4 3] ")
    assert (await talk.ask("UID EXPUNGE 1:2"))[-1].startswith("t OK [HIGHESTMODSEQ ")


async def test_move(house: MailHouse) -> None:
    talk = await opened(house, message_limit=4)
    lines = await talk.ask("UID MOVE 1:6 Trash")
    assert lines[-1].startswith("t OK [MESSAGELIMIT 4 3] ")
    assert (await talk.ask("UID SEARCH ALL"))[0] == "* SEARCH 1 2"


@pytest.mark.parametrize("limits", [{"message_limit": 2}, {"save_limit": 2, "message_limit": 9}])
async def test_what_is_stored_is_stored_whole(house: MailHouse, limits: dict[str, int]) -> None:
    talk = await opened(house, **limits)
    assert (await talk.ask("COPY 1:3 Trash"))[-1].startswith("t NO [MESSAGELIMIT 2] ")
    assert (await talk.ask("STATUS Trash (MESSAGES)"))[0] == '* STATUS "Trash" (MESSAGES 0)'
    assert (await talk.ask("COPY 1:2 Trash"))[-1].startswith("t OK [COPYUID ")
    many = "".join(" {1+}\r\nx" for _ in range(3))
    assert (await talk.ask("APPEND Trash" + many))[-1].startswith("t NO [MESSAGELIMIT 2] ")


async def test_all_of_it_without_limits(house: MailHouse) -> None:
    talk = await opened(house)
    assert len(await talk.ask("FETCH 1:* FLAGS")) == 7
