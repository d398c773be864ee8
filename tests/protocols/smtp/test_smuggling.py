"""No end of content but the right one: every other one, cut at every byte, in real sessions."""

import itertools

import pytest

from kit.smtp import House, Talk, TalkTo
from pillarbox.base.errors import GrammarError
from pillarbox.wire.smtp import client

ALICE, BOB = "alice@example.test", "bob@example.test"
MARKS = (
    b"\n.\n",
    b"\n.\r\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\n\n.\r\n",
    b"\n\r\n..\r\n",
    b"\r\n.\r\r\n",
    b"\r\n.\n\r\n",
    b"\r\n.\r\0\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\r\0\n.\r\n",
    b"\r\n\r.\r\n",
    b"\r\n..\n.\n",
    b"\r\n..\r\n",
    b"\r\n. \r\n",
    b"\r\n.\t\r\n",
    b"\r\n\x85.\r\n",
    b"\r\n.\x85\x0b\x0c",
)
"""What others took for an end of content (RFC 5321 §2.3.8), and what is near it."""
IN_DOUBT = (b"\r\r\n.\r\n", b"\n\r\n.\r\n", b"\0\r\n.\r\n", b"\n.\n\r\n.\r\n", b"\r\n.\r\r\n.\r\n")
"""Ends, with something before them that lets others see one elsewhere."""
LINE_ENDS = (b"\r\n", b"\n", b"\r")


def smuggled(mark: bytes, line_end: bytes) -> bytes:
    """Content with a mark, and behind it the commands that are to be run."""
    lines = (b"MAIL FROM:<evil@b.test>", b"RCPT TO:<%b>" % BOB.encode(), b"DATA", b"two")
    return b"Subject: one\r\n\r\nhi" + mark + b"".join(line + line_end for line in lines)


async def begun(talk: TalkTo) -> Talk:
    session = await talk()
    answer = await session.lines("EHLO c.test", f"MAIL FROM:<a@b.test>\r\nRCPT TO:<{ALICE}>")
    assert answer[-1].startswith("250 2.1.5")
    return session


async def stored(house: House) -> list[bytes]:
    """What Alice has; nobody else has anything."""
    assert await house.contents(BOB) == []
    assert await house.queued() == []
    return await house.contents(ALICE)


def give(session: Talk, *segments: bytes) -> None:
    """Let a client send segments of which none is read with another."""
    for segment in segments:
        if segment:
            session.connection.give(segment)


async def answers(session: Talk) -> list[bytes]:
    return [line[:4] for line in (await session.hear()).splitlines(keepends=True)]


@pytest.mark.parametrize("mark", MARKS, ids=repr)
async def test_by_data(talk: TalkTo, house: House, mark: bytes) -> None:
    """Cut in two at every byte from before the mark on, and into single bytes."""
    count = 0
    for line_end in LINE_ENDS:
        wire = smuggled(mark, line_end) + b"\r\n.\r\n"
        clean = client_takes(wire.removesuffix(b".\r\n"))
        expected = [b"354 ", *([b"250 "] if clean else [b"554 ", b"421 "])]
        start = wire.index(b"hi")
        cuts: list[tuple[bytes, ...]] = [(wire[:at], wire[at:]) for at in range(start, len(wire))]
        cuts.append(tuple(bytes((one,)) for one in wire))
        for segments in cuts:
            session = await begun(talk)
            give(session, b"DATA\r\n", *segments)
            assert await answers(session) == expected
            count += clean
            assert len(await stored(house)) == count
            await session.hang_up()


@pytest.mark.parametrize("mark", MARKS, ids=repr)
async def test_by_data_that_came_with_its_command(talk: TalkTo, house: House, mark: bytes) -> None:
    wire = b"DATA\r\n" + smuggled(mark, b"\r\n") + b"\r\n.\r\nQUIT\r\n"
    clean = client_takes(smuggled(mark, b"\r\n"))
    for at in range(0, len(wire), 3):
        session = await begun(talk)
        give(session, wire[:at], wire[at:])
        heard = await answers(session)
        assert heard == [b"354 ", *([b"250 ", b"221 "] if clean else [b"554 ", b"421 "])]
        assert session.task.done()
    assert bool(await stored(house)) is clean


@pytest.mark.parametrize("mark", IN_DOUBT, ids=repr)
async def test_nothing_is_run_behind_an_end_in_doubt(
    talk: TalkTo, house: House, mark: bytes
) -> None:
    wire = smuggled(mark, b"\r\n") + b"\r\n.\r\nQUIT\r\n"
    for at in range(len(wire)):
        session = await begun(talk)
        give(session, b"DATA\r\n", wire[:at], wire[at:])
        assert await answers(session) == [b"354 ", b"554 ", b"421 "]
        assert session.task.done()
    assert await stored(house) == []


@pytest.mark.parametrize("mark", MARKS + IN_DOUBT, ids=repr)
async def test_by_chunks(talk: TalkTo, house: House, mark: bytes) -> None:
    """Cut into two chunks at every byte, these into segments across their borders."""
    content = smuggled(mark, b"\r\n") + b".\r\n"
    clean = client_takes(content)
    for count, at in enumerate(range(content.index(b"hi"), len(content)), 1):
        session = await begun(talk)
        wire = client.bdat(content[:at], last=False) + client.bdat(content[at:], last=True)
        edge = len(client.bdat(content[:at], last=False))
        cuts = (edge - 1, edge + 1, edge + 9)
        give(session, *(wire[i:j] for i, j in itertools.pairwise((0, *cuts, len(wire)))))
        assert await answers(session) == [b"250 ", b"250 " if clean else b"554 "]
        assert (await session.lines("NOOP"))[0].startswith("250")
        assert len(await stored(house)) == (count if clean else 0)
        await session.hang_up()
    for one in await stored(house):
        assert one.endswith(content)


def client_takes(content: bytes) -> bool:
    """Whether content may be sent as it is: what others could take for an end may not."""
    try:
        client.stuff(content)
    except GrammarError:
        return False
    return True
