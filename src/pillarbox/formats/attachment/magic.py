"""Of which kind a file is, by its content.

Facts from the formats' descriptions. Looks at the beginning of a file and at a few fixed places.
"""

import re

HEAD_BYTES = 64 * 1024

_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"\x7fELF", "elf"),
    (b"\xfe\xed\xfa\xce", "mach-o"),
    (b"\xfe\xed\xfa\xcf", "mach-o"),
    (b"\xce\xfa\xed\xfe", "mach-o"),
    (b"\xcf\xfa\xed\xfe", "mach-o"),
    (b"dex\n03", "dex"),
    (b"\x4c\0\0\0\x01\x14\x02\0", "lnk"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"PK\x07\x08", "zip"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07\0", "rar"),
    (b"Rar!\x1a\x07\x01\0", "rar"),
    (b"MSCF\0\0\0\0", "cab"),
    (b"ITSF\x03", "chm"),
    (b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", "onenote"),
    (b"vhdxfile", "vhd"),
    (b"conectix", "vhd"),
    (b"MSWIM\0\0\0", "wim"),
    (b"QFI\xfb", "vhd"),
    (b"KDMV", "vhd"),
    (b"\x60\xea", "arj"),
    (b"%PDF-", "pdf"),
    (b"{\\rt", "rtf"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"BM", "bmp"),
    (b"OggS", "audio"),
    (b"ID3", "audio"),
    (b"fLaC", "audio"),
    (b"#!", "script"),
    (b"[InternetShortcut]", "url"),
)
_AT: tuple[tuple[int, bytes, str], ...] = (
    (7, b"**ACE**", "ace"),
    (2, b"-lh", "lzh"),
    (257, b"ustar", "tar"),
    (0x8001, b"CD001", "iso"),
    (0x8801, b"CD001", "iso"),
    (0x8001, b"BEA01", "iso"),
    (8, b"WEBP", "webp"),
    (4, b"ftyp", "media"),
)
PROGRAMS = frozenset(("pe", "elf", "mach-o", "dex", "class", "chm"))
ARCHIVES = frozenset(
    ("zip", "gzip", "bzip2", "xz", "zstd", "tar", "7z", "rar", "cab", "ace", "arj", "lzh", "wim")
)
RARE_ARCHIVES = frozenset(("cab", "ace", "arj", "lzh", "wim"))
DISK_IMAGES = frozenset(("iso", "vhd", "dmg"))
PICTURES = frozenset(("png", "jpeg", "gif", "tiff", "bmp", "webp", "media"))

_SPACE = b" \t\r\n\0"
_MARKUP = re.compile(
    rb"<(?:!doctype\s++(html|svg)|(html|head|body|script|svg|meta|title|iframe|form)[\s>/])", re.I
)
_OUTER = re.compile(rb"(?:\s++|<!--(?:[^-]++|-(?!->))*+-->|<\?[^>]*+>|<!\[CDATA\[)++")


def kind_of(data: bytes) -> str:
    """The kind of a file in a short word such as `pe`, `zip` or `html`; empty if not known."""
    if data[:2] == b"MZ":
        return "pe" if _is_program(data) else ""
    for beginning, kind in _BEGINNINGS:
        if data.startswith(beginning):
            return _told_apart(kind, data)
    for at, mark, kind in _AT:
        if data.startswith(mark, at) and (kind != "lzh" or data[6:7] == b"-"):
            return kind
    if data.startswith(b"\xca\xfe\xba\xbe"):
        # A few architectures in one file, or the version of a class, which is above 44.
        return "mach-o" if int.from_bytes(data[4:8], "big") < 40 else "class"
    if data[-512:-508] == b"koly":
        return "dmg"
    if data[-512:-504] == b"conectix":
        return "vhd"
    found = data.find(b"%PDF-", 0, 1024)
    if found > 0:
        return "pdf"
    return _text_kind(data)


def _told_apart(kind: str, data: bytes) -> str:
    """Short marks need a second look, for text may begin so too."""
    if kind == "bzip2":
        return kind if data[4:10] == b"1AY&SY" or data[4:10] == b"\x17rE8P\x90" else ""
    if kind == "bmp":
        return kind if data[6:10] == b"\0\0\0\0" else ""
    if kind == "arj":
        return kind if 0 < int.from_bytes(data[2:4], "little") <= 2600 else ""
    return kind


def _is_program(data: bytes) -> bool:
    at = int.from_bytes(data[60:64], "little")
    if data[at : at + 2] in (b"PE", b"NE", b"LE", b"LX"):
        return True
    return b"\0" in data[:64]


def _text_kind(data: bytes) -> str:
    head = data[:HEAD_BYTES]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.replace(b"\0", b"")[2:]
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip(_SPACE)
    if head[:1] != b"<":
        return ""
    outer = _OUTER.match(head)
    found = _MARKUP.match(head, outer.end() if outer else 0)
    if found is None:
        return "xml" if head.startswith(b"<?xml") else ""
    return "svg" if b"svg" in (found[1] or found[2]).lower() else "html"
