"""Previews: the first words of the text that is shown."""

import pytest

from pillarbox.formats.mime.preview import preview
from pillarbox.formats.mime.scan import scan


def of(text: str, limit: int = 200) -> str:
    message = text.replace("\n", "\r\n").encode()
    return preview(message, scan(message), limit)


def test_plain_text() -> None:
    assert of("Subject: x\n\n  Hello,\n\n\tworld\u200b!\n") == "Hello, world!"
    assert of("Subject: x\n\n" + "ab " * 500, limit=10) == "ab ab ab a"
    assert of("Subject: x\n\n") == ""
    assert of("Subject: x\n\n" + " " * 7000 + "late", limit=200) == "late"


def test_quoted_lines_are_passed_over() -> None:
    assert of("Subject: x\n\n> old\n> older\nnew\n") == "new"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>a <b>b</b>c</p><p>d</p>", "a bc d"),
        ("<head><title>t</title></head><style>p{}</style>x<script>1<2</script>y", "x y"),
        ("a<!-- <p>hidden</p> -->b", "ab"),
        ("a &amp; b &lt;c&gt; &#252;", "a & b <c> ü"),
        ("2 < 3", "2 < 3"),
        ("x <unclosed", "x"),
        ("x <style>never closed", "x"),
        ("x <!-- never closed", "x"),
    ],
)
def test_html(markup: str, text: str) -> None:
    assert of(f"Content-Type: text/html; charset=utf-8\n\n{markup}") == text


def test_alternative_prefers_plain() -> None:
    assert (
        of(
            "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\n"
            "<i>rich</i>\n--b\n\nplain\n--b--\n"
        )
        == "plain"
    )


def test_empty_plain_falls_back_and_attachments_do_not_count() -> None:
    assert (
        of(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n \n--b\n"
            "Content-Disposition: attachment\n\nsecret\n--b\nContent-Type: text/html\n\n"
            "<i>rich</i>\n--b--\n"
        )
        == "rich"
    )
