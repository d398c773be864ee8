"""Content after DATA and in BDAT chunks: the end mark, stuffing, faults, limits."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.smtp.data import BdatReader, DataFault, DataReader, has_bare_newline

BARE = DataFault.BARE_NEWLINE
NUL = DataFault.NUL


def received(wire: bytes, step: int, limit: int = 10**6, max_line: int = 65536) -> DataReader:
    reader = DataReader(limit, max_line)
    for start in range(0, len(wire), step):
        reader.feed(wire[start : start + step])
    return reader


CONTENTS = [
    (b".\r\n", b""),
    (b"\r\n.\r\n", b"\r\n"),
    (b"a\r\n.\r\n", b"a\r\n"),
    (b"..\r\n.\r\n", b".\r\n"),
    (b"..a\r\n...\r\nb\r\n.\r\n", b".a\r\n..\r\nb\r\n"),
    (b".a\r\n.\r\n", b"a\r\n"),
    (b"a.\r\n.b\r\n\r\n.\r\n", b"a.\r\nb\r\n\r\n"),
    (b"a\x01b\xff\r\n.\r\n", b"a\x01b\xff\r\n"),
    (b"a\r\n..\r\n.\r\nQUIT\r\n.\r\n", b"a\r\n.\r\n"),
]


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 7, 1000])
@pytest.mark.parametrize(("wire", "content"), CONTENTS)
def test_content(wire: bytes, content: bytes, step: int) -> None:
    reader = received(wire, step)
    assert reader.finished
    assert reader.content == content
    assert reader.size_bytes == len(content)
    assert reader.fault is None
    assert reader.rest == (b"QUIT\r\n.\r\n" if b"QUIT" in wire else b"")


# What other servers took for an end mark (RFC 5321 §2.3.8); here none of them is one.
NO_END = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\n\n.\r\n",
    b"\r\r\n.\n",
    b"\r\n.\r\r\n",
    b"\r\n\x00.\r\n",
    b"\r\n.\x00\r\n",
    b"\r\x00\n.\r\n",
    b"\r\n\r.\r\n",
    b"\r\n.\n\r\n",
    b"\x85.\x85",
    b"\r\n. \r\n",
    b"\r\n\xff.\r\n",
]


@pytest.mark.parametrize("step", [1, 2, 3, 1000])
@pytest.mark.parametrize("mark", NO_END, ids=repr)
def test_nothing_else_ends_the_content(mark: bytes, step: int) -> None:
    smuggled = b"MAIL FROM:<evil@example.org>\r\n"
    reader = received(b"a" + mark + smuggled, step)
    assert not reader.finished
    reader.feed(b"x\r\n.\r\n")
    assert reader.finished
    assert reader.rest == b""
    stripped = mark.replace(b"\r\n", b"") + (b"\r" if mark.endswith(b"\r") else b"")
    assert (reader.fault is BARE) == (b"\r" in stripped or b"\n" in stripped)


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 6, 64])
@pytest.mark.parametrize(
    "wire",
    [b"a\nb\r\n.\r\n", b"a\rb\r\n.\r\n", b"a\r\n\n\r\n.\r\n", b"\r\r\n.\r\n",
     b"a\r\n.\rb\r\n.\r\n", b"a\r\n.\r\r\n.\r\n"],
)  # fmt: skip
def test_a_bare_newline_is_a_fault_at_every_split(wire: bytes, step: int) -> None:
    reader = received(b"x" + wire, step)
    assert reader.finished
    assert reader.fault is BARE


@pytest.mark.parametrize("step", [1, 2, 64])
@pytest.mark.parametrize(
    ("wire", "fault"),
    [
        (b"a\0b\r\n.\r\n", NUL),
        (b"a\r\n\0.\r\n\r\n.\r\n", NUL),
        (b"\0\r\n" + b"x" * 200 + b"\r\n.\r\n", NUL),
        (b"x" * 200 + b"\r\n\0\r\n.\r\n", NUL),
        (b"\0\r\na\nb\r\n.\r\n", BARE),
        (b"a\r\0\n.\r\n\r\n.\r\n", BARE),
    ],
)
def test_a_nul_is_a_fault_that_a_bare_newline_outweighs(
    wire: bytes, fault: DataFault, step: int
) -> None:
    """RFC 2045 §2.8."""
    reader = received(wire, step, max_line=100)
    assert reader.finished
    assert reader.fault is fault
    assert reader.was_ambiguous


def test_a_nul_in_chunks_is_a_fault_unless_binary() -> None:
    for chunks in ((b"\0",), (b"a\r\n", b"\0.\r\n"), (b"\0", b"a\r\n")):
        assert read_chunks(chunks).fault is NUL
        assert read_chunks(chunks, binary=True).fault is None
    assert read_chunks((b"\0", b"a\n")).fault is BARE


@pytest.mark.parametrize("step", [1, 3, 100])
@pytest.mark.parametrize(("limit", "too_large"), [(8, False), (7, True), (0, True)])
def test_limit_counts_unstuffed_content(limit: int, too_large: bool, step: int) -> None:
    """RFC 1870 §3; the content is read to its end all the same."""
    reader = received(b"..a\r\n..b\r\n.\r\nRSET\r\n", step, limit)
    assert reader.finished
    assert reader.rest == b"RSET\r\n"
    assert reader.too_large is too_large
    assert reader.content == (b"" if too_large else b".a\r\n.b\r\n")


def test_no_more_than_the_limit_is_kept() -> None:
    reader = DataReader(1000)
    for _ in range(1000):
        assert not reader.feed(b"x" * 98 + b"\r\n")
    assert reader.too_large
    assert reader.content == b""
    assert reader.feed(b".\r\n")
    assert reader.size_bytes == 100_000


@pytest.mark.parametrize("step", [1, 7, 50, 10_000])
@pytest.mark.parametrize(
    ("lengths", "fault"),
    [((99,), None), ((100,), DataFault.LINE_TOO_LONG), ((99, 99, 0, 99), None),
     ((5, 99, 100, 3), DataFault.LINE_TOO_LONG), ((3, 500, 3), DataFault.LINE_TOO_LONG),
     ((1,) * 300, None), ((500,), DataFault.LINE_TOO_LONG)],
)  # fmt: skip
def test_line_limit(lengths: tuple[int, ...], fault: DataFault | None, step: int) -> None:
    wire = b"".join(b"x" * length + b"\r\n" for length in lengths) + b".\r\n"
    reader = received(wire, step, max_line=100)
    assert reader.finished
    assert reader.fault is fault
    assert not reader.was_ambiguous


@pytest.mark.parametrize("step", [1, 10, 10_000])
def test_a_bare_newline_outweighs_a_long_line(step: int) -> None:
    reader = received(b"x" * 200 + b"\r\na\nb\r\n.\r\n", step, max_line=100)
    assert reader.fault is BARE


def test_small_and_large_pieces_keep_their_order() -> None:
    content = b"".join(b"%06d" % number + b"x" * (number % 97) + b"\r\n" for number in range(3000))
    reader = DataReader(10**7)
    start, step = 0, 1
    while start < len(content):
        reader.feed(content[start : start + step])
        start, step = start + step, step * 5 % 20011
    reader.feed(b".\r\n")
    assert reader.content == content


def test_chunks() -> None:
    reader = BdatReader(100)
    reader.begin(4)
    assert not reader.feed(b"ab")
    assert reader.feed(b"\r\nBDAT 2 LAST\r\n")
    assert reader.rest == b"BDAT 2 LAST\r\n"
    reader.begin(2)
    assert reader.feed(b"\r\n")
    assert reader.content == b"ab\r\n\r\n"
    assert reader.fault is None


@pytest.mark.parametrize("chunks", [(b"a\r", b"\nb\r\n"), (b"\r\n.\r", b"\n"), (b"",)])
def test_a_crlf_may_be_cut_by_chunks(chunks: tuple[bytes, ...]) -> None:
    assert read_chunks(chunks).fault is None


@pytest.mark.parametrize(
    "chunks", [(b"a\r",), (b"a\r", b"b\r\n"), (b"\n",), (b"a\r\n", b"\n"), (b"a\r", b"\r\n")]
)
def test_a_bare_newline_in_chunks_is_a_fault_unless_binary(chunks: tuple[bytes, ...]) -> None:
    assert read_chunks(chunks).fault is BARE
    assert read_chunks(chunks, binary=True).fault is None


def read_chunks(chunks: tuple[bytes, ...], *, binary: bool = False) -> BdatReader:
    reader = BdatReader(100, binary=binary)
    for chunk in chunks:
        reader.begin(len(chunk))
        assert reader.feed(chunk)
    return reader


def test_chunks_over_the_limit_are_dropped() -> None:
    reader = BdatReader(5)
    reader.begin(4)
    reader.feed(b"abcd")
    reader.begin(2)
    assert reader.too_large
    assert reader.feed(b"efRSET")
    assert reader.rest == b"RSET"
    assert reader.content == b""


def test_a_chunk_cannot_begin_inside_another() -> None:
    reader = BdatReader(5)
    reader.begin(4)
    with pytest.raises(GrammarError):
        reader.begin(1)


@pytest.mark.parametrize(
    ("content", "bare"),
    [(b"", False), (b"a\r\n", False), (b"\r", True), (b"a\n", True), (b"\r\r\n", True),
     (b"\r\n\n", True), (b"\n\r", True), (b"x" * 9 + b"\r\n" * 9, False)],
)  # fmt: skip
def test_has_bare_newline(content: bytes, bare: bool) -> None:
    assert has_bare_newline(content) is bare
