"""Tokens of a message: what they tell, that they are bounded and always the same."""

import time

import pytest

from pillarbox.formats.text.tokens import TOKENS_MOST, TokenSource, tokens


def of(**what: object) -> set[str]:
    return {one.decode() for one in tokens(TokenSource(**what))}  # type: ignore[arg-type]


def text(body: str, subtype: str = "plain") -> set[str]:
    return of(texts=((subtype, body),))


def test_words_stand_with_where_they_stood() -> None:
    found = of(subject="Cheap Pills", senders=("Eve@Mail.News.Test",), texts=(("plain", "Pills"),))
    assert {"subject:cheap", "subject:pills", "pills"} <= found
    assert {"from:eve@mail.news.test", "from:mail.news.test", "from:.news.test"} <= found
    assert "from:.test" not in found


def test_phrases_count_beside_words() -> None:
    found = text("click here now")
    assert {"click", "here", "now", "click here", "here now", "click _ now"} <= found


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("ÉTÉ", "ete"),
        ("V\u200bia\u00adgra", "viagra"),
        ("Ｖｉａｇｒａ", "viagra"),
        ("100% free!", "100%"),
        ("only $99", "$99"),
        ("call 004915112345", "#12"),
        ("x" * 100, "x" * 24 + "…10"),
    ],
)
def test_words_are_folded(body: str, word: str) -> None:
    assert word in text(body)


def test_scripts_without_spaces_give_pairs() -> None:
    assert {"日本", "本語"} <= text("日本語")
    assert {"ไท", "ทย"} <= text("ไทย")


def test_hosts_of_links_and_of_the_way() -> None:
    found = text("see https://a.shop.example:8080/x?y and mailto:x@y.example")
    assert {"link:a.shop.example", "link:.shop.example", "link:y.example"} <= found
    assert {"host:192.0.2.9", "host:192.0.2."} <= of(hosts=("192.0.2.9",))


def test_what_html_is_made_of() -> None:
    body = '<p style="display: none">x</p><a href="//u.example/">y</a><font color=#ffffff>z</font>'
    found = text(body, "html")
    assert {"is html", "tag:p", "tag:font", "style:display:none", "link:u.example"} <= found
    assert "y" not in found  # one letter is no word
    assert text("<b>bu</b>y <script>evil</script>", "html") >= {"buy"}
    assert "evil" not in text("<b>bu</b>y <script>evil</script>", "html")


def test_capitals_and_files() -> None:
    assert "subject is capitals" in of(subject="WIN A PRIZE TODAY")
    assert "subject is capitals" not in of(subject="Minutes of the meeting")
    assert {"file:.exe", "file:invoice"} <= of(files=("invoice.pdf.exe",))


def test_nothing_of_nothing() -> None:
    assert tokens(TokenSource()) == ()


def test_there_is_an_end_to_everything() -> None:
    many = " ".join(f"word{number}" for number in range(100_000))
    source = TokenSource(
        senders=("a@" + "b." * 5000 + "test",) * 100,
        subject=many,
        fields=[(f"x-{number}", many) for number in range(5000)],
        hosts=("h." * 5000,) * 1000,
        facts=[many] * 1000,
        texts=[("html", many)] * 20,
        files=[many] * 1000,
    )
    found = tokens(source)
    assert len(found) == TOKENS_MOST
    assert max(map(len, found)) <= 800
    assert found == tokens(source)
    assert b"word1" in found  # a long header leaves room for the text


@pytest.mark.parametrize(
    "piece", ["<", "<a ", "<a=", "//", "日", "a.", "$", "’a", "<a style=color:", "&#", "ä\u0301"]
)
def test_it_takes_linear_time(piece: str) -> None:
    def took_s(size: int) -> float:
        body = piece * (size // len(piece))
        best = 1e9
        for _ in range(3):
            began = time.perf_counter()
            tokens(TokenSource(subject=body, texts=(("html", body), ("plain", body))))
            best = min(best, time.perf_counter() - began)
        return best

    # Beyond what is read nothing may cost anything; ten times as much is allowed for noise.
    assert took_s(1_600_000) < 10 * max(took_s(200_000), 0.02)
