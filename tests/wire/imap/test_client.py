import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.imap.client import Client, Condition, Continuation, Untagged
from pillarbox.wire.imap.receiver import CommandLine, Literal, Receiver

STREAM = (
    b"* OK [CAPABILITY IMAP4rev2 AUTH=PLAIN] ready\r\n"
    b"* 5 EXISTS\r\n"
    b"* FLAGS (\\Seen $a)\r\n"
    b'* LIST (\\Noselect) "/" "a \\"b\\""\r\n'
    b"* LIST () NIL {3}\r\na\r\n\r\n"
    b"* 2 FETCH (UID 9 FLAGS () BODY[HEADER.FIELDS (To Cc)]<0> {4}\r\n(\r\n)"
    b" ENVELOPE (NIL ((1))))\r\n"
    b"* SEARCH\r\n"
    b"* VANISHED (EARLIER) 1:5,7\r\n"
    b"+ go\r\n"
    b"+\r\n"
    b"c1 OK [COPYUID 7 1:2 5:6] done\r\n"
    b'c2 NO [BADCHARSET ("a]b")] no\r\n'
    b"c3 BAD\r\n"
    b"* bye now\r\n"
)
RESPONSES = [
    Condition(None, "OK", "ready", "CAPABILITY", ("IMAP4rev2", "AUTH=PLAIN")),
    Untagged("EXISTS", 5, ()),
    Untagged("FLAGS", None, (("\\Seen", "$a"),)),
    Untagged("LIST", None, (("\\Noselect",), b"/", b'a "b"')),
    Untagged("LIST", None, ((), None, b"a\r\n")),
    Untagged(
        "FETCH",
        2,
        (
            (
                "UID", 9, "FLAGS", (), "BODY[HEADER.FIELDS (To Cc)]<0>", b"(\r\n)",
                "ENVELOPE", (None, ((1,),)),
            ),
        ),
    ),
    Untagged("SEARCH", None, ()),
    Untagged("VANISHED", None, (("EARLIER",), "1:5,7")),
    Continuation(b"go"),
    Continuation(b""),
    Condition("c1", "OK", "done", "COPYUID", (7, "1:2", "5:6")),
    Condition("c2", "NO", "no", "BADCHARSET", ((b"a]b",),)),
    Condition("c3", "BAD", ""),
    Condition(None, "BYE", "now"),
]  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
def test_responses_become_values_however_they_are_split(size):
    client = Client()
    got = []
    for start in range(0, len(STREAM), size):
        client.feed(STREAM[start : start + size])
        while (response := client.next()) is not None:
            got.append(response)
    assert got == RESPONSES


def test_fetch_items_by_name():
    items = RESPONSES[5].items
    assert items["UID"] == 9
    assert items["BODY[HEADER.FIELDS (TO CC)]<0>"] == b"(\r\n)"
    assert RESPONSES[1].items == {}


@pytest.mark.parametrize(
    "line",
    [b"", b"* ", b"* ()", b"* (a", b"* a (b", b'* a "b', b"a FETCH 1", b"* OK [", b"* OK [5]", b"*"
     b" a \xff", b"\xff OK", b"* a " + b"(" * 10_000],
)  # fmt: skip
def test_nonsense_is_refused(line):
    client = Client()
    client.feed(line + b"\r\n")
    with pytest.raises(GrammarError):
        client.next()


def test_commands_have_tags_and_literals():
    client = Client("t")
    assert client.command("NOOP").chunks == (b"t1 NOOP\r\n",)
    waiting = client.command("LOGIN ", Literal(b"me"), " ", Literal(b"x"))
    assert waiting.tag == "t2"
    assert waiting.chunks == (b"t2 LOGIN {2}\r\n", b"me {1}\r\n", b"x\r\n")
    at_once = client.command("APPEND a ", Literal(b"\0", binary=True), nonsync=True)
    assert at_once.chunks == (b"t3 APPEND a ~{1+}\r\n\0\r\n",)


def test_the_receiver_reads_what_the_client_writes():
    receiver = Receiver()
    sent = Client().command("LOGIN ", Literal(b"a\r\nb"), " x", nonsync=True)
    receiver.feed(b"".join(sent.chunks))
    assert receiver.next() == CommandLine((b"c1 LOGIN ", Literal(b"a\r\nb"), b" x"))
