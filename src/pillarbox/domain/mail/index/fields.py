"""The fields of mail that the index tells apart, and which of them a query looks at."""

from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

from pillarbox.domain.mail import query as q
from pillarbox.formats.text.fold import folded


class Field(IntEnum):
    """Where in a message a word stands; the numbers are stored."""

    NAMES = 0
    """Names of header fields; each is one word, whatever it is made of."""
    SUBJECT = 1
    FROM = 2
    TO = 3
    CC = 4
    BCC = 5
    HEADER = 6
    """All other header fields."""
    NESTED = 7
    """Header fields of messages within the message, with their names."""
    BODY = 8
    FILENAME = 9
    ATTACHMENT = 10
    """The text inside PDF, Office and other attached documents."""


BODY_FIELDS = (Field.NESTED, Field.BODY, Field.FILENAME, Field.ATTACHMENT)
TEXT_FIELDS = tuple(Field)
OWN_FIELDS = MappingProxyType(
    {
        "subject": Field.SUBJECT,
        "from": Field.FROM,
        "to": Field.TO,
        "cc": Field.CC,
        "bcc": Field.BCC,
    }
)
"""Header fields that have a section of their own."""

TextQuery = q.Header | q.Address | q.Subject | q.Body | q.Text
TEXT_QUERIES = (q.Header, q.Address, q.Subject, q.Body, q.Text)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text looked for in some fields; with a `name`, in header fields of that name alone.

    An empty needle asks whether there is such a field.
    """

    fields: tuple[Field, ...]
    name: str | None
    needle: str

    @property
    def needs_attachments(self) -> bool:
        """Whether the text inside attachments counts."""
        return Field.ATTACHMENT in self.fields and bool(self.needle)


def leaf_of(query: TextQuery) -> Leaf:
    """What a query for text looks for, and where.

    TEXT looks into names and values of header fields, bodies, file names and the text inside
    attachments, BODY into all of these but the message's own header.
    """
    needle = folded(query.text)
    if isinstance(query, q.Text):
        return Leaf(TEXT_FIELDS, None, needle)
    if isinstance(query, q.Body):
        return Leaf(BODY_FIELDS, None, needle)
    if isinstance(query, q.Subject):
        name = "subject"
    elif isinstance(query, q.Address):
        name = query.field
    else:
        name = query.name
    name = folded(name)
    return Leaf((OWN_FIELDS.get(name, Field.HEADER),), name, needle)
