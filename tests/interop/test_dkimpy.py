"""dkimpy checks what we sign and seal, and we check what it signs and seals."""

import random
import time
from collections.abc import Callable

import pytest

from kit.mailauth import MESSAGE, NOW_S
from pillarbox.formats.mailauth.arc import ChainVerification
from pillarbox.formats.mailauth.arc_seal import seal
from pillarbox.formats.mailauth.keys import KeyAlgorithm, key_record, new_key
from pillarbox.formats.mailauth.message import read_message
from pillarbox.formats.mailauth.results import Status
from pillarbox.formats.mailauth.sign import Signer, sign
from pillarbox.formats.mailauth.verify import Verification

dkim = pytest.importorskip("dkim", reason="needs dkimpy")
pytest.importorskip("nacl", reason="needs PyNaCl")
pytest.importorskip("authres", reason="needs authres")

SIGNERS = (
    Signer("example.org", "rsa", new_key(KeyAlgorithm.RSA, 2048)),
    Signer("example.org", "long", new_key(KeyAlgorithm.RSA, 4096)),
    Signer("example.org", "ed", new_key(KeyAlgorithm.ED25519)),
)
RECORDS = {
    f"{one.selector}._domainkey.example.org": key_record(one.key.algorithm, one.key.public())
    for one in SIGNERS
}
PIECES = [b" ", b"\t", b"\r\n", b"a", b"word ", b"  \r\n", b"\r\n\r\n", b"\xc3\xbc", b".\r\n"]


def answer(name: bytes, timeout: int = 5) -> bytes:
    return RECORDS.get(name.decode().rstrip("."), "").encode()


def private(signer: Signer) -> bytes:
    if signer.key.algorithm is KeyAlgorithm.RSA:
        return signer.key.pem().encode()
    from base64 import b64encode

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    assert isinstance(signer.key.private, Ed25519PrivateKey)
    return b64encode(signer.key.private.private_bytes_raw())


def our_status(content: bytes) -> list[Status]:
    verification = Verification(read_message(content))
    answers = {name: (RECORDS[name],) for name in verification.questions}
    return [one.status for one in verification.results(answers, int(time.time()))]


def our_chain(content: bytes) -> Status:
    verification = ChainVerification(read_message(content))
    answers = {name: (RECORDS[name],) for name in verification.questions}
    return verification.result(answers, NOW_S).status


def messages(count: int) -> list[bytes]:
    """Messages with odd white space, the same ones each time."""
    chance = random.Random(7)

    def some(most: int) -> bytes:
        return b"".join(chance.choices(PIECES, k=chance.randrange(most)))

    return [
        b"From:  Ann <ann@example.org>\r\nSubject:"
        + some(8).replace(b"\r\n", b"\r\n\t")
        + b"x\r\nTo:bob@example.net \r\n\r\n"
        + some(40)
        + b"\r\n"  # as on the wire: dkimpy keeps blanks behind which no line end stands
        for _ in range(count)
    ]


def test_it_accepts_ours() -> None:
    for content in [MESSAGE, *messages(60)]:
        ours = sign(read_message(content), SIGNERS, int(time.time())) + content
        check = dkim.DKIM(ours)
        assert [check.verify(idx=number, dnsfunc=answer) for number in range(3)] == [True] * 3
        assert our_status(ours) == [Status.PASS] * 3
        assert not dkim.verify(b"Subject: new\r\n" + ours, dnsfunc=answer)


@pytest.mark.parametrize("forms", [(b"relaxed", b"relaxed"), (b"simple", b"simple")])
@pytest.mark.parametrize("signer", SIGNERS, ids=lambda one: one.selector)
def test_we_accept_its(signer: Signer, forms: tuple[bytes, bytes]) -> None:
    for content in [MESSAGE, *messages(40)]:
        theirs = dkim.sign(
            content,
            signer.selector.encode(),
            b"example.org",
            private(signer),
            canonicalize=forms,
            signature_algorithm=signer.key.algorithm.signature_name.encode(),
            length=False,
        )
        assert our_status(theirs + content) == [Status.PASS]
        assert our_status(theirs + content.replace(b"ann@", b"eve@")) == [Status.FAIL]


def test_lengths_that_it_signs() -> None:
    key = private(SIGNERS[0])
    theirs = dkim.sign(MESSAGE, b"rsa", b"example.org", key, length=True)
    assert our_status(theirs + MESSAGE + b"more\r\n") == [Status.PASS]


def sealed_by_us(content: bytes) -> bytes:
    verification = ChainVerification(read_message(content))
    answers = {name: (RECORDS[name],) for name in verification.questions}
    chain = verification.result(answers, NOW_S)
    added = seal(read_message(content), chain, SIGNERS[0], "mx.test", "spf=pass", NOW_S)
    return added + content


def sealed_by_it(content: bytes) -> bytes:
    # It takes the results from all fields of its name, the state of the chain among them.
    name = f"mx{content.count(b'ARC-Seal:')}.test"
    results = f"Authentication-Results: {name}; arc={our_chain(content)}; spf=pass\r\n"
    content = results.encode() + content
    added = dkim.arc_sign(content, b"rsa", b"example.org", private(SIGNERS[0]), name.encode())
    return b"".join(added) + content


HOPS = {"we": sealed_by_us, "it": sealed_by_it}


@pytest.mark.parametrize("hops", ["we", "it", "we we", "we it", "it we", "we it we it", "it it we"])
def test_chains(hops: str) -> None:
    content = MESSAGE
    for hop in hops.split():
        sealed: Callable[[bytes], bytes] = HOPS[hop]
        content = sealed(content)
    assert our_chain(content) is Status.PASS
    assert dkim.arc_verify(content, dnsfunc=answer)[0] == b"pass"
    changed = content.replace(b"lunch?", b"dinner?")
    assert our_chain(changed) is Status.FAIL
    assert dkim.arc_verify(changed, dnsfunc=answer)[0] == b"fail"
