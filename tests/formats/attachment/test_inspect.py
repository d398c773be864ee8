"""What is found in files: by name, by content, inside archives; and that looking has limits."""

import bz2
import gzip
import io
import lzma
import zipfile

import pytest

from kit.documents import archive, pdf, word
from kit.files import PROGRAM, SHORTCUT, compound, rar4, rar5, tar
from pillarbox.formats.attachment.found import Budget, Trait
from pillarbox.formats.attachment.inspect import inspect

PICTURE = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
PLAIN = "application/octet-stream"
INSTALLER = bytes.fromhex("84100c0000000000c000000000000046")
RELATION = (
    '<Relationships><Relationship Id="a" Type="http://s/relationships/{}" '
    'Target="{}" TargetMode="External"/></Relationships>'
)


def traits(name: str, data: bytes, declared: str = PLAIN) -> set[str]:
    return {one.trait for one in inspect(name, declared, data, Budget())}


def office(files: dict[str, str | bytes]) -> bytes:
    return archive({"[Content_Types].xml": "<Types/>", **files})


def locked_zip() -> bytes:
    data = bytearray(archive({"a.txt": "x"}, zipfile.ZIP_STORED))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def overlapping_zip() -> bytes:
    """Two entries of the directory that point to one packed file."""
    data = archive({"a.txt": "x" * 100})
    at = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entry, tail = data[at:end], bytearray(data[end:])
    tail[8:12] = b"\2\0\2\0"
    tail[12:16] = (2 * len(entry)).to_bytes(4, "little")
    return data[:at] + entry * 2 + bytes(tail)


def boundsheet(kind: int) -> bytes:
    sheet = b"\0\0\0\0\0" + bytes((kind,)) + b"\x01\0A"
    return b"\x09\x08\x04\0\0\x06\x05\0" + b"\x85\0" + len(sheet).to_bytes(2, "little") + sheet


