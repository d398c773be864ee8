"""Any bytes as messages and files: the checks of content find something or nothing; time is linear.

Files begin as whole ones of each format and are then damaged, so that readers get far into them.
"""

import asyncio
import gzip
import random
import struct
import time
from collections.abc import Collection

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.checks import arrival
from kit.clock import FakeClock
from kit.documents import archive, pdf, word
from kit.files import PROGRAM, compound, mail_with, rar4, rar5, tar
from pillarbox.formats.attachment.found import Budget, Found
from pillarbox.formats.attachment.inspect import inspect
from pillarbox.formats.attachment.uuencoded import uuencoded
from pillarbox.pipeline.inbound.checks.attachments import AttachmentCheck
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.inbound.checks.disguise import skeleton, unseen
from pillarbox.pipeline.inbound.checks.headers import HeaderCheck
from pillarbox.pipeline.inbound.checks.html import HtmlCheck
from pillarbox.pipeline.inbound.checks.links import LinkCheck
from pillarbox.pipeline.inbound.checks.lookalike import LookalikeCheck
from pillarbox.pipeline.inbound.checks.mime import MimeCheck
from pillarbox.pipeline.inbound.checks.resemblance import label_way, taken_apart

FUZZ = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
PDF = (
    b"%PDF-1.5\n2 0 obj << /Type /ObjStm /Filter /FlateDecode >>\nstream\r\nx\x9c\x03\0\0\0\0\x01"
    b"\nendstream /JS (x) /J#61vaScript /Launch /Encrypt 1 0 R"
)
SEEDS = [
    PROGRAM,
    archive({"a/b.txt": "x" * 500, "c.zip": archive({"d.exe": PROGRAM})}),
    word("text"),
    archive({"[Content_Types].xml": "", "a/vbaProject.bin": compound({"VBA": b""}),
             "_rels/a.rels": '<a Type="/frame" TargetMode="External" Target="http://x"/>',
             "word/embeddings/a.bin": compound({"\x01Ole10Native": b"x"})}),
    compound({"Workbook": b"\x09\x08\x04\0\0\x06\x05\0\x85\0\x09\0\0\0\0\0\0\x01\x01\0A"}),
    compound({"_VBA_PROJECT": b"AutoOpen", "EncryptedPackage": b"x" * 9000}),
    tar({"a" * 150 + ".txt": b"x" * 600, "b": b"y"}),
    gzip.compress(tar({"a.js": b"x"}), mtime=0),
    rar4({"a.txt": b"xyz", "b.exe": b""}),
    rar5({"a.txt": b"xyz", "b.exe": b""}, locked=True),
    pdf("page"),
    PDF,
    b"\xff\xfe" + "<html><script>new Blob(atob(1))</script>".encode("utf-16-le"),
    b"<?xml version='1.0'?><!-- a --><svg onload='x'><script>",
    b"{\\rtf1\\objdata",
]  # fmt: skip
NAMES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["a.exe", "a.pdf.js", "a\u202efdp.exe", "a.tar", "a.tgz", "a.zip", "a.gz", "."]
    ),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file with some bytes changed, cut out or put in."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        change = draw(st.sampled_from(("set", "cut", "put", "end")))
        if change == "set":
            data[at : at + 4] = draw(
                st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff", struct.pack("<I", at)])
            )
        elif change == "cut":
            del data[at : at + draw(st.integers(1, 600))]
        elif change == "put":
            data[at:at] = draw(st.binary(max_size=8))
        else:
            del data[at:]
    return bytes(data)


@FUZZ
@given(NAMES, st.one_of(damaged(), st.binary(max_size=300)), st.integers(0, 2000))
def test_files_take_anything(name: str, data: bytes, bytes_left: int) -> None:
    for budget in (Budget(), Budget(bytes_left=bytes_left, files_left=3, names_left=20)):
        found = inspect(name, "application/octet-stream", data, budget)
        assert all(isinstance(one, Found) for one in found)
        assert len(found) <= 200


