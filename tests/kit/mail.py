"""Accounts with mailboxes, and messages to put into them, without users or the wire."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from pillarbox.base.ids import AccountId, BlobId, IdSource
from pillarbox.domain.mail import append, mailboxes, read
from pillarbox.domain.mail.content import ContentStore, prepare
from pillarbox.domain.mail.model import Appended, FlagSet, Mailbox
from pillarbox.domain.owners.tables import accounts
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

EVERYTHING = ((1, 0xFFFF_FFFF),)
SMALL = b"From: ann@example.test\r\nSubject: hello\r\n\r\nA few words.\r\n"


def content_store(folder: Path, threshold_bytes: int | None = 2048) -> ContentStore:
    """A content store with one key; content of a few kilobytes lies in files."""
    return ContentStore(KeyRing({1: bytes(range(32))}), BlobStore(folder, threshold_bytes))


def add_account(tx: Tx, quota_bytes: int) -> AccountId:
    """An account with the usual mailboxes."""
    account = AccountId(tx.next_id())
    values = {"modseq": 0, "used_bytes": 0, "used_messages": 0, "created_ms": 0}
    salt = os.urandom(16)
    tx.change(insert(accounts).values(id=account, salt=salt, quota_bytes=quota_bytes, **values))
    mailboxes.create_defaults(tx, account)
    return account


def _usage(tx: Tx, account: AccountId) -> tuple[int, int]:
    core = select(accounts.c.used_bytes, accounts.c.used_messages).where(accounts.c.id == account)
    ((used_bytes, used_messages),) = tx.select(core)
    return used_bytes, used_messages


@dataclass
class MailAccount:
    """An account and short ways to do things to it."""

    database: Database
    store: ContentStore
    id: AccountId

    @classmethod
    async def open(
        cls, database: Database, store: ContentStore, quota_bytes: int = 0
    ) -> "MailAccount":
        """A new account."""
        return cls(database, store, await database.write(add_account, quota_bytes))

    async def box(self, name: str = "INBOX") -> Mailbox:
        """A mailbox as it is now."""
        found = await self.database.read(mailboxes.by_name, self.id, name)
        assert found is not None, name
        return found

    async def put(
        self,
        content: bytes = SMALL,
        name: str = "INBOX",
        flags: FlagSet = FlagSet(),  # noqa: B008
        internal_ms: int = 0,
    ) -> Appended:
        """Append a message."""
        email = prepare(content, BlobId(IdSource().next()))
        self.store.save_file(email)
        box = (await self.box(name)).id
        return await self.database.write(
            append.append, self.store, self.id, box, email, flags, internal_ms
        )

    async def fill(self, count: int, name: str = "INBOX") -> None:
        """Append so many messages."""
        for _ in range(count):
            await self.put(name=name)

    async def do(self, fn: Callable[..., Any], name: str, *args: Any) -> Any:
        """`fn(tx, account, mailbox, *args)` in a transaction."""
        return await self.database.write(fn, self.id, (await self.box(name)).id, *args)

    async def rows(self, name: str = "INBOX") -> dict[int, tuple[int, str | None, int]]:
        """Flags, keywords and modseq by UID."""
        rows = await self.database.read(read.select_rows, (await self.box(name)).id)
        return {uid: (flags, keywords, modseq) for uid, flags, keywords, modseq in rows}

    async def uids(self, name: str = "INBOX") -> list[int]:
        """The UIDs of a mailbox."""
        return list(await self.rows(name))

    async def contents(self, name: str = "INBOX") -> list[bytes]:
        """The bytes of every message."""
        found = await self.database.read(
            read.contents, self.store, self.id, (await self.box(name)).id, EVERYTHING, False
        )
        return [content for _, content, _ in found]

    async def usage(self) -> tuple[int, int]:
        """Bytes and messages that count against the quota."""
        return await self.database.read(_usage, self.id)
