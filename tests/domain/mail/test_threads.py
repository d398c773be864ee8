"""Threads: who belongs together, whoever came first, and what is left when they are gone."""

import pytest
from sqlalchemy import delete, func, select, update

from kit.clock import FakeClock
from kit.mail import MailAccount, content_store
from pillarbox.base.ids import EmailId
from pillarbox.domain.mail import mailboxes, sweep, threads
from pillarbox.domain.mail.copy import copy
from pillarbox.domain.mail.expunge import remove
from pillarbox.domain.mail.tables import emails, thread_ids
from pillarbox.domain.mail.threads import MessageIds, message_ids_of
from pillarbox.domain.owners.quota import salt_of
from pillarbox.formats.mime.summary import summarize
from pillarbox.storage.tx import Row, Tx

EVERYTHING = ((1, 0xFFFF_FFFF),)


def mail(own: str = "", in_reply_to: str = "", references: str = "") -> bytes:
    lines = ["From: ann@example.test", "Subject: hello"]
    for name, ids in (
        ("Message-ID", own), ("In-Reply-To", in_reply_to), ("References", references)
    ):  # fmt: skip
        if ids:
            lines.append(f"{name}: " + " ".join(f"<{one}@x>" for one in ids.split()))
    return ("\r\n".join(lines) + "\r\n\r\nA few words.\r\n").encode()


async def threads_of(account: MailAccount, name: str = "INBOX") -> list[int]:
    """The threads of the messages by UID, numbered in order of appearance."""
    box = await account.box(name)
    found = await account.database.read(threads.of_messages, box.id, EVERYTHING)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(thread, len(numbers) + 1) for _, thread in found]


@pytest.mark.parametrize(
    ("mails", "expected"),
    [
        ([mail("a"), mail("b", "a"), mail("c", "b", "a b")], [1, 1, 1]),
        ([mail("a"), mail("b")], [1, 2]),
        ([mail(), mail()], [1, 2]),
        # The answer comes before what it answers.
        ([mail("b", "a"), mail("a")], [1, 1]),
        # Neither of two answers to a message that never came knows the other.
        ([mail("b", "a"), mail("c", "a")], [1, 1]),
        ([mail("c", "", "a b"), mail("d", "", "a x")], [1, 1]),
        # Ids tell letters in capitals apart.
        ([mail("a"), mail("b", "A")], [1, 2]),
        # The same message twice.
        ([mail("a"), mail("a")], [1, 1]),
        # Threads that exist stay as they are: what connects two joins one.
        ([mail("a"), mail("b"), mail("c", "", "a b")], [1, 2, 2]),
        ([mail("", "a"), mail("a")], [1, 1]),
    ],
)
async def test_who_belongs_together(
    account: MailAccount, mails: list[bytes], expected: list[int]
) -> None:
    for one in mails:
        await account.put(one)
    assert await threads_of(account) == expected


async def test_the_first_email_gives_the_thread_its_id(account: MailAccount) -> None:
    first = await account.put(mail("a"))
    await account.put(mail("b", "a"), "Archive")
    box = await account.box("Archive")
    (found,) = await account.database.read(threads.of_messages, box.id, EVERYTHING)
    assert found == (1, first.email_id)
    assert await account.database.read(threads.uids_of_thread, box.id, first.email_id) == [1]


async def test_copies_share_the_thread(account: MailAccount) -> None:
    await account.put(mail("a"))
    target = (await account.box("Archive")).id
    await account.do(copy, "INBOX", EVERYTHING, target)
    box = await account.box()
    (one,) = await account.database.read(threads.of_messages, box.id, EVERYTHING)
    (other,) = await account.database.read(threads.of_messages, target, EVERYTHING)
    assert one[1] == other[1]
    assert await account.database.read(threads.uids_of_email, target, one[1]) == [1]


async def test_accounts_have_nothing_in_common(account: MailAccount) -> None:
    await account.put(mail("a"))
    other = await MailAccount.open(account.database, account.store)
    answer = await other.put(mail("b", "a"))
    box = await other.box()
    found = await account.database.read(threads.of_messages, box.id, EVERYTHING)
    assert found == [(1, answer.email_id)]


