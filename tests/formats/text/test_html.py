"""The text of HTML."""

import time

import pytest

from pillarbox.formats.text import html
from pillarbox.formats.text.html import text_of_html, visible_text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<b>foo</b>bar", "foobar"),
        ("<p>a</p><p>b<br>c<td>d", "a b c d"),
        ("<head><title>T &amp; U</title><meta x>junk</head><body>x", "T & U x"),
        ("x<style>p{}</style>y<script>1<2</script>z<template>n</template>", "x y z"),
        ("a<!-- <p>no</p> -->b<!-->c<!--->d", "abcd"),
        ("<!--[if mso]><p>no</p><![endif]-->yes<![if !mso]>too<![endif]>", "yes too"),
        ("&lt;b&gt; &#252;&uuml;&nbsp;&#x41; &unknown;", "<b> üü A &unknown;"),
        ("&#" + "9" * 5000 + ";x", "\ufffdx"),
        ("2 < 3 <", "2 < 3 <"),
        ("<a title=\"x > y\" href='https://u@example.org:80/p'>l</a>", "l x > y example.org"),
        ("<a href=mailto:a@example.org?subject=x>m</a>", "m a@example.org"),
        ("<a href='#top'>m</a>", "m"),
        ('a<img alt="logo &quot;x&quot;" src=x>b', 'a logo "x" b'),
        ("foo<span title=tip>bar</span>", "foobar tip"),
        ("<p don't>q</p>'", "q '"),
        ("x <unclosed", "x"),
        ("x <style>never closed", "x"),
        ("x <!-- never closed", "x"),
        ('x <a title="never closed>y', "x never closed>y"),
        ("<head>never closed", "never closed"),
    ],
)
def test_text_of_html(markup: str, text: str) -> None:
    assert " ".join(text_of_html(markup).split()) == text


def test_previews_show_neither_title_nor_attributes() -> None:
    markup = "<head><title>t</title></head>x<img alt=a><a title=b href=//c/>y"
    assert visible_text(markup).split() == ["x", "y"]
    assert visible_text("<title>t</title>x").split() == ["x"]


BULK = [
    *("<", "<a", "<a ", "<a '", '<a ="', "<a '>' ", "<a ='>' ", "<!--", "<!-", "<style>", "</"),
    *("<script>x</scrip", "<head>", "<head><title>", "<title>", "&", "&#", "&#9", ">", "<div>"),
    *("<b>", "<img alt=x>", "<a href=//a/>", "<![CDATA[", "<?", "=", "<a =", "<x alt='<x alt=\""),
    *(" alt=", "<a title", "<a href=http://a@", "</style>", "<!--->", "<a" + " " * 50),
]


@pytest.mark.parametrize("one", BULK)
def test_bulk_takes_linear_time(one: str) -> None:
    start = time.process_time()
    text_of_html(one * (2_000_000 // len(one)))
    visible_text(one * (2_000_000 // len(one)))
    assert time.process_time() - start < 6


def test_ten_megabytes_of_brackets() -> None:
    start = time.process_time()
    assert len(text_of_html("<" * 10_000_000)) == 8 << 20
    assert time.process_time() - start < 6


@pytest.mark.parametrize("one", [*BULK, "x 2 < 3 <!-- a --> <b>y</b><p title=t>"])
def test_long_text_is_read_as_short_text_is(one: str, monkeypatch: pytest.MonkeyPatch) -> None:
    markup = one * 50
    short = text_of_html(markup), visible_text(markup)
    monkeypatch.setattr(html, "_LONG", 0)
    assert (text_of_html(markup), visible_text(markup)) == short


@pytest.mark.parametrize("start", ["<!--", "<script>", "<style>"])
def test_what_is_hidden_takes_no_time(start: str) -> None:
    begun = time.process_time()
    text_of_html(start + "x" * (8 << 20))
    # No other thread runs meanwhile.
    assert time.process_time() - begun < 0.15
