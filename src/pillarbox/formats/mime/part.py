"""The part index of a message: where each MIME part begins and ends, and what it says it is.

Built once by `scan` at arrival, stored beside the message as msgpack, read by `section`,
`bodystructure` and `preview` without parsing the message again. Holds offsets, never content.
"""

from collections.abc import Iterator

import msgspec

from pillarbox.formats.mime.content import Params, parameter


class Part(msgspec.Struct, array_like=True, gc=False):
    """One MIME part; offsets are bytes from the start of the whole message.

    The header block with its blank line is `[header_start:body_start]`, the body
    `[body_start:body_end]`. A multipart has its parts as children; a nested message
    (`message/rfc822`, `message/global`) has one child, the root part of that message. A container
    without children is opaque: too deep, or encoded.
    """

    header_start: int
    body_start: int
    body_end: int
    type: str = "text"
    subtype: str = "plain"
    params: Params = ()
    """Names lower-case, values as sent; `param` decodes them."""
    encoding: str = "7bit"
    content_id: str | None = None
    description: str | None = None
    md5: str | None = None
    disposition: str | None = None
    disposition_params: Params = ()
    language: tuple[str, ...] = ()
    location: str | None = None
    lines: int = 0
    """Line ends in the body of a text part or nested message; 0 for others."""
    children: list["Part"] = []

    @property
    def size_bytes(self) -> int:
        """Octets of the body as it stands, transfer encoding included."""
        return self.body_end - self.body_start

    @property
    def is_message(self) -> bool:
        """Whether this is a nested message that was looked into."""
        return self.type == "message" and bool(self.children)

    @property
    def charset(self) -> str:
        """The charset parameter in lower case, empty if there is none."""
        return (parameter(self.params, "charset") or "").strip().lower()

    @property
    def filename(self) -> str | None:
        """The decoded file name of the disposition or, failing that, of the type."""
        found = parameter(self.disposition_params, "filename") if self.disposition_params else None
        return found or (parameter(self.params, "name") if self.params else None)

    def param(self, name: str) -> str | None:
        """A decoded parameter of the content type."""
        return parameter(self.params, name)

    def walk(self) -> Iterator[tuple[tuple[int, ...], "Part"]]:
        """Every part below a message's root with its IMAP section path, in order.

        The root of a nested message shares the path of the part that holds it and is not given
        apart, unless it is no multipart: then it is that path's part 1 (RFC 9051 §6.4.5.1).
        """
        pending: list[tuple[tuple[int, ...], Part]] = [*_numbered((), self)][::-1]
        while pending:
            path, part = pending.pop()
            yield path, part
            if part.type == "multipart" or part.is_message:
                inner = part.children[0] if part.is_message else part
                pending.extend([*_numbered(path, inner)][::-1])


def _numbered(path: tuple[int, ...], root: Part) -> Iterator[tuple[tuple[int, ...], Part]]:
    parts = root.children if root.type == "multipart" and root.children else [root]
    if root.type == "multipart" and not root.children and path:
        return
    for number, part in enumerate(parts, 1):
        yield (*path, number), part


def encode_parts(part: Part) -> bytes:
    """The part tree as msgpack, for storing."""
    return msgspec.msgpack.encode(part)


def decode_parts(stored: bytes) -> Part:
    """The part tree that `encode_parts` stored; raises `msgspec.DecodeError` on other bytes."""
    return msgspec.msgpack.decode(stored, type=Part)