async def own() -> Collection[str]:
    return frozenset(("example.test", "xn--mller-kva.de"))


async def people(domain: str) -> Collection[str]:
    return frozenset(("Bob Miller", "Łukasz Żak", ""))


def checks() -> list[Check]:
    return [
        *(HeaderCheck(FakeClock()), MimeCheck(), HtmlCheck(), LinkCheck(), AttachmentCheck()),
        LookalikeCheck(own, people, lambda arrival: own()),
    ]


def look(content: bytes) -> None:
    async def run() -> None:
        for check in checks():
            for one in await check.run(arrival(content)):
                (one.name + one.detail).encode("utf-8", "surrogateescape")
                assert one.name in {kind.name for kind in check.kinds}

    asyncio.run(run())


PIECES = [
    *(b"\r\n", b"\r\n\r\n", b"--b\r\n", b"--b--", b" ", b"<", b">", b"@", b'"', b"=", b"\0"),
    *(b"\xff",),
    *(b"From: ", b"To: ", b"Subject: ", b"Date: ", b"Reply-To: ", b"Received: by a; ", b"Re: "),
    *(b"Bob Miller <x@evil.test>", b"a@examp1e.test", b"x@xn--pypal-4ve.com", b"x@xn--a"),
    *(b"x@xn--",),
    *(b"paypal.com ", b"\xe2\x80\xae", b"\xe2\x80\x8b", b"\xd0\xb0", b"a", b"1 Jan 2026 10:00"),
    *(b"=?utf-8?b?4oCL?=", b"=?utf-7?q?+2AA-?=", b"undisclosed:;", b"http://1.2.3.4:99/", b"href="),
    b"Content-Type: multipart/alternative; boundary=b\r\n",
    b"Content-Type: text/html; charset=utf-8\r\n\r\n",
    b"Content-Type: text/plain; charset=utf-7\r\n\r\n+2AA-",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Type: application/zip; name=a.zip\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nUEsDBA==",
    b"Content-Disposition: attachment; filename*=utf-8''%E2%80%AEa.exe\r\n",
    *(b"<div style='display:none'>", b"<a href=http://x@y.test/>www.z.test</a>", b"<!--", b"-->"),
    *(b"<script>", b"</script>", b"<img src=//x>", b"<style>", b"&#8203;", b"<p ", b"style=\""),
]  # fmt: skip
MESSAGES = st.one_of(
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=6)), max_size=40).map(b"".join),
    st.binary(max_size=200),
)


@FUZZ
@given(MESSAGES)
def test_checks_take_any_message(content: bytes) -> None:
    look(content)


@FUZZ
@given(damaged())
def test_checks_take_any_file(data: bytes) -> None:
    look(mail_with("a.zip", data))


@FUZZ
@given(st.text(max_size=60), st.text(max_size=20))
def test_names_take_anything(text: str, other: str) -> None:
    unseen(text)
    list(uuencoded(f"begin 644 a\n{text}\n`\nend\nbegin 644 {text}\n"))
    assert skeleton(text.upper().lower()) == skeleton(text.upper().lower().upper().lower())
    label_way(text, other)
    taken_apart(text)
    taken_apart("xn--" + text)


