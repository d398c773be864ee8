"""Each sign in HTML, and pages of honest senders that have none."""

import pytest

from kit.checks import arrival
from pillarbox.domain.judgement.model import Kind
from pillarbox.pipeline.inbound.checks import html
from pillarbox.pipeline.inbound.checks.html import HtmlCheck

TEXT = "Content-Type: text/plain\n\nThe same as text\n"


async def names(content: str) -> set[str]:
    check = HtmlCheck()
    found = await check.run(arrival(content))
    assert {one.name for one in found} <= {kind.name for kind in check.kinds}
    return {one.name for one in found}


def page(markup: str, plain: str = TEXT) -> str:
    text = f"--b\n{plain}" if plain else ""
    return (
        "MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n"
        f"{text}--b\nContent-Type: text/html; charset=utf-8\n\n{markup}\n--b--\n"
    )


LONG = "Lorem ipsum dolor sit amet " * 40
SHORT = "<p>Dear Bob, please find what we have talked about last week.</p>"
SIGNS: list[tuple[Kind, str]] = [
    (html.WITHOUT_TEXT, page(SHORT, plain="")),
    (html.WITHOUT_TEXT, f"Content-Type: text/html\n\n{SHORT}\n"),
    (html.WITHOUT_TEXT, page(SHORT, plain="Content-Type: text/plain\n\n \n")),
    *(
        (html.HIDDEN_TEXT, page(f"{SHORT}<div style='{style}'><p>{LONG}</p></div>"))
        for style in (
            *("display:none", "color:red; Display : none!important", "font-size:0px"),
            *("font-size: 0", "visibility:hidden", "opacity:0", "opacity:0.0;", "font-size:1px"),
            *("text-indent:-9999px",),
            *("position:absolute;left:-5000px", "mso-hide:all"),
        )
    ),
    (html.IMAGE_ONLY, page('<a href="https://x.test"><img src="https://x.test/a.png"></a>')),
    (html.FORM, page(f"{SHORT}<form action=x><input type=text></form>")),
    (html.PASSWORD_FORM, page(f'{SHORT}<form action=x><input type="password"></form>')),
    (html.SCRIPT, page(f"{SHORT}<script>x()</script>")),
    (html.FRAME, page(f"{SHORT}<iframe src=x></iframe>")),
    (html.REFRESH, page(f'<meta http-equiv="refresh" content="0;url=x">{SHORT}')),
    (html.BROKEN, page("<p>" + "V\u200bi\u200ba\u200bg\u200br\u200ba buy " * 4 + "</p>")),
    (html.BROKEN, page("<p>" + "V&zwnj;i&zwnj;a&zwnj;g&zwnj;r&zwnj;a buy " * 4 + "</p>")),
    (html.BROKEN, "Subject: x\n\n" + "V\u200bi\u200ba\u200bg\u200br\u200ba buy " * 4),
    (html.MIXED, "Subject: x\n\n" + "Yоur аccount is lоcked. " * 5),
    (html.COMMENTS, page(f"{SHORT}<!-- {LONG * 5} -->")),
    (html.DATA_LINK, page(f'{SHORT}<a href="data:text/html;base64,PGI+">x</a>')),
    (html.DATA_LINK, page(f"{SHORT}<a href=javascript:x()>x</a>")),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "content"), SIGNS)
async def test_a_sign_is_found(kind: Kind, content: str) -> None:
    assert kind.name in await names(content)


def test_every_kind_is_tried() -> None:
    assert {kind for kind, _ in SIGNS} == set(html.KINDS)


@pytest.mark.parametrize(
    "content",
    [
        "Subject: x\n\nhello\n",
        page(SHORT),
        # The line that is shown beside the subject.
        page(f"<div style='display:none'>Our news of May{'&nbsp;&zwnj;' * 200}</div>{SHORT}"),
        # Text for narrow and for wide screens.
        page(f"<div>{LONG}</div><div style='display:none'>{LONG}</div>"),
        page(f"<style>{'p { color: red } ' * 500}</style>{SHORT}"),
        page(f"<!--[if mso]>{LONG * 10}<![endif]-->{SHORT}"),
        page(f"{SHORT}<script type='application/ld+json'>{{}}</script>"),
        page('<img src="cid:photo"><br>'),
        page(f"<img src=https://x.test/a.png>{SHORT}"),
        page("<p>Silben\u00adtrennung und Donau\u00addampf\u00adschiff</p>" * 5),
        page("<p>می\u200cخواهم می\u200cروم</p>" * 20),
        page("<p>HTML-страница, iPhone-ы, COVID-19</p>" * 20),
        page(f"<a href='mailto:x@y.test'>x</a><span style='font-size:10px'>{LONG}</span>"),
    ],
)
async def test_honest_pages_have_no_sign(content: str) -> None:
    assert await names(content) == set()
