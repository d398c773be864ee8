"""Signing, checked by our own verification; what others make of it is in tests/interop."""

import re

import pytest

from kit.mailauth import MESSAGE, NOW_S, SIGNERS, outcomes, signed
from pillarbox.formats.mailauth.keys import KeyAlgorithm
from pillarbox.formats.mailauth.message import read_message
from pillarbox.formats.mailauth.results import Status
from pillarbox.formats.mailauth.sign import OVERSIGNED, sign
from pillarbox.formats.mailauth.tags import parse_tags

MUST = ("From", "Subject", "To", "Cc", "Date", "Reply-To", "Content-Type")


def statuses(content: bytes) -> set[Status]:
    found = [one.status for one in outcomes(content)]
    assert len(found) == len(SIGNERS)
    return set(found)


def test_each_key_signs() -> None:
    found = outcomes(signed())
    assert [one.status for one in found] == [Status.PASS, Status.PASS]
    assert [one.algorithm for one in found] == [KeyAlgorithm.RSA, KeyAlgorithm.ED25519]
    assert [one.key_bits for one in found] == [1024, 256]
    assert {one.domain for one in found} == {"example.org"}
    assert found[0].identity == "@example.org"
    assert found[0].length is None


def test_lines_are_short_and_tags_right() -> None:
    fields = sign(read_message(MESSAGE), SIGNERS, NOW_S, 3600)
    assert max(map(len, fields.split(b"\r\n"))) <= 78
    assert fields.endswith(b"\r\n")
    tags = parse_tags(read_message(fields + b"\r\n").fields[0].value)
    assert tags["c"] == "relaxed/relaxed"
    assert (tags["t"], tags["x"]) == (str(NOW_S), str(NOW_S + 3600))
    assert "l" not in tags
    names = re.sub(r"\s", "", tags["h"]).lower().split(":")
    assert names.count("from") == names.count("subject") == 2
    assert names.count("cc") == 1
    assert "list-unsubscribe" in names
    assert not {"received", "return-path", "bcc", "dkim-signature"} & set(names)
    assert set(MUST) <= set(OVERSIGNED)


@pytest.mark.parametrize("name", OVERSIGNED)
def test_nobody_can_add_a_field(name: str) -> None:
    field = f"{name}: x\r\n".encode()
    assert statuses(field + signed()) == {Status.FAIL}
    assert statuses(signed().replace(b"\r\n\r\nHello", b"\r\n" + field + b"\r\nHello")) == {
        Status.FAIL
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Lunch", b"Dinner"),
        (b"lunch?", b"dinner?"),
        (b"example.org/u", b"example.com/u"),
        (b"To: bob@example.net\r\n", b""),
        (b"t=1700000000", b"t=1700000001"),
    ],
)
def test_changes_are_seen(old: bytes, new: bytes) -> None:
    assert statuses(signed().replace(old, new)) == {Status.FAIL}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Hello  Bob,", b"Hello Bob,  "),
        (b"\r\n\r\n", b"\r\n\r\n"),
        (b"Subject: Lunch\r\n  today", b"SUBJECT : \r\n Lunch today "),
        (b"Received: from a", b"Received: from c"),
        (b"\r\n", b"\n"),
    ],
)
def test_what_may_change_on_the_way(old: bytes, new: bytes) -> None:
    assert statuses(b"Received: by x\r\nX-New: 1\r\n" + signed().replace(old, new)) == {Status.PASS}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n",
        b"\r\nbody\r\n",
        b"From: a@example.org",
        b"From: a@example.org\r\n\r\n",
        b"From: a@example.org\r\nno field\r\nTo: b@c\r\n\r\nx",
        b"From: \xc3\xbc@example.org\r\nSubject: \xff\r\n\r\n\xff\x00\r\n.\r\n",
        b"From: a@example.org\r\n" + b"To: x@y\r\n" * 200 + b"\r\n",
    ],
    ids=range(8),
)
def test_odd_messages(content: bytes) -> None:
    assert statuses(signed(content)) == {Status.PASS}
