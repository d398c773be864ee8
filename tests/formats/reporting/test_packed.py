"""Packed reports are opened within limits."""

import io
import zipfile

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.reporting.packed import MAX_PACKED_BYTES, pack, unpack, unzip

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return out.getvalue()


def test_gzip() -> None:
    assert pack(b"x" * 1000) == pack(b"x" * 1000)
    assert unpack(pack(b"x" * 1000), 1000) == b"x" * 1000


@pytest.mark.parametrize(
    "content",
    [b"", b"xyz", pack(b"x" * 1001), pack(b"x")[:-1], bytes(MAX_PACKED_BYTES + 1)],
)
def test_no_gzip(content: bytes) -> None:
    with pytest.raises(GrammarError):
        unpack(content, 1000)


@pytest.mark.parametrize("method", METHODS)
def test_zip(method: int) -> None:
    content = zipped(("a/", b""), ("x.txt", b"no"), ("R.XML", b"yes"), method=method)
    assert unzip(content, 1000, ".xml") == b"yes"
    assert unzip(zipped(("x", b"only"), method=method), 1000, ".xml") == b"only"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        zipped(),
        zipped(("a/", b"")),
        zipped(("x.xml", b"x" * 1001)),
        zipped(("x.xml", b"x"))[:-10],
        zipped(("x.xml", b"hello" * 99)).replace(b"x.xml", b"y.xml", 1),
        bytes(MAX_PACKED_BYTES + 1),
    ],
)
def test_no_zip(content: bytes) -> None:
    with pytest.raises(GrammarError):
        unzip(content, 1000, ".xml")
