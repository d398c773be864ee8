"""A message as scripts see it, and edit it.

What is parsed of the message as it came is shared by all copies; edits belong to one copy. Called
by conditions and commands; calls `message_header`, `message_parts` and `message_edit`.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from pillarbox.formats.mime.header import HEADER_BYTES, fields
from pillarbox.formats.mime.words import decode_raw, decode_words
from pillarbox.formats.sieve.comparators import COMPARATORS
from pillarbox.formats.sieve.message_edit import enclosure, field
from pillarbox.formats.sieve.message_header import HeaderAddress, MessageHeader
from pillarbox.formats.sieve.message_parts import MimePart, below, read_parts

__all__ = ["HeaderAddress", "Message", "MessageHeader", "MimePart"]

BODY_BYTES = 1 << 20
"""Of a body, in any form, that tests look at."""

_KEPT_CHARACTERS = 8 << 20
_KEPT_FORMS = 100
_BLANK = b"\r\n"
_NO_FIELDS: Mapping[str, bytes] = MappingProxyType({})


class _Bodies(dict[object, tuple[str, ...]]):
    """Forms of a body, kept while there is room."""

    def __init__(self) -> None:
        self.left = _KEPT_CHARACTERS

    def keep(self, form: object, texts: tuple[str, ...]) -> tuple[str, ...]:
        size = sum(map(len, texts))
        if size <= self.left and len(self) < _KEPT_FORMS:
            self.left -= size
            self[form] = texts
        return texts


class _Shared:
    """One state of a message's content, and what was parsed of it."""

    __slots__ = ("bodies", "content", "header", "header_end", "root")

    def __init__(self, content: bytes) -> None:
        self.content = content
        end = self.header_end = _header_end(content)
        self.header = MessageHeader(content[:end])
        self.root: MimePart | None = None
        self.bodies = _Bodies()


