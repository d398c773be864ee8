"""Chains we seal ourselves, hop after hop, and what breaks them."""

import pytest

from kit.mailauth import HEADER, MESSAGE, NOW_S, RECORDS, SIGNERS
from pillarbox.formats.mailauth.arc import SETS_MOST, ChainResult, ChainVerification
from pillarbox.formats.mailauth.arc_seal import seal
from pillarbox.formats.mailauth.message import read_message
from pillarbox.formats.mailauth.results import Status
from pillarbox.formats.mailauth.sign import Signer

RSA, ED25519 = SIGNERS
Records = dict[str, tuple[str, ...] | None]


def chain(content: bytes, records: Records = RECORDS) -> ChainResult:
    verification = ChainVerification(read_message(content))
    answers = {name: records.get(name, ()) for name in verification.questions}
    return verification.result(answers, NOW_S)


def passed_on(content: bytes, signer: Signer = RSA, results: str = "spf=pass") -> bytes:
    message = read_message(content)
    added = seal(message, chain(content), signer, "mx.example.org", results, NOW_S)
    return added + content


def test_no_chain() -> None:
    assert chain(MESSAGE) == ChainResult(Status.NONE)


def test_hops_follow_one_another() -> None:
    content = MESSAGE
    for instance, signer in enumerate((RSA, ED25519, RSA), 1):
        content = b"Received: by x\r\n" + passed_on(content, signer)
        found = chain(content)
        assert (found.status, found.instance, found.closed) == (Status.PASS, instance, False)
    assert len(ChainVerification(read_message(content)).questions) == 2
    assert content.count(b"cv=none") == 1
    assert content.count(b"cv=pass") == 2
    assert b"arc=none;\r\n\tspf=pass" in content


def test_a_changed_body_breaks_it_and_the_next_hop_closes_it() -> None:
    broken = passed_on(passed_on(MESSAGE)).replace(b"lunch?", b"dinner?")
    found = chain(broken)
    assert (found.status, found.instance, found.closed) == (Status.FAIL, 2, False)
    assert found.reason == "i=2: the body has changed"
    closed = passed_on(broken)
    assert b"cv=fail" in closed
    assert (chain(closed).status, chain(closed).closed) == (Status.FAIL, True)
    assert passed_on(closed) == closed  # nothing is added any more


def test_a_list_that_seals_what_it_changed_keeps_the_chain() -> None:
    """RFC 8617 §5.2: only the last message signature has to match."""
    arrived = chain(passed_on(MESSAGE))
    changed = passed_on(MESSAGE).replace(b"lunch?", b"lunch? [list footer]")
    added = seal(read_message(changed), arrived, RSA, "lists.example.org", "dkim=pass", NOW_S)
    assert chain(added + changed).status is Status.PASS


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"arc=none", b"arc=pass", "i=1: the seal does not match"),
        (b"cv=none", b"cv=pass", "i=1: the seal says cv=pass"),
        (b"cv=pass", b"cv=none", "i=2: the seal says cv=none"),
        (b"ARC-Seal: i=1;", b"X-Seal: i=1;", "a set is not whole"),
        (b"ARC-Seal: i=1;", b"ARC-Seal: i=2;", "i=2 has a field twice"),
        (b"ARC-Seal: i=2;", b"ARC-Seal: i=3;", "a set is not whole"),
        (b"ARC-Seal: i=2;", b"ARC-Seal: i=51;", "i= is no number of a set"),
        (b"ARC-Seal: i=2;", b"ARC-Seal: i=2; h=from;", "a seal has h= or bh="),
        (b"ARC-Seal: i=2;", b"ARC-Seal: i=2; i=2;", "the tag i stands there twice"),
        (b"ARC-Authentication-Results: i=1;", b"ARC-Authentication-Results: x;", "i= is no"),
    ],
)
def test_broken_chains(old: bytes, new: bytes, reason: str) -> None:
    content = passed_on(passed_on(MESSAGE))
    assert old in content
    found = chain(content.replace(old, new))
    assert found.status is Status.FAIL
    assert reason in found.reason


def test_keys_that_are_missing_or_not_answered_for() -> None:
    content = passed_on(passed_on(MESSAGE, ED25519))
    name = "ed25519._domainkey.example.org"
    assert chain(content, {**RECORDS, name: ()}).status is Status.FAIL
    undecided = chain(content, {**RECORDS, name: None})
    assert undecided.status is Status.TEMPERROR
    # Another host may be able to check it: it is left as it is.
    assert seal(read_message(content), undecided, RSA, "x", "", NOW_S) == b""


def test_fifty_sets_are_the_end() -> None:
    content = MESSAGE
    for _ in range(SETS_MOST):
        content = passed_on(content, ED25519)
    found = chain(content)
    assert (found.status, found.instance, found.closed) == (Status.PASS, SETS_MOST, True)
    assert passed_on(content) == content
    assert chain(content + b"") == found
    many = content[: -len(MESSAGE)] * 2 + MESSAGE
    assert "more than 50" in chain(many).reason


def test_results_can_not_make_fields() -> None:
    content = passed_on(MESSAGE, results="spf=pass\r\nFrom: x@y\r\n\r\n; ;dkim=none\x00\t(ü) ;")
    names = [field.name for field in read_message(content).fields]
    assert names.count(b"from") == 1
    assert len(names) == len(read_message(HEADER + b"\r\n").fields) + 3
    assert chain(content).status is Status.PASS
    assert "dkim=none (ü)".encode() in content
    assert len(passed_on(MESSAGE, results="x" * 100_000)) < 20_000
