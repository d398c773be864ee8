"""Adding a set to the ARC chain of a message that is passed on (RFC 8617 §5.1)."""

import re
from hashlib import sha256

from pillarbox.formats.mailauth.arc import ChainResult
from pillarbox.formats.mailauth.authentication_results import parts_of
from pillarbox.formats.mailauth.canonical import Canonical, canonical_field, hash_body
from pillarbox.formats.mailauth.folding import (
    folded_base64,
    folded_list,
    signed_field,
    unsigned_field,
)
from pillarbox.formats.mailauth.message import SignedMessage
from pillarbox.formats.mailauth.results import Status
from pillarbox.formats.mailauth.sign import Signer, signed_names
from pillarbox.formats.mailauth.signed_header import SignedHeader, unsigned

RESULTS_BYTES = 8 * 1024

_FORM = Canonical.RELAXED
_UNSAFE = re.compile(r"[\x00-\x20\x7f]+")


def seal(
    message: SignedMessage,
    chain: ChainResult,
    signer: Signer,
    authserv_id: str,
    results: str,
    now_s: int,
) -> bytes:
    """The fields of the next set, for the top of the message.

    `chain` is the outcome of the one there is, `results` what was found out about the message as in
    RFC 8601 §2.2; `arc=` is put there as that of `chain`. A chain found broken is closed by a set
    with cv=fail whose seal is over itself only (§5.1.2). Gives `b""` where nothing may be added:
    behind cv=fail, behind 50 sets, and where the chain can't be checked now.
    """
    if chain.closed or chain.status not in (Status.NONE, Status.PASS, Status.FAIL):
        return b""
    instance = chain.instance + 1
    aar = _results_field(instance, authserv_id, chain.status, results)
    ams = _message_signature(message, signer, instance, now_s)
    hashed = sha256()
    if chain.status is Status.PASS:
        for one in chain.sets:
            for field in (one.results, one.signature, one.seal.field):
                hashed.update(canonical_field(field.whole, _FORM))
    hashed.update(canonical_field(aar, _FORM))
    hashed.update(canonical_field(ams, _FORM))
    seal_field = unsigned_field(
        "ARC-Seal",
        [
            ("i", str(instance)),
            ("a", signer.key.algorithm.signature_name),
            ("t", str(now_s)),
            ("cv", str(chain.status)),
            ("d", signer.domain),
            ("s", signer.selector),
        ],
    )
    hashed.update(unsigned(seal_field, _FORM))
    return signed_field(seal_field, signer.key.sign(hashed.digest())) + ams + aar


def _message_signature(message: SignedMessage, signer: Signer, instance: int, now_s: int) -> bytes:
    # Nothing is signed for its absence: the next one to pass it on may add fields of lists.
    names = signed_names(message.fields, oversign=False)
    names += ("DKIM-Signature",) * min(len(message.named(b"dkim-signature")), 8)
    if "From" not in names:
        names = ("From", *names)
    body = hash_body(message.content, message.body_start, _FORM)[None]
    field = unsigned_field(
        "ARC-Message-Signature",
        [
            ("i", str(instance)),
            ("a", signer.key.algorithm.signature_name),
            ("c", f"{_FORM}/{_FORM}"),
            ("d", signer.domain),
            ("s", signer.selector),
            ("t", str(now_s)),
            ("h", folded_list(names)),
            ("bh", folded_base64(body.digest)),
        ],
    )
    digest = SignedHeader(message).digest((name.lower().encode() for name in names), _FORM, field)
    return signed_field(field, signer.key.sign(digest))


def _results_field(instance: int, authserv_id: str, status: Status, results: str) -> bytes:
    parts = [_UNSAFE.sub(" ", part).strip() for part in parts_of(results[:RESULTS_BYTES])]
    others = (part for part in parts if not part.startswith("arc="))
    lines = [f" i={instance}; {authserv_id}", f"arc={status}", *others]
    return f"ARC-Authentication-Results:{_joined(lines)}\r\n".encode()


def _joined(lines: list[str]) -> str:
    return ";\r\n\t".join(lines)