def stored(tx: Tx) -> int:
    ((count,),) = tx.select(select(func.count()).select_from(thread_ids))
    return int(count)


async def test_ids_go_with_the_last_email_of_a_thread(
    account: MailAccount, clock: FakeClock
) -> None:
    await account.put(mail("a"))
    await account.put(mail("b", "a"))
    assert await account.database.read(stored) == 2
    for uid, left in ((1, 2), (2, 0)):
        await account.do(remove, "INBOX", ((uid, uid),))
        await account.database.write(sweep.sweep, account.store.blobs, clock.now_ms(), 10)
        assert await account.database.read(stored) == left


async def test_ids_go_with_the_account(account: MailAccount) -> None:
    await account.put(mail("a", "b c"))
    await account.database.write(mailboxes.delete_all, account.id)
    assert await account.database.read(stored) == 0


async def test_only_digests_are_stored(account: MailAccount) -> None:
    await account.put(mail("a"))

    def digests(tx: Tx) -> list[int]:
        return [row[0] for row in tx.select(select(thread_ids.c.id_digest))]

    (digest,) = await account.database.read(digests)
    keys = account.store.keys
    assert digest not in keys.digester(threads.PURPOSE, b"other salt").digests(b"a@x")
    assert digest in keys.digester(
        threads.PURPOSE, await account.database.read(salt_of, account.id)
    ).digests(b"a@x")


def test_of_many_references_the_nearest_and_the_first_count() -> None:
    references = " ".join(f"r{number}" for number in range(90))
    fields = summarize(mail("own", "r89", references))[0].fields
    ids = message_ids_of(fields)
    assert ids.own == "own@x"
    assert ids.referred == (*(f"r{number}@x" for number in range(89, 75, -1)), "r0@x")
    assert message_ids_of(summarize(b"\r\n")[0].fields) == MessageIds()


async def test_old_emails_get_a_thread_later(account: MailAccount) -> None:
    first = await account.put(b"Date: Thu, 01 Jan 2026 10:00:00 -0130\r\n" + mail("a"))
    await account.put(mail("b", "a"))
    await account.put(mail("c"))

    def as_before(tx: Tx) -> None:
        tx.change(update(emails).values(thread_id=0, sent_offset_min=0))
        tx.change(delete(thread_ids))

    await account.database.write(as_before)
    assert await threads_of(account) == [1, 2, 3]
    keys = account.store.keys
    last = await account.database.write(threads.join_old, keys, EmailId(0), 2)
    assert last is not None
    assert await threads_of(account) == [1, 1, 2]
    last = await account.database.write(threads.join_old, keys, last, 2)
    assert last is not None
    assert await account.database.write(threads.join_old, keys, last, 2) is None
    await account.put(mail("d", "c"))
    assert await threads_of(account) == [1, 1, 2, 2]

    def offset(tx: Tx) -> list[Row]:
        return tx.select(select(emails.c.sent_offset_min).where(emails.c.id == first.email_id))

    assert await account.database.read(offset) == [(-90,)]


def test_words_are_no_message_ids() -> None:
    content = b"In-Reply-To: Your message of Monday\r\n\r\n"
    assert message_ids_of(summarize(content)[0].fields) == MessageIds()


async def test_many_references_cost_a_bounded_number_of_rows(account: MailAccount) -> None:
    await account.put(mail("own", "r89", " ".join(f"r{number}" for number in range(90))))
    assert await account.database.read(stored) == 16


def test_digests_survive_a_new_master_key(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from pillarbox.storage.keys import KeyRing

    old, new = bytes(range(32)), bytes(range(32, 64))
    before = KeyRing({1: old}).digester("threads", b"salt").digests(b"id")
    after = KeyRing({1: old, 2: new}).digester("threads", b"salt").digests(b"id")
    assert after[1:] == before
    assert after[0] != before[0]
    assert content_store(tmp_path).keys.digester("threads", b"s").digests(b"") != ()
