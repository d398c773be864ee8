"""What checks see of a message: parts, texts and links, with limits."""

import asyncio
import threading

from kit.checks import arrival, data
from pillarbox.pipeline.inbound.checks import content as module
from pillarbox.pipeline.inbound.checks.content import Content, examine, read_content

NESTED = """
    From: ann@sender.test
    Content-Type: multipart/mixed; boundary=b

    --b
    Content-Type: text/html

    <a href="https://shop.test/">x</a>
    --b
    Content-Type: text/plain
    Content-Disposition: attachment; filename=a.txt

    https://file.test/
    --b
    Content-Type: message/rfc822

    Subject: inner

    https://inner.test/
    --b--
    """


def read(text: str) -> Content:
    return read_content(data(text))


def test_texts_are_those_that_are_shown() -> None:
    found = read(NESTED)
    assert [one.subtype for one in found.texts] == ["html", "plain"]
    assert {one.host for one in found.links} == {"shop.test", "inner.test"}
    assert [one.type for one in found.own_parts] == ["text", "text", "message"]
    assert [one.type for one in found.parts] == ["text", "text", "message", "text"]


def test_what_was_made_is_kept() -> None:
    found = read(NESTED)
    assert found.texts is found.texts
    assert found.links is found.links


def test_texts_are_bounded_together() -> None:
    part = b"--b\r\nContent-Type: text/plain\r\n\r\n" + b"x" * 300_000 + b"\r\n"
    message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 10 + b"--b--\r\n"
    lengths = [len(one.text) for one in read_content(message).texts]
    assert max(lengths) == module.TEXT_BYTES
    assert sum(lengths) == module.TEXTS_BYTES
    assert len(lengths) == 10


async def test_small_messages_are_looked_at_at_once_and_large_ones_in_turn() -> None:
    main = threading.get_ident()
    small = arrival("Subject: x\n\nhello\n").content
    assert small is not None
    assert await examine(small, lambda content: threading.get_ident()) == main
    large = read_content(b"Subject: x\r\n\r\n" + b"x" * (module.SMALL_BYTES + 1))
    at_once: list[int] = []
    most: list[int] = []

    def look(content: Content) -> int:
        at_once.append(1)
        most.append(len(at_once))
        content.texts  # noqa: B018
        at_once.pop()
        return threading.get_ident()

    threads = await asyncio.gather(*(examine(large, look) for _ in range(8)))
    assert main not in threads
    assert max(most) == 1
