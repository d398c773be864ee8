"""Text of documents, kind by kind."""

import time

import pytest

from kit.documents import archive, pdf, word
from pillarbox.base.errors import Invalid, TooLarge
from pillarbox.formats.text.documents import document_kind
from pillarbox.formats.text.extract import extract
from pillarbox.formats.text.office import office_text
from pillarbox.formats.text.rtf import rtf_text


def words(kind: str, data: bytes) -> list[str]:
    return (extract(kind, data) or "").split()


@pytest.mark.parametrize(
    ("content_type", "name", "kind"),
    [
        ("application/pdf", None, "pdf"),
        ("application/octet-stream", "A.PDF", "pdf"),
        ("application/zip", "a.docx", "word"),
        ("application/zip", "a.zip", None),
        ("image/png", "a.pdf", None),
        ("text/x-anything", None, "plain"),
        ("text/rtf", None, "rtf"),
        ("application/octet-stream", None, None),
    ],
)
def test_kinds(content_type: str, name: str | None, kind: str | None) -> None:
    assert document_kind(content_type, name) == kind


def test_word() -> None:
    deleted = "<w:p><w:r><w:delText>gone</w:delText></w:r></w:p>"
    assert words("word", word("Hel<w:x/>lo", "w", extra=deleted)) == ["Hello", "w"]
    parts = {
        "word/document.xml": "<d><t>body</t></d>",
        "word/header1.xml": "<d><t>head</t></d>",
        "word/comments.xml": "<d><t>remark</t></d>",
        "word/styles.xml": "<d><t>no</t></d>",
        "docProps/core.xml": "<c><title>T</title><revision>no</revision></c>",
    }
    assert sorted(words("word", archive(parts))) == ["T", "body", "head", "remark"]


def test_excel() -> None:
    parts = {
        "xl/workbook.xml": '<w><sheets><sheet name="Budget"/></sheets></w>',
        "xl/sharedStrings.xml": "<s><si><t>shared</t><rPh><t>no</t></rPh></si></s>",
        "xl/worksheets/sheet1.xml": (
            '<w><c t="s"><v>0</v></c><c><v>42</v></c><c t="inlineStr"><is><t>in</t></is></c></w>'
        ),
    }
    assert words("excel", archive(parts)) == ["shared", "Budget", "42", "in"]


def test_slides_stand_in_order() -> None:
    parts = {f"ppt/slides/slide{n}.xml": f"<p:s xmlns:p='p'><p:t>n{n}</p:t></p:s>" for n in (10, 9)}
    parts["ppt/slideLayouts/slideLayout1.xml"] = "<s><t>no</t></s>"
    found = office_text("powerpoint", archive(parts), 100)
    assert found.index("n9") < found.index("n10")
    assert "no" not in found


def test_opendocument() -> None:
    content = (
        "<o:c xmlns:o='o'><o:tracked-changes><o:p>gone</o:p></o:tracked-changes>"
        "<o:p>a<o:s/>b<o:span>c</o:span></o:p><o:table-cell><o:p>d</o:p></o:table-cell></o:c>"
    )
    parts = {"content.xml": content, "meta.xml": "<m><title>T</title><generator>no</generator></m>"}
    assert words("opendocument", archive(parts)) == ["a", "bc", "d", "T"]


def test_epub() -> None:
    parts = {"mimetype": "application/epub+zip", "a/1.xhtml": "<p>one&nbsp;page</p>", "x.css": "no"}
    assert words("epub", archive(parts)) == ["one", "page"]


def test_pdf() -> None:
    assert words("pdf", pdf("first page", "second")) == ["first", "page", "second"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (rb"{\rtf1\ansi\ansicpg1251 \'cf\'f0\b !}", "Пр!"),
        (rb"{\rtf1 a\u252?b\u-10179?\u-8694?}", "aüb😊"),
        (rb"{\rtf1{\uc2\u252xy z}}", "ü z"),
        (
            rb"{\rtf1{\fonttbl{\f0 Arial;}}{\*\foo no}{\info{\title T}}\{x\}\par y\tab z}",
            "T{x}\ny\tz",
        ),
        (b"{\\rtf1 a{\\pict\\bin5 {{}}\\}b}", "ab"),
        (b"", ""),
    ],
)
def test_rtf(data: bytes, text: str) -> None:
    assert rtf_text(data, 1000) == text


@pytest.mark.parametrize("one", [b"{", b"}", b"\\", b"\\'", b"\\u1?", b"{\\*\\x", b"\\bin9999999 "])
def test_hostile_rtf_takes_linear_time(one: bytes) -> None:
    start = time.process_time()
    rtf_text(b"{\\rtf1" + one * 100_000, 1000)
    assert time.process_time() - start < 3


def test_bombs_are_refused() -> None:
    with pytest.raises(TooLarge):
        extract("word", archive({"word/document.xml": b"<a>" + b" " * (40 << 20)}))
    with pytest.raises(TooLarge):
        extract("word", archive({f"{n}": b"" for n in range(20_001)}))
    with pytest.raises(Invalid):
        extract("word", archive({"word/document.xml": '<!DOCTYPE t [<!ENTITY a "b">]><t>&a;</t>'}))
    with pytest.raises(Invalid):
        extract("word", archive({"word/document.xml": "<a>" * 2000}))


def test_text_is_cut_at_its_limit() -> None:
    assert office_text("word", word("a" * 100), 10) == "a" * 10
    assert rtf_text(b"{\\rtf1 " + b"a" * 100 + b"}", 10) == "a" * 10
