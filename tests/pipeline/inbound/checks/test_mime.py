"""Each sign in the structure of a message, and messages like it that have none."""

import pytest

from kit.checks import arrival
from pillarbox.domain.judgement.model import Action, Kind
from pillarbox.pipeline.inbound.checks import mime
from pillarbox.pipeline.inbound.checks.mime import GTUBE_TEXT, MimeCheck

HEAD = "MIME-Version: 1.0\nSubject: x\n"
WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen"
NUMBERS = " ".join(f"word{n}" for n in range(30))
OTHERS = " ".join(f"other{n}" for n in range(30))


async def names(content: str | bytes) -> set[str]:
    check = MimeCheck()
    found = await check.run(arrival(content))
    assert {one.name for one in found} <= {kind.name for kind in check.kinds}
    return {one.name for one in found}


def multipart(*parts: str, subtype: str = "mixed", end: str = "--b--\n", head: str = HEAD) -> str:
    body = "".join(f"--b\n{part}\n" for part in parts)
    return f'{head}Content-Type: multipart/{subtype}; boundary="b"\n\n{body}{end}'


def nested(depth: int) -> str:
    out = "Content-Type: text/plain\n\nhello\n"
    for level in range(depth):
        out = (
            f"Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n{out}\n--b{level}--\n"
        )
    return HEAD + out


PLAIN = "Content-Type: text/plain\n\nhello\n"
SIGNS: list[tuple[Kind, str]] = [
    (mime.GTUBE, f"{HEAD}\n{GTUBE_TEXT}\n"),
    (mime.GTUBE, f"{HEAD}Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n"
     f"{GTUBE_TEXT.replace('-', '=2D')}\n"),
    (mime.GTUBE, f"Subject: {GTUBE_TEXT}\n\nx\n"),
    (mime.MALFORMED, multipart(PLAIN, end="")),
    (mime.MALFORMED, multipart(end="nothing\n")),
    (mime.MALFORMED, f"{HEAD}Content-Type: multipart/mixed\n\nhello\n"),
    (mime.MALFORMED, multipart(PLAIN, head=HEAD + "Content-Transfer-Encoding: base64\n")),
    (mime.TOO_DEEP, nested(10)),
    (mime.TOO_MANY, multipart(*[PLAIN] * 310)),
    (mime.AMBIGUOUS, f"{HEAD}Content-Type: text/plain\nContent-type: text/html\n\nx\n"),
    (mime.AMBIGUOUS, multipart("Content-Transfer-Encoding: base64\n" + "Content-Transfer-Encoding: "
                               "7bit\n\nx")),
    (mime.BAD_BASE64, f"{HEAD}Content-Transfer-Encoding: base64\n\naGVs!!bG8=\n"),
    (mime.BAD_ENCODING, f"{HEAD}Content-Transfer-Encoding: rot13\n\nuryyb\n"),
    (mime.BAD_CHARSET, f"{HEAD}Content-Type: text/plain; charset=utf-7\n\n+AGg-\n"),
    (mime.BAD_CHARSET, "Subject: =?utf-7?q?+AGg-?=\n\nhello\n"),
    (mime.NEEDLESS_BASE64, f"{HEAD}Content-Transfer-Encoding: base64\n\naGVsbG8=\n"),
    (mime.NO_VERSION, multipart(PLAIN, head="Subject: x\n")),
    (mime.PARTIAL, f"{HEAD}Content-Type: message/partial; id=1; number=1\n\nx\n"),
    (mime.PARTIAL, f"{HEAD}Content-Type: message/external-body; access-type=url\n\nx\n"),
    (mime.NUL, f"{HEAD}\nhel\0lo\n"),
    (mime.EMPTY, f"{HEAD}\n \n"),
    (mime.EMPTY, f"{HEAD}Content-Type: text/html\n\n<html><body><p></p></body></html>\n"),
    (mime.DIFFERENT, multipart(f"Content-Type: text/plain\n\n{NUMBERS}\n",
                               f"Content-Type: text/html\n\n<p>{OTHERS}</p>\n",
                               subtype="alternative")),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "content"), SIGNS)
async def test_a_sign_is_found(kind: Kind, content: str) -> None:
    assert kind.name in await names(content)


def test_every_kind_is_tried() -> None:
    assert {kind for kind, _ in SIGNS} == set(mime.KINDS)


@pytest.mark.parametrize(
    "content",
    [
        f"{HEAD}\nhello\n",
        multipart(PLAIN, PLAIN),
        multipart(PLAIN, end="--b-- \nepilogue\n"),
        multipart(PLAIN).replace("\n\n--b", "\n\nThis is MIME.\n--b", 1),
        nested(4),
        # What a report returns may be cut off.
        multipart(PLAIN, f"Content-Type: message/rfc822\n\n{multipart(PLAIN, end='')}"),
        f"{HEAD}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"
        "R3LDvMOfZQ==\n",
        f'{HEAD}Content-Type: text/html\n\n<html><body><img src="cid:1"></body></html>\n',
        multipart(
            f"Content-Type: text/plain\n\n{NUMBERS}\n",
            f"Content-Type: text/html\n\n<p>{NUMBERS}</p>\n",
            subtype="alternative",
        ),
        multipart(
            "Content-Type: text/plain\n\nOpen this message in a browser.\n",
            f"Content-Type: text/html\n\n<p>{NUMBERS}</p>\n",
            subtype="alternative",
        ),
        f"{HEAD}Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\nJVBERg==\n",
    ],
)
async def test_ordinary_structure_has_no_sign(content: str) -> None:
    assert await names(content) == set()


async def test_the_test_string_goes_to_junk() -> None:
    found = await MimeCheck().run(arrival(f"Subject: x\n\n{GTUBE_TEXT}\n"))
    assert [(one.points, one.action) for one in found] == [(1000.0, Action.JUNK)]
