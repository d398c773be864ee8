"""Threads of the messages a search found: ORDEREDSUBJECT and REFERENCES (RFC 5256 §3).

Nothing here recurses, and looking for loops is bounded: threads may be as deep as a mailbox is
long. `threads` is about the threads that are kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import msgspec

from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.sort import Progress, each_fields, facts, in_order
from pillarbox.formats.mime.base_subject import base_subject
from pillarbox.formats.text.casemap import casemap
from pillarbox.storage.tx import Tx

_NONE = -1
_STEPS_PER_MESSAGE = 50
_STEPS = 1_000_000


class Algorithm(Enum):
    """How threads are found."""

    ORDEREDSUBJECT = "ORDEREDSUBJECT"
    REFERENCES = "REFERENCES"


class Threaded(msgspec.Struct, frozen=True, gc=False):
    """A message to be threaded; `subject` is the base, as it is compared."""

    uid: int
    sent_ms: int
    subject: str
    is_reply: bool
    message_id: str | None = None
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forest:
    """Threads in order. Nodes are UIDs; negative ones stand for messages that are not there."""

    roots: list[int]
    children: Mapping[int, list[int]]


def thread(
    tx: Tx,
    store: ContentStore,
    account: AccountId,
    mailbox: MailboxId,
    uids: Sequence[int],
    algorithm: Algorithm,
    progress: Progress | None = None,
) -> Forest:
    """The threads of the messages with these ascending UIDs; those that are gone are left out."""
    rows = facts(tx, mailbox, uids)
    sent = dict(zip(rows.uids, rows.sent_ms, strict=True))
    found: list[Threaded] = []
    by_references = algorithm is Algorithm.REFERENCES
    for uid, fields in each_fields(tx, store, account, mailbox, uids, progress):
        sent_ms = sent.get(uid)
        if sent_ms is None:
            continue
        subject, is_reply = base_subject(fields.subject)
        references: tuple[str, ...] = ()
        if by_references:
            references = (
                fields.references or tuple(one for one in fields.in_reply_to if "@" in one)[:1]
            )
        message_id = fields.message_id if by_references else None
        found.append(Threaded(uid, sent_ms, casemap(subject), is_reply, message_id, references))
    return by_reference(found) if by_references else by_subject(found)


def by_subject(messages: Sequence[Threaded]) -> Forest:
    """Messages of one subject are a thread; the oldest is the parent of the others."""
    groups: dict[str, list[tuple[int, int]]] = {}
    for message in messages:
        groups.setdefault(message.subject, []).append((message.sent_ms, message.uid))
    threads = in_order(in_order(group) for group in groups.values())
    children = {group[0][1]: [uid for _, uid in group[1:]] for group in threads if len(group) > 1}
    return Forest([group[0][1] for group in threads], children)


def by_reference(messages: Sequence[Threaded]) -> Forest:
    """Messages hang below those they refer to, then threads of one subject come together."""
    parents, dummies = _linked(messages)
    children = _pruned(len(messages), parents)
    roots = children.pop(_NONE, [])
    grove = _Grove(messages, children, len(messages) + dummies)
    return grove.forest(grove.gathered(grove.sorted(roots)))


# Step 1: who refers to whom


class _Links:
    """Parents of nodes, without loops."""

    __slots__ = ("_group", "_steps", "parents")

    def __init__(self, steps: int) -> None:
        self.parents: list[int] = []
        self._group: list[int] = []
        self._steps = steps

    def add(self) -> int:
        """One more node, without a parent."""
        self.parents.append(_NONE)
        self._group.append(len(self._group))
        return len(self.parents) - 1

    def link(self, parent: int, child: int) -> None:
        """Hang `child` below `parent`, in place of where it hung; not where that made a loop."""
        if self._is_below(parent, child):
            return
        self.parents[child] = parent
        self._group[self._found(child)] = self._found(parent)

    def _is_below(self, node: int, other: int) -> bool:
        """Whether `node` is `other` or hangs below it; taken to be so when it takes too long."""
        if node == other:
            return True
        if self._found(node) != self._found(other):
            return False
        while node != _NONE:
            if node == other or self._steps <= 0:
                return True
            self._steps -= 1
            node = self.parents[node]
        return False

    def _found(self, node: int) -> int:
        """What all nodes that were ever connected have in common."""
        group = self._group
        while group[node] != node:
            group[node] = group[group[node]]
            node = group[node]
        return node


def _linked(messages: Sequence[Threaded]) -> tuple[list[int], int]:
    """The parent of each message and, behind them, of each that is only referred to."""
    links = _Links(_STEPS + _STEPS_PER_MESSAGE * len(messages))
    nodes: dict[str, int] = {}
    for message in messages:
        node = links.add()
        if message.message_id is not None:
            nodes.setdefault(message.message_id, node)
    for node, message in enumerate(messages):
        before = _NONE
        for reference in message.references:
            current = nodes.get(reference)
            if current is None:
                current = nodes[reference] = links.add()
            if before != _NONE and links.parents[current] == _NONE:
                links.link(before, current)
            before = current
        # What a message says of itself overrides what others said.
        links.parents[node] = _NONE
        if before != _NONE:
            links.link(before, node)
    return links.parents, len(links.parents) - len(messages)


# Steps 2 and 3: what is left of the messages that are not there


def _pruned(count: int, parents: Sequence[int]) -> dict[int, list[int]]:
    """The children of each node that stays, those of `_NONE` are the roots.

    A message that is not there stays only as a root with several children.
    """
    above: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for node in range(count):
        children.setdefault(_anchor(parents, above, node, count), []).append(node)
    roots = children.pop(_NONE, [])
    for node in [node for node in children if node >= count]:
        if len(children[node]) == 1:
            roots.append(children.pop(node)[0])
        else:
            roots.append(node)
    children[_NONE] = roots
    return children


def _anchor(parents: Sequence[int], above: dict[int, int], node: int, count: int) -> int:
    """The nearest ancestor that is there, else the topmost one, else none."""
    at = parents[node]
    passed: list[int] = []
    while at >= count:
        known = above.get(at)
        if known is not None:
            at = known
            break
        passed.append(at)
        at = parents[at]
    if at == _NONE and passed:
        at = passed[-1]
    for one in passed:
        above[one] = at
    return at


# Steps 4 to 6: order and subjects


class _Grove:
    """Threads whose roots are still being put together."""

    __slots__ = ("_children", "_count", "_messages", "_next")

    def __init__(
        self, messages: Sequence[Threaded], children: dict[int, list[int]], nodes: int
    ) -> None:
        self._messages = messages
        self._count = len(messages)
        self._children = children
        self._next = nodes
        for siblings in children.values():
            if len(siblings) > 1:
                siblings[:] = self.sorted(siblings)

    def sorted(self, nodes: Sequence[int]) -> list[int]:
        """Nodes by date, those of one date by UID; children must be in order already."""
        messages = self._messages
        dated = [(messages[self._first(node)].sent_ms, self._first(node), node) for node in nodes]
        return [node for _, _, node in in_order(dated)]

    def _first(self, node: int) -> int:
        """The message itself, or the first below one that is not there."""
        while node >= self._count:
            node = self._children[node][0]
        return node

    def gathered(self, roots: Sequence[int]) -> list[int]:
        """The roots in order, with threads of the same subject put together."""
        table = self._subjects(roots)
        kept: dict[int, None] = dict.fromkeys(roots)
        changed: dict[int, None] = {}
        for root in roots:
            subject = self._messages[self._first(root)].subject
            other = table.get(subject)
            if other is None or other == root:
                continue
            del kept[root]
            changed[other] = None
            if other >= self._count:
                self._append(other, self._children.pop(root) if root >= self._count else [root])
            elif self._is_reply(root) and not self._is_reply(other):
                self._append(other, [root])
            else:
                del kept[other]
                table[subject] = dummy = self._next
                self._next += 1
                kept[dummy] = changed[dummy] = None
                self._children[dummy] = []
                self._append(dummy, [other, root])
        for node in [node for node in changed if node in self._children]:
            self._children[node] = self.sorted(self._children[node])
        return self.sorted(list(kept))

    def _subjects(self, roots: Sequence[int]) -> dict[str, int]:
        """Of each subject the root that others of it are put with."""
        table: dict[str, int] = {}
        for root in roots:
            subject = self._messages[self._first(root)].subject
            if not subject:
                continue
            other = table.setdefault(subject, root)
            if other < self._count and (
                root >= self._count or (self._is_reply(other) and not self._is_reply(root))
            ):
                table[subject] = root
        return table

    def _is_reply(self, root: int) -> bool:
        return root < self._count and self._messages[root].is_reply

    def _append(self, node: int, more: Sequence[int]) -> None:
        self._children.setdefault(node, []).extend(more)

    def forest(self, roots: Sequence[int]) -> Forest:
        """The threads with UIDs for nodes."""
        uids = [message.uid for message in self._messages]

        def name(node: int) -> int:
            return uids[node] if node < len(uids) else len(uids) - 1 - node

        return Forest(
            list(map(name, roots)),
            {name(node): list(map(name, below)) for node, below in self._children.items()},
        )
