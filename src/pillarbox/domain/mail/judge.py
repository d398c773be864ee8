"""Queries made into functions that judge one message at a time.

A judgement is yes, no, or open while the text of the message has not been read. Called by `search`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pillarbox.base.cache import ByteCache
from pillarbox.base.ids import AccountId, EmailId
from pillarbox.domain.mail import query as q
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.index.document import Document
from pillarbox.domain.mail.index.documents import Documents
from pillarbox.domain.mail.index.fields import TEXT_QUERIES, Leaf, TextQuery, leaf_of
from pillarbox.domain.mail.index.fuzzy import near, score
from pillarbox.domain.mail.index.lookup import hits
from pillarbox.domain.mail.index.store import IndexReader
from pillarbox.formats.text.words import needle_of
from pillarbox.storage.tx import Row, Tx

UID, EMAIL = 0, 7
"""Where UID and email id stand in a row."""
_FLAGS, _KEYWORDS, _MODSEQ, _INTERNAL, _SIZE, _SAVED, _SENT = 1, 2, 3, 4, 5, 6, 8


Judge = Callable[[Row, Document | None], bool | None]
"""Whether a query holds for a message; `None` if that takes its text and there is no document.

Rows are UID, bits, keywords, modseq, internal date, size, saved date, email id, sent date.
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A query as a function. Of the indexed emails it can hold only for `emails`; `None`: any."""

    judge: Judge
    emails: set[int] | None = None


class Texts:
    """What judges of texts share: the index, up to the UID `mark`, and the messages themselves."""

    def __init__(
        self, tx: Tx, store: ContentStore, cache: ByteCache, account: AccountId, mark: int
    ) -> None:
        """A mark of 0 leaves the index aside. Raises `NotFound` without such an account."""
        self.documents = Documents(tx, store, cache, account)
        self.mark = mark
        self.reader: IndexReader | None = None
        if mark:
            self.reader = IndexReader(tx, self.documents.sealer, cache, account)
        self.missing: dict[EmailId, None] = {}
        """Emails the text inside whose attachments would have been needed."""
        self.fuzzy = False
        self.relevancy: dict[int, int] = {}
        """How well messages match where a fuzzy query held, by UID."""

    def rate(self, uid: int, relevancy: int) -> None:
        """Note how well a part of the query matches."""
        self.relevancy[uid] = min(relevancy, self.relevancy.get(uid, 100))


def compiled(query: q.Query, texts: Texts | None, fuzzy: bool = False) -> Node:
    """The query as a function; `texts` is needed for queries for text."""
    if isinstance(query, q.And):
        return _and([compiled(part, texts, fuzzy) for part in query.parts])
    if isinstance(query, q.Or):
        return _or([compiled(part, texts, fuzzy) for part in query.parts])
    if isinstance(query, q.Not):
        return _not(compiled(query.part, texts, fuzzy))
    if isinstance(query, q.Fuzzy):
        if texts is not None:
            texts.fuzzy = True
        return compiled(query.part, texts, True)
    if isinstance(query, TEXT_QUERIES):
        if texts is None:
            raise ValueError("a query for text needs texts")
        return _text(query, texts, fuzzy)
    return Node(_ROW_JUDGES[type(query)](query))


def _and(nodes: list[Node]) -> Node:
    judges = [node.judge for node in nodes]
    bound: set[int] | None = None
    for node in nodes:
        if node.emails is not None:
            bound = node.emails if bound is None else bound & node.emails

    def judge(row: Row, document: Document | None) -> bool | None:
        result: bool | None = True
        for one in judges:
            holds = one(row, document)
            if holds is False:
                return False
            if holds is None:
                result = None
        return result

    return Node(judge, bound)


def _or(nodes: list[Node]) -> Node:
    judges = [node.judge for node in nodes]
    bound: set[int] | None = set()
    for node in nodes:
        bound = None if bound is None or node.emails is None else bound | node.emails

    def judge(row: Row, document: Document | None) -> bool | None:
        result: bool | None = False
        for one in judges:
            holds = one(row, document)
            if holds:
                return True
            if holds is None:
                result = None
        return result

    return Node(judge, bound)


def _not(node: Node) -> Node:
    inner = node.judge

    def judge(row: Row, document: Document | None) -> bool | None:
        holds = inner(row, document)
        return None if holds is None else not holds

    return Node(judge)


def _text(query: TextQuery, texts: Texts, fuzzy: bool) -> Node:
    leaf = leaf_of(query)
    if leaf.name is None and not leaf.needle:
        return Node(lambda row, document: True)
    if fuzzy and needle_of(leaf.needle).pieces:
        return _near(leaf, texts)
    mark = texts.mark
    sure, maybe = set[int](), set[int]()
    if texts.reader is not None:
        found = hits(texts.reader, leaf)
        sure, maybe = found.sure, found.maybe

    def judge(row: Row, document: Document | None) -> bool | None:
        email = row[EMAIL]
        if row[UID] <= mark and email not in maybe:
            return email in sure
        return None if document is None else _holds(document, leaf, email, texts)

    return Node(judge, sure | maybe)


def _holds(document: Document, leaf: Leaf, email: int, texts: Texts) -> bool:
    if document.holds(leaf):
        return True
    if leaf.needs_attachments and not document.complete:
        texts.missing[EmailId(email)] = None
    return False


def _near(leaf: Leaf, texts: Texts) -> Node:
    """Words that are spelled nearly so count too; each message found is rated."""
    mark = texts.mark
    found, maybe = dict[int, int](), set[int]()
    if texts.reader is not None:
        found, maybe = near(texts.reader, leaf)

    def judge(row: Row, document: Document | None) -> bool | None:
        if row[UID] <= mark and row[EMAIL] not in maybe:
            rating = found.get(row[EMAIL], 0)
        elif document is None:
            return None
        else:
            rating = score(document, leaf)
            if leaf.needs_attachments and not document.complete:
                texts.missing[EmailId(row[EMAIL])] = None
        if rating:
            texts.rate(row[UID], rating)
        return rating > 0

    return Node(judge, maybe.union(found))


def _everything(query: q.Everything) -> Judge:
    return lambda row, document: True


def _has_flag(query: q.HasFlag) -> Judge:
    flag = int(query.flag)
    return lambda row, document: bool(row[_FLAGS] & flag)


def _has_keyword(query: q.HasKeyword) -> Judge:
    name = query.name.lower()

    def judge(row: Row, document: Document | None) -> bool:
        keywords = row[_KEYWORDS]
        return bool(keywords) and name in keywords.lower().split(" ")

    return judge


def _in_uids(query: q.InUids) -> Judge:
    ranges = query.ranges

    def judge(row: Row, document: Document | None) -> bool:
        uid = row[UID]
        low, high = 0, len(ranges)
        while low < high:
            middle = (low + high) // 2
            first, last = ranges[middle]
            if uid < first:
                high = middle
            elif uid > last:
                low = middle + 1
            else:
                return True
        return False

    return judge


def _over(query: q.SizeOver) -> Judge:
    return lambda row, document: row[_SIZE] > query.size_bytes


def _under(query: q.SizeUnder) -> Judge:
    return lambda row, document: row[_SIZE] < query.size_bytes


def _between(column: int, from_ms: int | None, to_ms: int | None) -> Judge:
    def judge(row: Row, document: Document | None) -> bool:
        value = row[column]
        if value is None:
            return False
        return (from_ms is None or value >= from_ms) and (to_ms is None or value < to_ms)

    return judge


def _modseq(query: q.ModseqFrom) -> Judge:
    return lambda row, document: row[_MODSEQ] >= query.modseq


def _email(query: q.EmailIs) -> Judge:
    return lambda row, document: row[EMAIL] == query.email_id


_ROW_JUDGES: dict[type, Callable[..., Judge]] = {
    q.Everything: _everything,
    q.HasFlag: _has_flag,
    q.HasKeyword: _has_keyword,
    q.InUids: _in_uids,
    q.SizeOver: _over,
    q.SizeUnder: _under,
    q.InternalBetween: lambda query: _between(_INTERNAL, query.from_ms, query.to_ms),
    q.SentBetween: lambda query: _between(_SENT, query.from_ms, query.to_ms),
    q.SavedBetween: lambda query: _between(_SAVED, query.from_ms, query.to_ms),
    q.ModseqFrom: _modseq,
    q.EmailIs: _email,
}
