"""Requests about managed attachments."""

import time

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.dav.attachments import (
    Action,
    AttachmentRequest,
    disposition_filename,
    parse_attachment_query,
)


@pytest.mark.parametrize(
    ("query", "request_"),
    [
        ("", None),
        ("x=y", None),
        ("action=attachment-add", AttachmentRequest(Action.ADD)),
        (
            "action=attachment-add&rid=M,20200101T100000Z,20200101,20200101T100000,M",
            AttachmentRequest(
                Action.ADD, rids=("M", "20200101T100000Z", "20200101", "20200101T100000")
            ),
        ),
        (
            "action=attachment-update&managed-id=97S%2B1",
            AttachmentRequest(Action.UPDATE, "97S+1"),
        ),
        (
            "managed-id=1&action=attachment-remove&rid=20200101",
            AttachmentRequest(Action.REMOVE, "1", ("20200101",)),
        ),
    ],
)
def test_queries(query: str, request_: AttachmentRequest | None) -> None:
    assert parse_attachment_query(query) == request_


@pytest.mark.parametrize(
    "query",
    [
        "action=",
        "action=attachment-delete",
        "action=attachment-add&managed-id=1",
        "action=attachment-update",
        "action=attachment-remove&managed-id=",
        "action=attachment-remove&managed-id=a%20b",
        "action=attachment-update&managed-id=1&rid=M",
        "action=attachment-add&rid=x",
        "action=attachment-add&rid=" + ",".join(f"{n:08}" for n in range(101)),
        "action=attachment-add&action=attachment-add",
        "action=%ff",
        "action=attachment-add" + "&a=b" * 30,
    ],
)
def test_wrong_queries_are_refused(query: str) -> None:
    with pytest.raises(GrammarError):
        parse_attachment_query(query)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ('attachment; filename="a b.pdf"', "a b.pdf"),
        ("attachment;filename=a.pdf; x=y", "a.pdf"),
        (r'attachment; FILENAME="a\"b"', 'a"b'),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        (r'attachment; filename="C:\\x\\a.txt"', "a.txt"),
        ('attachment; filename="a\r\n\u202eb"', "ab"),
        ('attachment; filename="/"', None),
        ("attachment", None),
    ],
)
def test_filenames(value: str, name: str | None) -> None:
    assert disposition_filename(value) == name


def test_long_dispositions_take_little_time() -> None:
    began = time.process_time()
    for unit in ("filename", 'filename="', "filename=", 'filename="\\', " "):
        disposition_filename(unit * 10_000)
    assert time.process_time() - began < 1


def test_names_in_other_scripts() -> None:
    assert (
        disposition_filename("attachment; filename*=UTF-8''%C3%BC.txt; filename=u.txt") == "ü.txt"
    )
    assert disposition_filename('attachment; filename="\xc3\xbc.txt"') == "ü.txt"
    assert disposition_filename('attachment; filename="\xfc.txt"') == "ü.txt"
    assert disposition_filename("attachment; filename*=UTF-8''..%2F%2Fx%00.txt") == "x.txt"
    assert disposition_filename("attachment; filename*=iso-8859-1'de'%FC") == "ü"