class Message:
    """One message; `copy` shares what was parsed, so that each recipient's run has its own edits.

    Nothing is parsed before a script asks for it. `header` is the message's own, as edited so far:
    `header.values["subject"]`, `header.addresses("to")`. A part that came from `parts` stays valid
    when others are edited.
    """

    __slots__ = (
        *("_bodies", "_content", "_original", "_pieces", "_replaced", "_state", "_touched"),
        "header",
    )

    def __init__(self, content: bytes) -> None:
        """`content` is the whole message, its line ends CRLF."""
        self._start(_Shared(content))

    def _start(self, original: _Shared) -> None:
        self._original = original
        self._become(original)

    def _become(self, state: _Shared) -> None:
        self._state = state
        self.header = state.header
        self._content: bytes | None = state.content
        self._pieces: list[tuple[str, bytes]] | None = None
        self._bodies = state.bodies
        self._replaced: dict[MimePart, MimePart] = {}
        self._touched: set[MimePart] = set()

    def copy(self) -> "Message":
        """The message without the edits made in this object."""
        made = Message.__new__(Message)
        made._start(self._original)
        return made

    @property
    def content(self) -> bytes:
        """The whole message with all edits."""
        content = self._content
        if content is None:
            content = self._content = self.header.block + self._body()
        return content

    @property
    def is_edited(self) -> bool:
        """Whether it is not as it came."""
        return self._content is not self._original.content

    def is_alike(self, one: bytes | None, other: bytes | None) -> bool:
        """Whether two contents, `None` for the original one, differ in their headers at most."""
        if one is other:
            return True
        one, other = (self._original.content if it is None else it for it in (one, other))
        end, other_end = _header_end(one), _header_end(other)
        return len(one) - end == len(other) - other_end and one.endswith(other[other_end:])

    @property
    def size_bytes(self) -> int:
        """The size of the content."""
        if self._content is None and not self._touched:
            state = self._state
            return len(self.header.block) + len(state.content) - state.header_end
        return len(self.content)

    # Parts

    @property
    def root(self) -> MimePart:
        """The first part, which is the message itself; its header is `header` once edited."""
        found = self._state.root
        if found is None:
            found = self._state.root = read_parts(self._state.content)
        return found

    def scanned(self) -> int:
        """Find the parts, if they are not yet known; the bytes of their headers that took."""
        if self._state.root is not None:
            return 0
        root = self.root
        every = (root, *below(root))
        return sum(part.part.body_start - part.part.header_start for part in every)

    def parts(self, within: MimePart | None = None) -> Sequence[MimePart]:
        """All parts, the message itself first, or those below a part (RFC 5703 §3)."""
        if within is None:
            return [self.root, *self._below(self.root)]
        return self._below(self.current(within))

    def current(self, part: MimePart) -> MimePart:
        """What stands now where this part was."""
        if part.is_root:
            return self.root
        while part in self._replaced:
            part = self._replaced[part]
        return part

    def header_of(self, part: MimePart | None) -> MessageHeader:
        """The header of a part as it is now; of the message if it is none or the root."""
        if part is None or part.is_root:
            return self.header
        return self.current(part).header if self._replaced else part.header

    def _below(self, part: MimePart) -> list[MimePart]:
        if not self._touched:
            return list(below(part))
        found: list[MimePart] = []
        pending = list(reversed(part.children))
        while pending:
            inner = self.current(pending.pop())
            found.append(inner)
            pending.extend(reversed(inner.children))
        return found

    # Edits

    def add_field(self, name: str, value: str, *, last: bool = False) -> None:
        """Add a header field, as the first one or the last (RFC 5293 §4).

        The value is cleaned, folded and encoded; `name` has to be one (`is_field_name`).
        """
        pieces = self._header_pieces()
        made = (name.lower(), field(name, value))
        if last:
            if pieces and not pieces[-1][1].endswith(b"\n"):
                pieces[-1] = (pieces[-1][0], pieces[-1][1] + _BLANK)
            pieces.append(made)
        else:
            pieces.insert(0, made)
        self._set_header(pieces)

    def delete_fields(
        self,
        name: str,
        wanted: Callable[[str], bool] | None = None,
        index: int = 0,
        *,
        last: bool = False,
    ) -> int:
        """Delete header fields of a name (RFC 5293 §5); how many it were.

        With an `index` only that one, counted from 1, from the end if `last`. `wanted` is given
        the decoded value of each.
        """
        name = name.lower()
        pieces = self._header_pieces()
        places = [at for at, (found, _) in enumerate(pieces) if found == name]
        if index:
            at = len(places) - index if last else index - 1
            places = [places[at]] if 0 <= at < len(places) else []
        if wanted is not None:
            places = [at for at in places if wanted(_value(pieces[at][1]))]
        if places:
            gone = set(places)
            self._set_header([piece for at, piece in enumerate(pieces) if at not in gone])
        return len(places)

    def replace_part(
        self, part: MimePart | None, entity: bytes, fields: Mapping[str, bytes] = _NO_FIELDS
    ) -> bool:
        """Put a MIME entity (header, blank line, body) in the place of a part (RFC 5703 §4).

        Of the whole message (`None` or the root) the fields that don't begin with "Content-" stay.
        Those of the lower-case names in `fields` are kept as "Original-" ones beside these whole
        fields. `False`: the part is not in the message any more.
        """
        if part is None or part.is_root:
            self._replace_whole(entity, fields)
            return True
        part = self.current(part)
        above = self._above(part)
        if above is None:
            return False
        self._replaced[part] = read_parts(entity, part.path)
        self._touched.update(above)
        self._bodies = _Bodies()
        self._content = None
        return True

    def _above(self, part: MimePart) -> list[MimePart] | None:
        """The parts that a part is in; `None` if it is not in the message any more."""
        above: list[MimePart] = []
        at = self.root
        for child in part.path:
            if child >= len(at.children):
                return None
            above.append(at)
            at = self.current(at.children[child])
        return above if at is part else None

    def enclose(self, head: bytes, text: str) -> None:
        """Make the message an attachment of a new one with these whole fields (RFC 5703 §6)."""
        self._become(_Shared(enclosure(head, text, self.content)))

    def _replace_whole(self, entity: bytes, given: Mapping[str, bytes]) -> None:
        kept = [
            b"Original-" + raw if name in given else raw
            for name, raw in self._header_pieces()
            if name != "mime-version" and not name.startswith("content-")
        ]
        new = _Shared(entity)
        kept += given.values()
        kept.append(b"MIME-Version: 1.0\r\n")
        kept += [raw for name, raw in _pieces(new.header.block) if name.startswith("content-")]
        self._become(_Shared(b"".join(kept) + (entity[new.header_end :] or _BLANK)))

    def _header_pieces(self) -> list[tuple[str, bytes]]:
        if self._pieces is None:
            self._pieces = _pieces(self.header.block)
        return self._pieces

    def _set_header(self, pieces: list[tuple[str, bytes]]) -> None:
        self._pieces = pieces
        self.header = MessageHeader(b"".join([raw for _, raw in pieces]))
        self._content = None

    def _body(self) -> bytes:
        """What stands behind the header, with the blank line."""
        state = self._state
        if not self._touched:
            return state.content[state.header_end :] or _BLANK
        part = self.root.part
        out = [state.content[state.header_end : part.body_start]]
        self._write_body(self.root, out)
        out.append(state.content[part.body_end :])
        return b"".join(out)

    def _write_body(self, part: MimePart, out: list[bytes]) -> None:
        source = part.source
        at = part.part.body_start
        for child in part.children:
            out.append(source[at : child.part.header_start])
            now = self.current(child)
            if now is not child or child in self._touched:
                if now in self._touched:
                    out.append(now.source[now.part.header_start : now.part.body_start])
                    self._write_body(now, out)
                else:
                    out.append(now.source[now.part.header_start : now.part.body_end])
            else:
                out.append(source[child.part.header_start : child.part.body_end])
            at = child.part.body_end
        out.append(source[at : part.part.body_end])

    # Bodies

    @property
    def raw_body(self) -> bytes | None:
        """What stands behind the blank line, `None` if there is no such line."""
        content = self.content
        end = len(self.header.block)
        if len(content) == end:
            return None
        return content[end + (2 if content.startswith(_BLANK, end) else 1) :]

    def known_texts(self, form: object) -> tuple[str, ...] | None:
        """What `body_texts` made before of the message as it is now, `None` if it did not."""
        return self._bodies.get(form)

    def body_texts(
        self, form: object, make: Callable[["Message"], tuple[str, ...]]
    ) -> tuple[str, ...]:
        """The texts of the body in some form; made once, for all copies that are not edited."""
        found = self._bodies.get(form)
        return self._bodies.keep(form, make(self)) if found is None else found

    def folded_texts(
        self, form: object, make: Callable[["Message"], tuple[str, ...]], comparator: str
    ) -> tuple[str, ...]:
        """The same as a comparator compares them."""
        found = self._bodies.get((form, comparator))
        if found is None:
            fold = COMPARATORS[comparator].fold
            texts = tuple(map(fold, self.body_texts(form, make)))
            found = self._bodies.keep((form, comparator), texts)
        return found


