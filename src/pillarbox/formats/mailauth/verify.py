"""Checking DKIM signatures (RFC 6376 §6).

In two steps, since keys have to be asked for in between: `Verification` says which names to look
up, and gives the results once they are known. Large bodies take long: call it in a thread.
"""

from dataclasses import replace

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mailauth.canonical import BodyDigest, Canonical, hash_body
from pillarbox.formats.mailauth.message import SignedField, SignedMessage
from pillarbox.formats.mailauth.results import (
    KeyAnswers,
    SignatureResult,
    Status,
    Verdict,
    find_key,
)
from pillarbox.formats.mailauth.signature import Signature, UnknownAlgorithm, parse_dkim
from pillarbox.formats.mailauth.signed_header import SignedHeader

SIGNATURES_MOST = 8
"""Signatures of one message that are checked, from the top; the others are not looked at."""

CLOCK_SKEW_S = 300


class Verification:
    """The signatures of one message under check."""

    def __init__(self, message: SignedMessage) -> None:
        self._message = message
        self._read = [_read(field) for field in message.named(b"dkim-signature")[:SIGNATURES_MOST]]

    @property
    def questions(self) -> tuple[str, ...]:
        """The names whose TXT records are wanted, each once."""
        return tuple(
            dict.fromkeys(one.record_name for one in self._read if isinstance(one, Signature))
        )

    def results(self, answers: KeyAnswers, now_s: int) -> tuple[SignatureResult, ...]:
        """The outcome of each signature, from the top; none for a message without any."""
        bodies = Bodies(self._message)
        for one in self._read:
            if isinstance(one, Signature):
                bodies.want(one)
        header = SignedHeader(self._message)
        return tuple(
            check(one, header, bodies, answers, now_s) if isinstance(one, Signature) else one
            for one in self._read
        )


class Bodies:
    """The digests of one body, each made when it is first needed."""

    def __init__(self, message: SignedMessage) -> None:
        self._message = message
        self._wanted: dict[Canonical, set[int | None]] = {}
        self._made: dict[Canonical, dict[int | None, BodyDigest]] = {}

    def want(self, signature: Signature) -> None:
        """Note that a signature's digest will be needed, so that one pass makes several."""
        self._wanted.setdefault(signature.body_form, set()).add(signature.length)

    def of(self, signature: Signature) -> BodyDigest:
        """The digest a signature is about."""
        form = signature.body_form
        made = self._made.get(form)
        if made is None:
            lengths = tuple(self._wanted[form])
            start = self._message.body_start
            made = self._made[form] = hash_body(self._message.content, start, form, lengths)
        return made[signature.length]


def check(
    signature: Signature, header: SignedHeader, bodies: Bodies, answers: KeyAnswers, now_s: int
) -> SignatureResult:
    """The outcome of one signature."""
    result = SignatureResult(
        Status.PASS,
        "",
        domain=signature.domain,
        selector=signature.selector,
        identity=signature.identity,
        algorithm=signature.algorithm,
        length=signature.length,
        headers=signature.headers,
        octets=signature.octets,
    )
    try:
        if signature.expires_s is not None and signature.expires_s < now_s - CLOCK_SKEW_S:
            raise Verdict(Status.FAIL, "the signature has expired")
        if header.count(b"from") > signature.headers.count(b"from"):
            # Readers show the one that anybody may have added (RFC 6376 §8.15).
            raise Verdict(Status.FAIL, "there is a From that is not signed")
        key = find_key(answers, signature.record_name, signature.algorithm)
        result = replace(result, key_bits=key.bits, testing=key.testing)
        if key.strict and signature.identity.rpartition("@")[2] != signature.domain:
            raise Verdict(Status.PERMERROR, "the key is not for subdomains")
        # The header first: it is short, and what it says of the body is then not just anybody's.
        digest = header.digest(signature.headers, signature.header_form, signature.field)
        if not key.matches(digest, signature.octets):
            raise Verdict(Status.FAIL, "the signature does not match")
        body = bodies.of(signature)
        result = replace(result, beyond=body.beyond)
        if body.short:
            raise Verdict(Status.FAIL, "the body is shorter than what was signed")
        if body.digest != signature.body_digest:
            raise Verdict(Status.FAIL, "the body has changed")
    except Verdict as verdict:
        return replace(result, status=verdict.status, reason=verdict.reason)
    return result


def _read(field: SignedField) -> Signature | SignatureResult:
    try:
        return parse_dkim(field)
    except UnknownAlgorithm as error:
        return SignatureResult(Status.NEUTRAL, error.text)
    except GrammarError as error:
        return SignatureResult(Status.PERMERROR, error.text)
