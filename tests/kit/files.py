"""Files as they come by mail, made by hand: programs, compound files, archives; and their mail."""

import base64
import io
import struct
import tarfile
from collections.abc import Mapping

PROGRAM = b"MZ" + b"\0" * 58 + struct.pack("<I", 64) + b"PE\0\0" + b"\0" * 200
SHORTCUT = b"\x4c\0\0\0\x01\x14\x02\0" + b"\0" * 80
_FREE, _END = 0xFFFFFFFF, 0xFFFFFFFE


def mail_with(
    name: str,
    data: bytes,
    content_type: str = "application/octet-stream",
    text: str = "Here is the file.",
) -> bytes:
    """A message with one attachment, without anything odd beside it."""
    encoded = base64.encodebytes(data).decode("ascii").replace("\n", "\r\n")
    return (
        "From: Ann <ann@sender.test>\r\nTo: bob@example.test\r\nSubject: File\r\n"
        "Date: Tue, 14 Nov 2023 22:10:00 +0000\r\nMessage-ID: <1@sender.test>\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
        f"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
        f"--b\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: base64\r\n"
        f'Content-Disposition: attachment; filename="{name}"\r\n\r\n{encoded}\r\n--b--\r\n'
    ).encode()


def compound(streams: Mapping[str, bytes], class_id: bytes = bytes(16)) -> bytes:
    """A compound file (MS-CFB) of streams in its root; each is padded to 4096 bytes at least."""
    padded = {name: data.ljust(4096, b"\0") for name, data in streams.items()}
    sectors: list[bytes] = []
    table: list[int] = []

    def add(data: bytes) -> int:
        first = len(sectors)
        count = -(-len(data) // 512)
        sectors.extend(data[at : at + 512].ljust(512, b"\0") for at in range(0, len(data), 512))
        table.extend([*range(first + 1, first + count), _END])
        return first

    places = {name: add(data) for name, data in padded.items()}
    entries = [_entry("Root Entry", 5, _END, 0, class_id, child=1)]
    for number, (name, data) in enumerate(padded.items(), 2):
        right = number if number <= len(padded) else _FREE
        entries.append(_entry(name, 2, places[name], len(data), right=right))
    directory = add(b"".join(entries))
    tables = -(-(len(table) + 1) // 127)
    places_of_tables = list(range(len(sectors), len(sectors) + tables))
    table += [0xFFFFFFFD] * tables
    table += [_FREE] * (tables * 128 - len(table))
    header = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(16)
        + struct.pack("<HHHHH6xIIIIIIIII", 62, 3, 0xFFFE, 9, 6, 0, tables, directory, 0, 4096,
                      _END, 0, _END, 0)
        + struct.pack("<109I", *(places_of_tables + [_FREE] * (109 - tables)))
    )  # fmt: skip
    return header + b"".join(sectors) + struct.pack(f"<{len(table)}I", *table)


def _entry(
    name: str,
    kind: int,
    start: int,
    size: int,
    class_id: bytes = bytes(16),
    right: int = _FREE,
    child: int = _FREE,
) -> bytes:
    text = (name + "\0").encode("utf-16-le")
    return (
        text.ljust(64, b"\0")
        + struct.pack("<HBBIII", len(text), kind, 1, _FREE, right, child)
        + class_id
        + bytes(20)
        + struct.pack("<IQ", start, size)
    )


def tar(files: Mapping[str, bytes]) -> bytes:
    """A tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            file.addfile(member, io.BytesIO(data))
    return out.getvalue()


def rar4(names: Mapping[str, bytes], locked: bool = False) -> bytes:
    """The headers of a RAR 4 archive with stored files; checksums are left out."""
    out = b"Rar!\x1a\x07\0" + struct.pack("<HBHH6x", 0, 0x73, 0, 13)
    for name, data in names.items():
        raw = name.encode()
        fixed = struct.pack("<IIBIIBBHI", len(data), len(data), 0, 0, 0, 20, 0x30, len(raw), 0)
        flags = 0x8000 | (0x04 if locked else 0)
        out += struct.pack("<HBHH", 0, 0x74, flags, 7 + len(fixed) + len(raw)) + fixed + raw + data
    return out + struct.pack("<HBHH", 0, 0x7B, 0, 7)


def rar5(names: Mapping[str, bytes], locked: bool = False) -> bytes:
    """The headers of a RAR 5 archive with stored files; checksums are left out."""
    out = b"Rar!\x1a\x07\x01\0" + _header5(b"\x01\0\0")
    for name, data in names.items():
        raw = name.encode()
        extra = b"\x02\x01\0" if locked else b""
        head = b"\x02" + (b"\x03" + bytes((len(extra),)) if locked else b"\x02")
        head += bytes((len(data),)) + b"\0" + bytes((len(data),)) + b"\0\0\x01"
        out += _header5(head + bytes((len(raw),)) + raw + extra) + data
    return out + _header5(b"\x05\0\0")


def _header5(body: bytes) -> bytes:
    return bytes(4) + bytes((len(body),)) + body