def _header_end(content: bytes) -> int:
    """Where the blank line begins, as `scan` finds it, or the end of all."""
    if content.startswith((_BLANK, b"\n")):
        return 0
    crlf = content.find(b"\n\r\n")
    bare = content.find(b"\n\n", 0, crlf + 1 if crlf >= 0 else len(content))
    found = bare if bare >= 0 else crlf
    return found + 1 if found >= 0 else len(content)


def _pieces(block: bytes) -> list[tuple[str, bytes]]:
    """A header block cut at its fields: lower-case name and octets.

    What is no field, or lies behind `HEADER_BYTES`, is a piece without name.
    """
    pieces: list[tuple[str, bytes]] = []
    at = 0
    found = list(fields(block[:HEADER_BYTES]))
    if len(block) > HEADER_BYTES and found:
        found.pop()
    for name, _, start, end in found:
        if start > at:
            pieces.append(("", block[at:start]))
        pieces.append((name.decode("latin-1"), block[start:end]))
        at = end
    if at < len(block):
        pieces.append(("", block[at:]))
    return pieces


def _value(raw: bytes) -> str:
    value = raw.partition(b":")[2].replace(b"\r", b"").replace(b"\n", b"").strip()
    return (decode_words(value) if b"=?" in value else decode_raw(value)).strip()