CASES = [
    ("setup.exe", PROGRAM, Trait.PROGRAM),
    ("setup", PROGRAM, Trait.PROGRAM),
    ("setup.com", b"\xe9\x10\0\xb4", Trait.PROGRAM),
    ("invoice.pdf.com", b"\xe9\x10", Trait.DISGUISED),
    ("a.lzh", b"\x20\x10-lh5-\0\0", Trait.RARE_ARCHIVE),
    ("setup.exe", b"", Trait.PROGRAM),
    ("tool", b"\x7fELF\x02\x01\x01", Trait.PROGRAM),
    ("tool", b"\xcf\xfa\xed\xfe\x07\0\0\x01", Trait.PROGRAM),
    ("tool", b"\xca\xfe\xba\xbe\0\0\0\x34", Trait.PROGRAM),
    ("help.bin", b"ITSF\x03\0\0\0", Trait.PROGRAM),
    ("a.msi", compound({"a": b""}, INSTALLER), Trait.PROGRAM),
    ("a.dat", compound({"a": b""}, INSTALLER), Trait.PROGRAM),
    ("a.zip", archive({"META-INF/MANIFEST.MF": "", "a/B.class": ""}), Trait.PROGRAM),
    ("a.zip", archive({"AndroidManifest.xml": ""}), Trait.PROGRAM),
    ("a.js", b"var a", Trait.SCRIPT),
    ("a.LNK", b"", Trait.SCRIPT),
    ("a.dat", SHORTCUT, Trait.SCRIPT),
    ("a.bat. ", b"", Trait.SCRIPT),
    ("a.url", b"", Trait.SHORTCUT),
    ("a.txt", b"[InternetShortcut]\r\nURL=http://x/", Trait.SHORTCUT),
    ("invoice.pdf.exe", PROGRAM, Trait.DISGUISED),
    ("invoice.pdf.js", b"x", Trait.DISGUISED),
    ("invoice.pdf", PROGRAM, Trait.DISGUISED),
    ("invoice" + " " * 40 + ".exe", PROGRAM, Trait.DISGUISED),
    ("invoice\u202efdp.exe", PROGRAM, Trait.DISGUISED),
    ("invoice\u202efdp.exe", b"", Trait.TURNED_NAME),
    ("in\u200bvoice.pdf", b"", Trait.TURNED_NAME),
    ("a" * 300 + ".txt", b"", Trait.LONG_NAME),
    ("a.pdf", PICTURE, Trait.OTHER_TYPE),
    ("a.png", archive({"a": "b"}), Trait.OTHER_TYPE),
    ("a.iso", b"", Trait.DISK_IMAGE),
    ("a.dat", b"\0" * 0x8001 + b"CD001", Trait.DISK_IMAGE),
    ("a.dat", b"vhdxfile", Trait.DISK_IMAGE),
    ("a.one", b"", Trait.NOTEBOOK),
    ("a", b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", Trait.NOTEBOOK),
    ("a.zip", locked_zip(), Trait.ENCRYPTED),
    ("a.rar", rar4({"a.txt": b"x"}, locked=True), Trait.ENCRYPTED),
    ("a.rar", rar5({"a.txt": b"x"}, locked=True), Trait.ENCRYPTED),
    ("a.rar", b"Rar!\x1a\x07\x01\0" + bytes(4) + b"\x02\x04\0", Trait.ENCRYPTED),
    ("a.rar", b"Rar!\x1a\x07\0\0\0\x73\x80\0\x0d\0" + bytes(6), Trait.ENCRYPTED),
    ("a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(40) + b"\x24\x06\xf1\x07\x01", Trait.ENCRYPTED),
    ("a.rar", rar4({"a.exe": b"x"}), Trait.PROGRAM),
    ("a.rar", rar5({"a.txt": b"x", "b/c.js": b"x"}), Trait.SCRIPT),
    ("a.zip", overlapping_zip(), Trait.BOMB),
    ("a.gz", gzip.compress(b"\0" * 40_000_000, mtime=0), Trait.BOMB),
    ("a.bz2", bz2.compress(b"\0" * 40_000_000), Trait.BOMB),
    ("a.xz", lzma.compress(b"\0" * 40_000_000), Trait.BOMB),
    ("a.zip", b"PK\x03\x04" + b"\0" * 40, Trait.DAMAGED),
    ("a.gz", b"\x1f\x8b\x08" + b"\xff" * 40, Trait.DAMAGED),
    ("a.cab", b"MSCF\0\0\0\0", Trait.RARE_ARCHIVE),
    ("a.ace", b"1234567**ACE**", Trait.RARE_ARCHIVE),
    ("a.doc", compound({"WordDocument": b"", "VBA": b""}), Trait.MACRO),
    ("a.doc", compound({"_VBA_PROJECT": b"...AutoOpen..."}), Trait.STARTING_MACRO),
    ("a.docm", office({"word/vbaProject.bin": b"x"}), Trait.MACRO),
    ("a.xlsm", office({"xl/vbaProject.bin": b"Workbook_Open"}), Trait.STARTING_MACRO),
    ("a.odt", archive({"mimetype": "", "META-INF/manifest.xml": "", "Basic/S/M.xml": ""}),
     Trait.MACRO),
    ("a.xlsx", office({"xl/macrosheets/sheet1.xml": ""}), Trait.EXCEL4_MACRO),
    ("a.xls", compound({"Workbook": boundsheet(1)}), Trait.EXCEL4_MACRO),
    ("a.xls", compound({"Workbook": b"\x2f\0\x02\0\0\0"}), Trait.ENCRYPTED_DOCUMENT),
    ("a.docx", compound({"EncryptedPackage": b""}), Trait.ENCRYPTED_DOCUMENT),
    ("a.pdf", b"%PDF-1.7 trailer << /Encrypt 5 0 R >>", Trait.ENCRYPTED_DOCUMENT),
    ("a.doc", compound({"\x01Ole10Native": b""}), Trait.PACKAGE),
    ("a.docx", office({"word/embeddings/oleObject1.bin": compound({"\x01Ole10Native": b""})}),
     Trait.PACKAGE),
    ("a.rtf", b"{\\rtf1{\\object\\objdata 0105}}", Trait.PACKAGE),
    ("a.docx",
     office({"word/_rels/settings.xml.rels": RELATION.format("attachedTemplate", "http://x/t")}),
     Trait.REMOTE_TEMPLATE),
    ("a.docx", office({"evil.exe": PROGRAM}), Trait.PROGRAM),
    ("a.pdf", b"%PDF-1.7 << /S /JavaScript /JS (app.alert(1)) >>", Trait.PDF_SCRIPT),
    ("a.pdf", b"%PDF-1.7 << /S /J#61vaScript >>", Trait.PDF_SCRIPT),
    ("a.pdf", b"%PDF-1.7 << /S /Launch /F (cmd.exe) >>", Trait.PDF_LAUNCH),
    ("a.html", b"<html><body>x</body></html>", Trait.HTML_FILE),
    ("a.dat", b"\xff\xfe" + "<!DOCTYPE html>".encode("utf-16-le"), Trait.HTML_FILE),
    ("a.html", b"<html><body onload = 'x()'>", Trait.HTML_SCRIPT),
    ("a.html", b"<!-- a --><html><SCRIPT src=x>", Trait.HTML_SCRIPT),
    ("a.html", b"<html><form><input type='password'>", Trait.HTML_LOGIN),
    ("a.html", b"<html><script>let b=new Blob([atob('TVo')]);</script>", Trait.HTML_SMUGGLING),
    ("a.svg", b"<?xml version='1.0'?><svg xmlns='x'><script>x</script></svg>", Trait.SVG_SCRIPT),
    ("a.zip", archive({"a.txt": "x", "b/c.exe": PROGRAM}), Trait.PROGRAM),
    ("a.zip", archive({"picture.jpg": PROGRAM}), Trait.DISGUISED),
    ("a.tar", tar({"b/c.exe": PROGRAM}), Trait.PROGRAM),
    ("a.tgz", gzip.compress(tar({"x" * 150 + ".vbs": b"x"}), mtime=0), Trait.SCRIPT),
    ("a.exe.gz", gzip.compress(PROGRAM, mtime=0), Trait.PROGRAM),
    ("a.xz", lzma.compress(PROGRAM), Trait.PROGRAM),
    ("a.zip", archive({"a.txt": "", "build.sh": "#!/bin/sh"}), Trait.SOURCE),
    ("invoice.pdf.sh", b"#!/bin/sh", Trait.DISGUISED),
    ("a.zip", archive({f"{n}.py": "" for n in range(20)} | {"a.js": ""}), Trait.SOURCE),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "trait"), CASES)
def test_is_found(name: str, data: bytes, trait: Trait) -> None:
    assert trait in traits(name, data)


def test_every_trait_is_found_in_some_file() -> None:
    others = {Trait.DEEP, Trait.NOT_ALL}
    assert {trait for _, _, trait in CASES} | others == set(Trait)


HARMLESS = [
    ("notes.txt", b"MZ is a station", "text/plain"),
    ("report.v1.2.pdf", pdf("Page"), "application/pdf"),
    ("letter.docx", word("Dear all"), PLAIN),
    ("table.xls", compound({"Workbook": boundsheet(0)}), "application/vnd.ms-excel"),
    (
        "book.docx",
        office({"word/_rels/d.xml.rels": RELATION.format("hyperlink", "http://x/")}),
        PLAIN,
    ),
    ("a.png", PICTURE, "image/png"),
    ("photo.jpg", PICTURE, "image/jpeg"),
    ("a.zip", archive({"a.txt": "x", "b.pdf": pdf("x")}), "application/zip"),
    ("a.tar.gz", gzip.compress(tar({"a.txt": b"x"}), mtime=0), "application/gzip"),
    ("a.rar", rar4({"a.txt": b"x", "b.pdf": b"y"}), PLAIN),
    ("a.rar", rar5({"a.txt": b"x", "b.pdf": b"y"}), PLAIN),
    ("a.zip", archive({"log.txt": b"0" * 4_000_000}), PLAIN),
    ("logo.svg", b"<svg xmlns='x'><path d='M0 0'/></svg>", "image/svg+xml"),
    ("a.xml", b"<?xml version='1.0'?><Invoice/>", "application/xml"),
    ("مستند\u200f.pdf", pdf("x"), "application/pdf"),
    ("notes.txt", b"ls-lh shows sizes", "text/plain"),
    ("event.ics", b"BEGIN:VCALENDAR", "text/calendar"),
    ("company.com", b"see company.com", "text/plain"),
    ("", b"", "application/pgp-encrypted"),
    ("rechnung 2024.01.pdf", pdf("x") + b" /JSx /Launching", "application/pdf"),
]


@pytest.mark.parametrize(("name", "data", "declared"), HARMLESS)
def test_nothing_is_found_in_what_is_harmless(name: str, data: bytes, declared: str) -> None:
    assert traits(name, data, declared) == set()


def test_declared_type_counts_where_the_name_says_nothing() -> None:
    assert Trait.OTHER_TYPE in traits("", archive({"a": "b"}), "image/png")
    assert Trait.OTHER_TYPE in traits("", PICTURE, "application/pdf")
    assert Trait.OTHER_TYPE not in traits("", PICTURE, "image/jpeg")


def test_archives_are_looked_into_to_the_third_level() -> None:
    data = archive({"evil.exe": PROGRAM})
    for level in range(3):
        data = archive({f"{level}.zip": data})
    found = inspect("a.zip", PLAIN, data, Budget())
    assert [one.trait for one in found] == [Trait.PROGRAM]
    assert found[0].where == "a.zip > 2.zip > 1.zip > 0.zip > evil.exe"
    deeper = traits("a.zip", archive({"3.zip": data}))
    assert deeper == {Trait.DEEP}


def test_no_more_is_expanded_than_the_budget_has() -> None:
    data = archive({f"{n}.txt": bytes(range(256)) * 1000 for n in range(50)})
    budget = Budget(bytes_left=1_000_000)
    found = inspect("a.zip", PLAIN, data, budget)
    assert Trait.NOT_ALL in {one.trait for one in found}
    assert budget.bytes_left > -300_000


def test_files_and_names_are_counted() -> None:
    data = archive({f"{n}.txt": "x" for n in range(50)} | {"z.exe": PROGRAM})
    budget = Budget(files_left=10)
    found = {one.trait for one in inspect("a.zip", PLAIN, data, budget)}
    # Names are looked at all the same.
    assert found == {Trait.NOT_ALL, Trait.PROGRAM}
    assert budget.files_left == 0
    assert {one.trait for one in inspect("a.zip", PLAIN, data, Budget(names_left=10))} == {
        Trait.NOT_ALL
    }


def test_it_stops_when_nobody_waits() -> None:
    data = archive({"a.exe": PROGRAM})
    found = inspect("a.zip", PLAIN, data, Budget(stop=lambda: True))
    assert {one.trait for one in found} == {Trait.NOT_ALL}


def test_a_zip_that_claims_to_expand_to_very_much_is_not_expanded() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(20):
            file.writestr(f"{number}.txt", b"x")
    data = bytearray(out.getvalue())
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 24 : at + 28] = (100 << 20).to_bytes(4, "little")
        at = data.find(b"PK\x01\x02", at + 4)
    budget = Budget()
    assert {one.trait for one in inspect("a.zip", PLAIN, bytes(data), budget)} == {Trait.BOMB}
    assert budget.bytes_left == Budget().bytes_left


def test_object_streams_of_pdf_are_opened() -> None:
    import zlib

    packed = zlib.compress(b"1 0 << /S /JavaScript /JS 3 0 R >>")
    data = (
        b"%%PDF-1.5\n2 0 obj << /Type /ObjStm /Filter /FlateDecode /Length %d >>\nstream\r\n"
        % len(packed)
    )
    assert traits("a.pdf", data + packed + b"\nendstream") == {Trait.PDF_SCRIPT}


def test_chains_in_circles_end() -> None:
    data = bytearray(compound({"Workbook": b"x" * 5000}))
    # Every sector's next one is the first.
    start = len(data) - 512
    data[start : start + 512] = bytes(512)
    traits("a.xls", bytes(data))


def test_a_file_without_a_name_is_looked_at() -> None:
    data = bytearray(archive({"ab": PROGRAM}))
    for mark, at in ((b"PK\x03\x04", 30), (b"PK\x01\x02", 46)):
        start = data.index(mark) + at
        data[start : start + 2] = b"\0b"
    assert traits("a.zip", bytes(data)) == {Trait.PROGRAM}
