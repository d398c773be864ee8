"""Header blocks: lookup, unfolding, slices for HEADER.FIELDS."""

from pillarbox.formats.mime.header import Headers, field_slices, unfold

BLOCK = (
    b"Received: one\r\n\tmore\r\nSubject : a\r\n b\r\nnonsense\r\n  folded nonsense\r\n"
    b"RECEIVED:two\r\nX-Empty:\r\nTo: x\r\n\r\n"
)


def test_lookup() -> None:
    headers = Headers(BLOCK)
    assert headers.first(b"subject") == b"a b"
    assert headers.first(b"received") == b"one\tmore"
    assert headers.all(b"received") == [b"one\tmore", b"two"]
    assert headers.joined(b"received") == b"one\tmore, two"
    assert headers.first(b"x-empty") == b""
    assert headers.first(b"absent") is None
    assert headers.joined(b"absent") is None
    assert headers.text(b"absent") is None
    assert b"to" in headers
    assert b"nonsense" not in headers


def test_fields_are_slices_of_the_block() -> None:
    found = list(Headers(BLOCK))
    assert [field.name for field in found] == [
        b"received",
        b"subject",
        b"received",
        b"x-empty",
        b"to",
    ]
    assert BLOCK[found[1].start : found[1].end] == b"Subject : a\r\n b\r\n"
    assert found[0].raw == b" one\r\n\tmore\r"


def test_unfold_drops_nul_and_stray_returns() -> None:
    assert unfold(b" a\r\n b\0c\rd\n") == b"a bcd"


def test_field_slices() -> None:
    assert field_slices(BLOCK, [b"SUBJECT", b"To"]) == b"Subject : a\r\n b\r\nTo: x\r\n\r\n"
    assert field_slices(BLOCK, [b"received", b"Subject"], inverse=True) == (
        b"X-Empty:\r\nTo: x\r\n\r\n"
    )
    assert field_slices(BLOCK, [b"none"]) == b"\r\n"
    assert field_slices(b"To: x", [b"to"]) == b"To: x\r\n"  # and no blank line, as it has none
    assert field_slices(b"To: x\r\n", [b"cc"]) == b""
    assert field_slices(b"To: x\n\n", [b"cc"]) == b"\r\n"
    assert field_slices(b"\r\n", [b"cc"]) == field_slices(b"", [b"cc"]) == b"\r\n"
