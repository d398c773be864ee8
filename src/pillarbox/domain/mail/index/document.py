"""The text of one message as a search sees it: what is indexed, and what judges without an index.

Made of `formats/mime/searchable` and the text inside attachments, all folded. Within a field the
pieces of text are divided by line ends, which no needle holds: folding makes them spaces.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pillarbox.domain.mail.index.fields import OWN_FIELDS, Field, Leaf
from pillarbox.formats.mime.searchable import Searchable
from pillarbox.formats.text.fold import folded
from pillarbox.formats.text.words import words

WORDS_MAX = 50_000
"""Distinct words of a field that are indexed; a message with more is always a candidate."""


@dataclass(frozen=True, slots=True)
class Document:
    """A message's folded text; `headers` are names and values, `texts` the other fields.

    Not `complete`: there are attachments whose text was not there.
    """

    headers: tuple[tuple[str, str], ...]
    texts: Mapping[Field, str]
    complete: bool = True

    @property
    def size_bytes(self) -> int:
        """About what it takes in memory."""
        held = sum(len(name) + len(value) + 160 for name, value in self.headers)
        return 500 + held + sum(map(len, self.texts.values()))

    def with_attached(self, text: str) -> "Document":
        """The same with the text inside its attachments."""
        texts = dict(self.texts)
        texts.pop(Field.ATTACHMENT, None)
        if text:
            texts[Field.ATTACHMENT] = folded(text)
        return Document(self.headers, texts)

    def holds(self, leaf: Leaf) -> bool:
        """Whether the text looked for stands in the message: the definition of a hit."""
        needle = leaf.needle
        if leaf.name is not None:
            return any(needle in value for name, value in self.headers if name == leaf.name)
        if not needle:
            return True
        if any(needle in text for field, text in self.texts.items() if field in leaf.fields):
            return True
        return Field.NAMES in leaf.fields and any(
            needle in f"{name}: {value}" for name, value in self.headers
        )

    def words(self) -> dict[Field, set[bytes]]:
        """The distinct words of each field but `HEADER`."""
        values: dict[Field, list[str]] = {}
        for name, value in self.headers:
            field = OWN_FIELDS.get(name)
            if field is not None:
                values.setdefault(field, []).append(value)
        found = {field: words("\n".join(texts)) for field, texts in values.items()}
        found.update((field, words(text)) for field, text in self.texts.items())
        found[Field.NAMES] = {_whole(name) for name, _ in self.headers}
        return {field: held for field, held in found.items() if held}

    def header_words(self) -> dict[bytes, set[bytes]]:
        """The distinct words of the fields that `Field.HEADER` holds, by name."""
        found: dict[bytes, set[bytes]] = {}
        for name, value in self.headers:
            if name not in OWN_FIELDS:
                found.setdefault(_whole(name), set()).update(words(value))
        return found


def document(searchable: Searchable, attached: str | None) -> Document:
    """The document of a message; `attached` is the text inside its attachments, if it is known."""
    texts = {
        Field.NESTED: _joined([f"{name}: {value}" for name, value in searchable.nested_headers]),
        Field.BODY: _joined(searchable.texts),
        Field.FILENAME: _joined(searchable.filenames),
        Field.ATTACHMENT: folded(attached) if attached else "",
    }
    return Document(
        tuple((folded(name), folded(value)) for name, value in searchable.headers),
        {field: text for field, text in texts.items() if text},
        attached is not None or not searchable.attachments,
    )


def whole_name(name: str) -> bytes:
    """A field name as the index keeps it."""
    return _whole(name)


def _whole(name: str) -> bytes:
    return name.encode("utf-8", "replace")


def _joined(texts: "tuple[str, ...] | list[str]") -> str:
    return "\n".join(map(folded, texts))
