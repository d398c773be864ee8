"""Answers to what scripts ask of the world outside the message: short reads of the database.

Called by `filtering` and by trials of scripts; calls `domain/mail`, `domain/sharing`.
"""

from collections.abc import Iterable
from types import MappingProxyType

from pillarbox.base.errors import Invalid
from pillarbox.base.ids import MailboxId, parse_public_id
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.contacts import lookup as contacts
from pillarbox.domain.judgement.model import Action
from pillarbox.domain.mail import annotations, mailboxes
from pillarbox.domain.mail.annotations import SERVER, Annotated
from pillarbox.domain.sender_lists import lists
from pillarbox.domain.sender_lists.model import Owner, Scope, patterns
from pillarbox.domain.sending.counts import have_written_to
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.access import Right
from pillarbox.domain.sieve import memory
from pillarbox.formats.sieve.questions import (
    ListQuestion,
    MailboxIdQuestion,
    MailboxQuestion,
    MetadataQuestion,
    Question,
    SeenQuestion,
    SpecialUseQuestion,
    ValidListQuestion,
)
from pillarbox.pipeline.inbound.planned import MAILBOX_ID_LETTER
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

Answer = bool | str | None

LISTS = MappingProxyType(
    {
        "urn:pillarbox:senders:allowed": (Action.ALLOW,),
        "urn:pillarbox:senders:blocked": (Action.JUNK, Action.REFUSE),
    }
)
"""External lists (RFC 6134): what of the user's own sender list each has."""
CONTACTS = frozenset((":addrbook:default", "urn:ietf:params:sieve:addrbook:default"))
"""The list of whom the user knows: who is in their address books, whom they let in, and to whom
they wrote."""
BOOKS = (":addrbook:", "urn:ietf:params:sieve:addrbook:")
"""What the names of single address books begin with."""


def answer_all(
    tx: Tx, keys: KeyRing, actor: Actor, questions: Iterable[Question]
) -> dict[Question, Answer]:
    """The answers, as they are in this transaction."""
    return {one: answer(tx, keys, actor, one) for one in questions}


def answer(tx: Tx, keys: KeyRing, actor: Actor, question: Question) -> Answer:
    """The answer to one question of a script of this user."""
    match question:
        case MailboxQuestion(name):
            found = access.find(tx, actor, name)
            return found is not None and Right.INSERT in found.rights
        case MailboxIdQuestion(mailbox_id):
            number = parse_public_id(MAILBOX_ID_LETTER, mailbox_id)
            mailbox = None if number is None else mailboxes.get(tx, MailboxId(number))
            return mailbox is not None and mailbox.account_id == actor.account_id
        case SpecialUseQuestion(name, uses):
            return _has_uses(tx, actor, name, uses)
        case MetadataQuestion(name, entry):
            return _annotation(tx, keys, actor, name, entry)
        case ListQuestion(name, value):
            return _listed(tx, keys, actor, name, value)
        case ValidListQuestion(name):
            return _is_list(tx, keys, actor, name.lower())
        case SeenQuestion(mark):
            return bool(memory.seen(tx, keys, actor.account_id, [mark]))


def _has_uses(tx: Tx, actor: Actor, name: str, uses: tuple[str, ...]) -> bool:
    """Whether one mailbox has all of them, or (without a name) each is some mailbox's."""
    wanted = {use.lower() for use in uses}
    if name:
        found = access.find(tx, actor, name)
        own = "" if found is None else (found.mailbox.special_use or "").lower()
        return found is not None and wanted <= {own}
    own_uses = {(one.special_use or "").lower() for one in mailboxes.all_of(tx, actor.account_id)}
    return wanted <= own_uses


def _annotation(tx: Tx, keys: KeyRing, actor: Actor, name: str, entry: str) -> str | None:
    mailbox, owner = SERVER, actor.account_id
    if name:
        found = access.find(tx, actor, name)
        if found is None:
            return None
        mailbox, owner = found.mailbox.id, found.mailbox.account_id
    try:
        wanted = annotations.canonical_entry(entry)
    except Invalid:
        return None
    where = Annotated(mailbox, owner, actor.account_id)
    for found_entry, value in annotations.get(tx, keys, where, [wanted], 0):
        if found_entry == wanted:
            return value.decode("utf-8", "replace")
    return None


def _is_list(tx: Tx, keys: KeyRing, actor: Actor, name: str) -> bool:
    book = _book(name)
    if name in LISTS or name in CONTACTS:
        return True
    return bool(book) and contacts.has_book(tx, keys, actor, book)


def _book(name: str) -> str:
    """Which address book a list is; empty for any other list."""
    start = next((one for one in BOOKS if name.startswith(one)), name)
    return name[len(start) :]


def _listed(tx: Tx, keys: KeyRing, actor: Actor, name: str, value: str) -> bool:
    key, value = name.lower(), value.strip().lower()
    actions = (Action.ALLOW,) if key in CONTACTS else LISTS.get(key)
    if actions is None:
        book = _book(key)
        return bool(book) and contacts.is_in_book(tx, keys, actor, book, value)
    whose = Owner(Scope.USER, actor.account_id)
    listed = {one.pattern for one in lists.all_of(tx, keys, whose) if one.action in actions}
    if any(pattern in listed for _, pattern in patterns(value)):
        return True
    if key not in CONTACTS:
        return False
    if contacts.is_contact(tx, keys, actor.account_id, value):
        return True
    return bool(have_written_to(tx, keys, (actor.account_id,), value))