MEGABYTE = 1_000_000
HTML = b"Content-Type: text/html; charset=utf-8\r\n\r\n"
FILE = b"Content-Type: text/html; name=a.html\r\nContent-Disposition: attachment\r\n\r\n<html>"
UNITS = [
    *((HTML, one) for one in (
        *(b"<", b"<a ", b"<div>", b"<div style='display:none'>", b"</div>", b"<!--", b"<!-- -"),
        *(b"-->",),
        *(b"<p style=", b"<p style='", b"<a href=http://a.test/>b.test</a>", b"&", b"&zwnj;a"),
        *(b"<b>x",),
        *(b"<form><input type=password>", b"<meta http-equiv=", b"<img src=//x>", b"<script>"),
        *(b"<i a=\"",),
        *("a\u200b".encode(), "аb".encode(), "\u200b".encode(), b"style=display:none;", b"<x ;;;;"),
    )),
    *((b"\r\n", one) for one in (
        *(b"http://a.test/", b"a.", b"@", b"x@a.test ", b"http://", b"1.", "aа".encode(), b"pass "),
        *("V\u200bi\u200b".encode(), b"XJS*C4JDBQADN1.", b"\0", b"word1 ", b"begin 644 a\n"),
    )),
    *((FILE, one) for one in (
        *(b"<script ", b" onx=", b" onload ", b"atob (", b"new ", b"new\n\n\n", b"<!--", b"<?"),
        *(b"href =",),
    )),
    *((b"", one) for one in (
        *(b"Received: by a; 1 Jan 2026 10:00\r\n", b"To: a@b.test\r\n", b"Subject: a!\r\n"),
        *(b"a:\r\n",),
        *(b"Content-Type: text/plain\r\n", b"\r", b"From: x@y.test\r\n", b"X: \x01\r\n"),
    )),
    *((b"Subject: ", one) for one in (
        *(b"=?utf-8?b?YQ==?= ", b"A B ", b"!", b" ", b"a ", "аa".encode(), "\u202e".encode()),
        *(b"Re: ",),
    )),
    *((b"From: ", one) for one in (
        *(b"a@b.test ", b"a.", b"a@", b'"x@y.test" ', b"a-", b"a.com ", b"A"),
    )),
    *((b"Content-Type: application/pdf; name=a.pdf\r\n\r\n%PDF-1.5 ", one) for one in (
        *(b"/JS ", b"/ObjStm stream\n", b"/#61", b"/Encrypt 1 ", b"/ObjStm", b"/a#"),
    )),
    *((b"Content-Type: application/x; name=a.", one) for one in (b"pdf.", b".", b" ", b"_", b"\\")),
]  # fmt: skip


async def timed(content: bytes) -> float:
    every = checks()
    for check in every:
        await check.run(arrival(b"Subject: x\r\n\r\nhttp://a.test/\r\n"))
    message = arrival(content)
    began = time.process_time()
    for check in every:
        await check.run(message)
    return time.process_time() - began


@pytest.mark.parametrize("number", range(len(UNITS)))
async def test_hostile_bulk_takes_linear_time(number: int) -> None:
    head, unit = UNITS[number]
    # What takes quadratic time takes minutes with so much.
    assert await timed(head + unit * (MEGABYTE // len(unit))) < 4


async def test_ten_thousand_links_take_linear_time() -> None:
    markup = b"".join(
        b"<a href='http://h%d.test/a?b=%d'>www.s%d.test</a>\n" % (n, n, n) for n in range(10_000)
    )
    assert await timed(HTML + markup) < 4


async def test_deep_multiparts_take_linear_time() -> None:
    parts = b"".join(
        b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (n, n + 1)
        for n in range(10_000)
    )
    assert await timed(b"Content-Type: multipart/mixed; boundary=b0\r\n\r\n" + parts) < 4


async def test_nested_archives_take_no_more_than_their_budget() -> None:
    noise = random.Random(5).randbytes(20_000)
    inner = archive({f"{n}.txt": noise[n : n + 2000] for n in range(300)})
    middle = archive({f"{n}.zip": inner for n in range(20)})
    assert await timed(mail_with("a.zip", archive({f"{n}.zip": middle for n in range(10)}))) < 8


async def test_archives_of_very_many_names_take_no_more_than_their_budget() -> None:
    inner = archive({f"{n}": "" for n in range(10_000)})
    assert await timed(mail_with("a.zip", archive({f"{n}.zip": inner for n in range(30)}))) < 8


async def test_packed_zeros_take_no_more_than_their_budget() -> None:
    zeros = gzip.compress(bytes(30_000_000))
    data = archive({f"{n}.gz": zeros for n in range(100)})
    assert await timed(mail_with("a.zip", data)) < 8
