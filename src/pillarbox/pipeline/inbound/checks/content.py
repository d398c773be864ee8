"""The content of a message as checks look at it: read once, whichever of them ask.

`read_content` does the reading, in a thread where it may take long; what hostile mail can make
large is bounded here. What is derived from it is made when it is first asked for.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar, overload

from pillarbox.base.errors import GrammarError
from pillarbox.formats.address import ascii_domain
from pillarbox.formats.mime.header import Headers
from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.section import text_of
from pillarbox.formats.mime.summary import Fields, summarize
from pillarbox.formats.text.html import visible_text
from pillarbox.formats.text.links import Link, links_in_html, links_in_text

TEXT_PARTS_MAX = 20
TEXT_BYTES = 256 * 1024
"""Of each text part so much is looked at."""
TEXTS_BYTES = 768 * 1024
"""Of all of them together."""
PARTS_MAX = 1000
SMALL_BYTES = 16 * 1024
"""Messages up to this size are looked at on the event loop."""

T = TypeVar("T")
R = TypeVar("R")


class made_once(Generic[T, R]):
    """A property that is made when it is first asked for.

    Threads that ask at the same time may each make it. The standard library's has one lock for all
    objects in Python 3.11, so that the event loop would wait while a thread reads another message.
    """

    def __init__(self, make: Callable[[T], R]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, owner: None, kind: type[T]) -> "made_once[T, R]": ...
    @overload
    def __get__(self, owner: T, kind: type[T]) -> R: ...
    def __get__(self, owner: T | None, kind: type[T]) -> "made_once[T, R] | R":
        if owner is None:
            return self
        made = self._make(owner)
        owner.__dict__[self._name] = made
        return made


@dataclass(frozen=True)
class TextPart:
    """A text part that is shown, decoded; `subtype` such as `plain` or `html`."""

    subtype: str
    text: str
    part: Part

    @made_once
    def shown(self) -> str:
        """What of it readers see as text."""
        return visible_text(self.text) if self.subtype == "html" else self.text


@dataclass(frozen=True)
class Content:
    """A message without our trace fields; the offsets in `root` count in `data`."""

    data: bytes
    headers: Headers
    fields: Fields
    root: Part
    turn: asyncio.Lock = field(default_factory=asyncio.Lock, compare=False, repr=False)
    """Held while a thread looks at a large message: the next one finds made what it needs too."""

    @made_once
    def from_domain(self) -> str:
        """The domain of the one From address, as A-labels; empty if there is none, or several."""
        domains = {one.address.rpartition("@")[2] for one in self.fields.from_}
        if len(domains) != 1 or len(self.headers.all(b"from")) != 1:
            return ""
        try:
            return ascii_domain(domains.pop().rstrip("."))
        except GrammarError:
            return ""

    @made_once
    def from_address(self) -> str:
        """The one From address in lower case; empty if there is none, or several."""
        senders = self.fields.from_
        return senders[0].address.lower() if len(senders) == 1 else ""

    @made_once
    def parts(self) -> tuple[Part, ...]:
        """Every part that is no multipart, those of nested messages too, in order."""
        return tuple(_leaves(self.root)[:PARTS_MAX])

    @made_once
    def own_parts(self) -> tuple[Part, ...]:
        """As `parts`, but a nested message is one part: it may have been written by others."""
        return tuple(_leaves(self.root, into_messages=False)[:PARTS_MAX])

    @made_once
    def texts(self) -> tuple[TextPart, ...]:
        """What a reader sees as text, attachments left out."""
        shown = [
            part for part in self.parts if part.type == "text" and part.disposition != "attachment"
        ]
        found: list[TextPart] = []
        left = TEXTS_BYTES
        for part in shown[:TEXT_PARTS_MAX]:
            text = text_of(part, self.data, min(TEXT_BYTES, left)) if left > 0 else ""
            left -= len(text)
            found.append(TextPart(part.subtype, text, part))
        return tuple(found)

    @made_once
    def links(self) -> tuple[Link, ...]:
        """The links of all texts, each once."""
        found: dict[Link, None] = {}
        for one in self.texts:
            is_html = one.subtype == "html"
            read = links_in_html(one.text, one.shown) if is_html else links_in_text(one.text)
            found.update(dict.fromkeys(read.links))
        return tuple(found)


def read_content(data: bytes) -> Content:
    """Read a message; never fails, whatever the bytes are."""
    summary, root = summarize(data)
    headers = Headers(data[root.header_start : root.body_start])
    return Content(data, headers, summary.fields, root)


async def examine(content: Content, function: Callable[[Content], R]) -> R:
    """What a function finds in a message; a large one is looked at in a thread.

    The function must take linear time: it goes on to its end even if nobody waits any more.
    """
    if len(content.data) <= SMALL_BYTES:
        return function(content)
    async with content.turn:
        return await asyncio.to_thread(function, content)


def _leaves(root: Part, into_messages: bool = True) -> list[Part]:
    found, pending = [], [root]
    while pending:
        part = pending.pop()
        if part.type != "multipart":
            found.append(part)
        if part.type == "multipart" or into_messages:
            pending.extend(reversed(part.children))
    return found
