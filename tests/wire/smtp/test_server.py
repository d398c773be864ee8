"""Events of the server's parser: the same at every split, and never content read as commands."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.smtp import commands as c
from pillarbox.wire.smtp.data import BdatReader, DataFault
from pillarbox.wire.smtp.server import (
    MAX_AUTH_OCTETS,
    MAX_LINE_OCTETS,
    AuthLine,
    ChunkEnd,
    DataEnd,
    Event,
    LineTooLong,
    Malformed,
    ServerParser,
)


def shown(event: Event) -> object:
    """The event as a value that can be compared."""
    if isinstance(event, DataEnd):
        return "data", event.reader.content, event.reader.fault, event.reader.too_large
    if isinstance(event, ChunkEnd):
        return "chunk", None if event.reader is None else event.reader.content
    if isinstance(event, Malformed):
        return "malformed", event.verb
    return event


def run(wire: bytes, step: int, *, keep_chunks: bool = True, limit: int = 1000) -> list[object]:
    """What a session that accepts everything sees."""
    parser = ServerParser()
    chunks = BdatReader(limit)
    events: list[object] = []
    for start in range(0, len(wire), step):
        parser.feed(wire[start : start + step])
        while (event := parser.next_event()) is not None:
            events.append(shown(event))
            if isinstance(event, c.Data):
                parser.begin_data(limit)
            elif isinstance(event, c.Bdat) and keep_chunks:
                parser.begin_bdat(chunks)
            elif isinstance(event, c.Auth) and event.initial_response is None:
                parser.begin_auth_line()
    return events


LONG = b"NOOP " + b"x" * (MAX_LINE_OCTETS - 7)

DIALOGS = [
    (b"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n..x\r\n.\r\nQUIT\r\n",
     [c.Ehlo("a"), c.Mail("a@b"), c.Rcpt("c@d"), c.Data(), ("data", b".x\r\n", None, False),
      c.Quit()]),
    (b"DATA\r\n.\r\nDATA\r\na\nb\r\n.\r\nRSET\r\n",
     [c.Data(), ("data", b"", None, False), c.Data(),
      ("data", b"a\nb\r\n", DataFault.BARE_NEWLINE, False), c.Rset()]),
    (b"DATA\r\n" + b"x" * 2000 + b"\r\n.\r\nRSET\r\n",
     [c.Data(), ("data", b"", None, True), c.Rset()]),
    (b"BDAT 6\r\nQUIT\r\nBDAT 0\r\nBDAT 4 LAST\r\nab\r\nNOOP\r\n",
     [c.Bdat(6, False), ("chunk", b"QUIT\r\n"), c.Bdat(0, False), ("chunk", b"QUIT\r\n"),
      c.Bdat(4, True), ("chunk", b"QUIT\r\nab\r\n"), c.Noop()]),
    (b"NOOP\nQUIT\r\nNOOP\rRSET\r\nNO\x00OP\r\n \r\nRSET\r\n",
     [("malformed", ""), ("malformed", ""), ("malformed", ""), ("malformed", ""), c.Rset()]),
    (b"MAIL FROM:<a\r\nMAIL FROM:<a@b> X=1\r\n", [("malformed", "MAIL"), ("malformed", "MAIL")]),
    (b"AUTH LOGIN\r\nQUIT\r\nQUIT\r\n", [c.Auth("LOGIN"), AuthLine(b"QUIT"), c.Quit()]),
    (b"AUTH LOGIN\r\n*\r\n\r\n", [c.Auth("LOGIN"), AuthLine(b"*"), ("malformed", "")]),
    (b"AUTH LOGIN\r\n" + b"A" * (MAX_AUTH_OCTETS - 2) + b"\r\nNOOP\r\n",
     [c.Auth("LOGIN"), AuthLine(b"A" * (MAX_AUTH_OCTETS - 2)), c.Noop()]),
    (b"AUTH LOGIN\r\n" + b"A" * (MAX_AUTH_OCTETS - 1) + b"\r\nNOOP\r\n",
     [c.Auth("LOGIN"), LineTooLong(), c.Noop()]),
    (b"auth PLAIN " + b"A" * 4000 + b"\r\nNOOP\r\n", [c.Auth("PLAIN", bytes(3000)), c.Noop()]),
    (LONG + b"\r\nRSET\r\n", [c.Noop(), c.Rset()]),
    (LONG + b"x\r\nRSET\r\n", [LineTooLong(), c.Rset()]),
    (LONG + b"x" * 9000 + b"\nQUIT\n\r\r\r\nRSET\r\n" + LONG + b"xx\r\n",
     [LineTooLong(), c.Rset(), LineTooLong()]),
]  # fmt: skip


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000, 10**6])
@pytest.mark.parametrize(("wire", "events"), DIALOGS, ids=range(len(DIALOGS)))
def test_events_at_every_split(wire: bytes, events: list[object], step: int) -> None:
    assert run(wire, step) == events


@pytest.mark.parametrize("step", [1, 5, 100])
def test_a_chunk_nobody_wants_is_dropped_not_obeyed(step: int) -> None:
    """RFC 3030 §2: the octets follow at once, whatever the server will say to them."""
    wire = b"BDAT 6\r\nQUIT\r\nBDAT 0 LAST\r\nRSET\r\n"
    events = [c.Bdat(6, False), ("chunk", None), c.Bdat(0, True), ("chunk", None), c.Rset()]
    assert run(wire, step, keep_chunks=False) == events


def test_a_line_too_long_is_told_before_its_end() -> None:
    parser = ServerParser()
    for _ in range(100):
        parser.feed(b"x" * 1000)
        while (event := parser.next_event()) is not None:
            assert event == LineTooLong()
    assert parser.buffered_bytes <= 1


def test_data_that_was_refused_is_read_as_commands() -> None:
    """No 354 was sent, so a client that goes on sends commands."""
    parser = ServerParser()
    parser.feed(b"DATA\r\nRSET\r\n")
    assert parser.next_event() == c.Data()
    assert parser.buffered_bytes == 6
    assert parser.next_event() == c.Rset()


def test_what_came_before_the_handshake_is_forgotten() -> None:
    """RFC 3207 §6: plaintext behind STARTTLS must not be taken as if it came encrypted."""
    parser = ServerParser()
    parser.feed(b"STARTTLS\r\nMAIL FROM:<evil@example.org>\r\nRCPT")
    assert parser.next_event() == c.StartTls()
    parser.reset_after_starttls()
    assert parser.had_pipelined_input
    parser.feed(b"EHLO a\r\n")
    assert parser.next_event() == c.Ehlo("a")
    assert parser.next_event() is None


def test_starttls_without_injection() -> None:
    parser = ServerParser()
    parser.feed(b"STARTTLS\r\n")
    assert parser.next_event() == c.StartTls()
    parser.reset_after_starttls()
    assert not parser.had_pipelined_input


def test_a_skipped_line_does_not_reach_into_the_handshake() -> None:
    parser = ServerParser()
    parser.feed(b"x" * 5000)
    assert parser.next_event() == LineTooLong()
    parser.reset_after_starttls()
    parser.feed(b"NOOP\r\n")
    assert parser.next_event() == c.Noop()


def test_begin_bdat_needs_a_chunk() -> None:
    with pytest.raises(GrammarError):
        ServerParser().begin_bdat(BdatReader(10))


def test_in_content() -> None:
    parser = ServerParser()
    parser.feed(b"DATA\r\n")
    parser.next_event()
    parser.begin_data(100)
    parser.feed(b"a\r\n")
    assert parser.in_content
    parser.feed(b".\r\nQU")
    assert not parser.in_content
    parser.feed(b"IT\r\n")
    assert isinstance(parser.next_event(), DataEnd)
    assert parser.next_event() == c.Quit()
