"""Making DKIM signatures (RFC 6376 §5): relaxed/relaxed, one for each key."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pillarbox.formats.mailauth.canonical import Canonical, hash_body
from pillarbox.formats.mailauth.folding import folded_base64, folded_list, signed_field
from pillarbox.formats.mailauth.folding import unsigned_field as _unsigned_field
from pillarbox.formats.mailauth.keys import SigningKey
from pillarbox.formats.mailauth.message import SignedField, SignedMessage
from pillarbox.formats.mailauth.signed_header import SignedHeader

OVERSIGNED = (
    *("From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To", "In-Reply-To", "References"),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
)
"""Signed once more than they stand there, so that nobody can add one (RFC 6376 §8.15)."""

SIGNED = (
    *("Sender", "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Date"),
    *("Resent-Message-ID", "List-Id", "List-Help", "List-Unsubscribe", "List-Unsubscribe-Post"),
    *("List-Subscribe", "List-Post", "List-Owner", "List-Archive", "Auto-Submitted", "Feedback-ID"),
    *("CFBL-Address", "CFBL-Feedback-ID", "TLS-Required", "TLS-Report-Domain"),
    "TLS-Report-Submitter",
)
"""Signed as often as they stand there: mailing lists may add theirs. RFC 5322 §3.6.6 tells of the
Resent fields, RFC 8058 §4 of List-Unsubscribe-Post, RFC 8460 §5.3 of reports."""

MOST_OF_A_NAME = 50


@dataclass(frozen=True, slots=True)
class Signer:
    """A key, and where its public half is published."""

    domain: str
    selector: str
    key: SigningKey


def signed_names(
    fields: Iterable[SignedField], oversign: bool = True, wanted: Sequence[str] = ()
) -> tuple[str, ...]:
    """What h= names for a header.

    `wanted` are names to sign instead of those above, in lower case; From is signed all the same.
    """
    counts: dict[bytes, int] = {}
    for field in fields:
        counts[field.name] = counts.get(field.name, 0) + 1
    oversigned: Iterable[str] = OVERSIGNED
    signed: Iterable[str] = SIGNED
    if wanted:
        oversigned = [name for name in OVERSIGNED if name == "From" or name.lower() in wanted]
        others = {name.lower() for name in oversigned}
        signed = [name for name in wanted if name not in others]
    names: list[str] = []
    for name in oversigned:
        found = min(counts.get(name.lower().encode(), 0), MOST_OF_A_NAME)
        names += [name] * (found + oversign)
    for name in signed:
        names += [name] * min(counts.get(name.lower().encode(), 0), MOST_OF_A_NAME)
    return tuple(names)


def sign(
    message: SignedMessage,
    signers: Sequence[Signer],
    now_s: int,
    lasts_s: int | None = None,
    wanted: Sequence[str] = (),
) -> bytes:
    """DKIM-Signature fields for the top of a message, one for each signer, in their order.

    `lasts_s` sets x=, after which verifiers may refuse them. `wanted` is as for `signed_names`.
    """
    form = Canonical.RELAXED
    body = hash_body(message.content, message.body_start, form)[None]
    header = SignedHeader(message)
    names = signed_names(message.fields, wanted=wanted)
    expiry = [] if lasts_s is None else [("x", str(now_s + lasts_s))]
    made = []
    for signer in signers:
        field = _unsigned_field(
            "DKIM-Signature",
            [
                ("v", "1"),
                ("a", signer.key.algorithm.signature_name),
                ("c", f"{form}/{form}"),
                ("d", signer.domain),
                ("s", signer.selector),
                ("t", str(now_s)),
                *expiry,
                ("h", folded_list(names)),
                ("bh", folded_base64(body.digest)),
            ],
        )
        digest = header.digest((name.lower().encode() for name in names), form, field)
        made.append(signed_field(field, signer.key.sign(digest)))
    return b"".join(made)
