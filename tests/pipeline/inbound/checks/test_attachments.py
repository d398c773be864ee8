"""What attachments come to: points, actions, and that looking ends."""

import asyncio
import base64
import binascii

import pytest

from kit.checks import arrival
from kit.documents import archive
from kit.files import PROGRAM, mail_with, rar5
from pillarbox.domain.judgement.model import Action
from pillarbox.formats.attachment.found import Trait
from pillarbox.pipeline.inbound.checks import attachments
from pillarbox.pipeline.inbound.checks.attachments import KIND_OF, AttachmentCheck


async def found(content: bytes) -> dict[str, tuple[str, Action | None]]:
    check = AttachmentCheck()
    findings = await check.run(arrival(content))
    assert {one.name for one in findings} <= {kind.name for kind in check.kinds}
    return {one.name: (one.detail, one.action) for one in findings}


def test_every_trait_has_a_kind() -> None:
    assert set(KIND_OF) == set(Trait)
    assert len({kind.name for kind in KIND_OF.values()}) == len(KIND_OF)


async def test_a_program_goes_into_quarantine() -> None:
    assert await found(mail_with("setup.exe", PROGRAM)) == {
        "attachment_program": ("setup.exe", Action.QUARANTINE)
    }


async def test_a_program_in_an_archive_is_named() -> None:
    data = archive({"docs/invoice.pdf.exe": PROGRAM})
    assert await found(mail_with("invoice.zip", data)) == {
        "attachment_program": ("invoice.zip > docs/invoice.pdf.exe", Action.QUARANTINE),
        "attachment_disguised": ("invoice.zip > docs/invoice.pdf.exe", Action.QUARANTINE),
    }


async def test_a_password_in_the_text_makes_a_locked_archive_worse() -> None:
    data = rar5({"a.txt": b"x"}, locked=True)
    assert set(await found(mail_with("a.rar", data))) == {"attachment_encrypted"}
    told = mail_with("a.rar", data, text="The password is 1234.")
    assert set(await found(told)) == {"attachment_encrypted", "attachment_password_told"}


async def test_ordinary_files_come_to_nothing() -> None:
    assert await found(mail_with("notes.txt", b"hello", "text/plain")) == {}
    assert await found(mail_with("a.zip", archive({"a.txt": "x"}), "application/zip")) == {}


async def test_messages_without_files_are_not_looked_into() -> None:
    assert await found(b"Subject: x\r\n\r\nMZ\r\n") == {}
    assert await found(b"Content-Type: text/html\r\n\r\n<html><script>x</script>\r\n") == {}


async def test_files_in_nested_messages_are_found() -> None:
    inner = mail_with("setup.exe", PROGRAM)
    outer = b"MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n" + inner
    assert set(await found(outer)) == {"attachment_program"}


async def test_messages_that_are_files_are_opened() -> None:
    inner = mail_with("setup.exe", PROGRAM)
    assert set(await found(mail_with("note.eml", inner))) == {"attachment_program"}
    assert set(await found(mail_with("note", inner, "message/rfc822"))) == {"attachment_program"}
    hidden = base64.encodebytes(inner)
    head = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    assert set(await found(head + hidden)) == {"attachment_program"}


async def test_files_of_the_time_before_mime_are_found() -> None:
    lines = [PROGRAM[at : at + 45] for at in range(0, len(PROGRAM), 45)]
    body = b"".join(map(binascii.b2a_uu, lines)).replace(b"\n", b"\r\n")
    text = b"Subject: x\r\n\r\nHere:\r\n\r\nbegin 644 photo.jpg\r\n%b`\r\nend\r\n"
    assert set(await found(text % body)) == {"attachment_program", "attachment_disguised"}
    assert await found(b"Subject: x\r\n\r\nLet us\r\nbegin 2024 with joy\r\n") == {}


async def test_only_so_many_files_are_looked_at() -> None:
    part = b"--b\r\nContent-Type: application/x-y; name=a%d.bin\r\n\r\nx\r\n"
    parts = b"".join(part % number for number in range(150))
    head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    assert set(await found(head + parts + b"--b--\r\n")) == {attachments.TOO_MANY.name}


async def test_looking_ends_when_its_time_is_over() -> None:
    check = AttachmentCheck(deadline_s=0.0)
    findings = await check.run(arrival(mail_with("setup.exe", PROGRAM)))
    assert [one.name for one in findings] == ["attachment_not_all"]


async def test_the_thread_is_told_when_nobody_waits() -> None:
    check = AttachmentCheck()
    # Far more than is expanded in the time until it is given up.
    data = archive({f"{n}.bin": bytes(100) for n in range(1000)})
    content = mail_with("a.zip", archive({f"{n}.zip": data for n in range(400)}))
    task = asyncio.create_task(check.run(arrival(content)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # The place is free again.
    assert await check.run(arrival(mail_with("setup.exe", PROGRAM)))
