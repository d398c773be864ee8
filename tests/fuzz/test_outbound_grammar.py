"""Properties of what the outbound client reads and rewrites."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mime.scan import scan
from pillarbox.pipeline.outbound.downgrade import NotPossible, downgrade, with_crlf
from pillarbox.wire.sasl.client import Login, OAuthBearer, Plain, Scram
from pillarbox.wire.smtp.client import Capabilities, has_long_line
from pillarbox.wire.smtp.data import has_bare_newline
from pillarbox.wire.smtp.replies import Reply, ReplyParser

few = settings(max_examples=250, deadline=None)

REPLIES = [
    b"220", b"250", b"354", b"421", b"550", b"999", b"-", b" ", b"\r\n", b"\n", b"\r", b"2.1.5 ",
    b"5.7.1", b"ok", b"\x00", b"\xff", b"SIZE 1", b"AUTH=PLAIN", b"LIMITS RCPTMAX=3", b"=",
    b"x" * 900,
]  # fmt: skip
PIECES = [
    b"\r\n", b"\n", b"\r", b"--b", b"--b--", b"\r\n--b\r\n", b"\r\n\r\n", b": ", b"Subject: ",
    b"From: ", b"To: a@b.test, ", b"Content-Type: ", b"text/plain", b"multipart/mixed; boundary=b",
    b"multipart/signed; boundary=b", b"message/rfc822", b"; name=", b"Content-Transfer-Encoding: ",
    b"8bit", b"binary", b"base64", b"quoted-printable", b"7bit", b"MIME-Version: 1.0\r\n",
    b"=?utf-8?q?x?=", b"=", b"=3D", b"\xc3\xa4", b"\xff", b"\x00", b"<", b">", b'"', b"(", b"@",
    b",", b" ", b"\t", b".", b"x" * 1200, b"word " * 300, b"Message-ID: <x@y>\r\n",
]  # fmt: skip
said = st.lists(st.sampled_from(REPLIES) | st.binary(max_size=3), max_size=20).map(b"".join)
content = st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=30).map(b"".join)


@few
@given(said, st.integers(1, 40))
def test_replies_do_not_depend_on_how_they_come(wire: bytes, size: int) -> None:
    def read(pieces: list[bytes]) -> list[Reply]:
        parser, found = ReplyParser(), []
        with contextlib.suppress(GrammarError):
            for piece in pieces:
                found += parser.feed(piece)
        return found

    whole = read([wire])
    in_pieces = read([wire[at : at + size] for at in range(0, len(wire), size)])
    # Of the pieces before the one that is refused, all replies are given.
    assert in_pieces[: len(whole)] == whole


@few
@given(st.lists(st.text(max_size=40), max_size=8))
def test_capabilities_of_anything(lines: list[str]) -> None:
    found = Capabilities.from_reply(Reply(250, None, tuple(lines)))
    assert found.size_limit_bytes is None or found.size_limit_bytes > 0
    assert found.limit("RCPTMAX") is None or 0 < (found.limit("RCPTMAX") or 0) < 10**6
    assert all(word == word.upper() for word in found.mechanisms)


@few
@given(content, st.booleans(), st.booleans(), st.booleans())
def test_a_downgraded_message_is_what_was_asked_for(
    text: bytes, eight_bit: bool, utf8: bool, binary: bool
) -> None:
    binary = binary and eight_bit
    text = text if binary else with_crlf(text)
    try:
        made = downgrade(text, eight_bit=eight_bit, utf8=utf8, binary=binary)
    except NotPossible:
        return
    if not binary:
        assert not has_long_line(made)
        assert not has_bare_newline(made)
    if not eight_bit:
        assert made.isascii()
    again = downgrade(made, eight_bit=eight_bit, utf8=utf8, binary=binary)
    assert again == made


@few
@given(content)
def test_the_parts_stay_as_many(text: bytes) -> None:
    text = with_crlf(text)
    with contextlib.suppress(NotPossible):
        made = downgrade(text, eight_bit=False, utf8=True)
        assert len(list(scan(made).walk())) == len(list(scan(text).walk()))


@few
@given(content)
def test_line_ends_are_whole(text: bytes) -> None:
    made = with_crlf(text)
    assert not has_bare_newline(made)
    assert with_crlf(made) == made
    assert made.replace(b"\r\n", b"") == text.replace(b"\r", b"").replace(b"\n", b"")


@few
@given(st.text("a\r\n", max_size=30).map(str.encode), st.integers(1, 4))
def test_long_lines_are_found(text: bytes, limit: int) -> None:
    text = with_crlf(text)
    longest = max(len(line) for line in text.split(b"\r\n"))
    assert has_long_line(text, limit) == (longest > limit)


@few
@given(st.lists(st.binary(max_size=60), max_size=4))
def test_challenges_of_anything(challenges: list[bytes]) -> None:
    for exchange in (
        Plain("a", "b"),
        Login("a", "b"),
        OAuthBearer("a", "b"),
        Scram("a", "b", nonce="n"),
    ):
        exchange.first()
        with contextlib.suppress(GrammarError):
            for challenge in challenges:
                exchange.step(challenge)
            exchange.done()
