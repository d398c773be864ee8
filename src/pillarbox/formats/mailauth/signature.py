"""Signature fields as values: DKIM-Signature and ARC-Message-Signature."""

import re
from dataclasses import dataclass

from pillarbox.base.errors import GrammarError
from pillarbox.formats.address import ascii_domain
from pillarbox.formats.mailauth.canonical import Canonical
from pillarbox.formats.mailauth.keys import KeyAlgorithm
from pillarbox.formats.mailauth.message import SignedField
from pillarbox.formats.mailauth.tags import base64_value, folded_apart, parse_tags, words

HEADERS_COUNT = 512
SHA256_BYTES = 32

_ALGORITHMS = {kind.signature_name: kind for kind in KeyAlgorithm}
_OBSOLETE = "rsa-sha1"
_NUMBER = re.compile(r"[0-9]{1,12}\Z")
_LENGTH = re.compile(r"[0-9]{1,76}\Z")
_SELECTOR = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z")
_NAME_BYTES = 253
# Only these can vary; a set of tags that must be there.
_DKIM = ("v", "a", "b", "bh", "d", "h", "s")
_ARC = ("i", "a", "b", "bh", "d", "h", "s")


class UnknownAlgorithm(GrammarError):
    """The signature is of a kind or version nobody here can check."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signature field says (RFC 6376 §3.5); `headers` are names in lower case.

    `length` is l=, `identity` i= of DKIM; times are in seconds since the epoch.
    """

    field: SignedField
    algorithm: KeyAlgorithm
    domain: str
    selector: str
    header_form: Canonical
    body_form: Canonical
    headers: tuple[bytes, ...]
    body_digest: bytes
    octets: bytes
    length: int | None
    identity: str
    created_s: int | None
    expires_s: int | None

    @property
    def record_name(self) -> str:
        """Where its key is published."""
        return record_name(self.selector, self.domain)


def record_name(selector: str, domain: str) -> str:
    """Where a key is published (RFC 6376 §3.6.2.1)."""
    return f"{selector}._domainkey.{domain}"


def parse_dkim(field: SignedField) -> Signature:
    """The signature of a DKIM-Signature field; GrammarError says what is wrong with it."""
    tags = parse_tags(field.value)
    require(tags, _DKIM)
    if tags["v"] != "1":
        raise UnknownAlgorithm("the signature is of another version")
    if "q" in tags and "dns/txt" not in words(tags["q"]):
        raise UnknownAlgorithm("the key can't be asked for")
    signature = _signature(field, tags)
    domain = signature.identity.rpartition("@")[2]
    if domain != signature.domain and not domain.endswith("." + signature.domain):
        raise GrammarError("i= is not within d=")
    return signature


def parse_arc(field: SignedField) -> Signature:
    """The signature of an ARC-Message-Signature field, whose i= counts (RFC 8617 §4.1.2)."""
    tags = parse_tags(field.value)
    require(tags, _ARC)
    signature = _signature(field, {**tags, "i": ""})
    if b"arc-seal" in signature.headers:
        raise GrammarError("h= names ARC-Seal")
    return signature


def require(tags: dict[str, str], names: tuple[str, ...]) -> None:
    """GrammarError unless each of the tags is there."""
    for name in names:
        if name not in tags:
            raise GrammarError(f"{name}= is missing")


def algorithm_of(text: str) -> KeyAlgorithm:
    """The kind of key behind a=; raises for what is not checked (RFC 8301 §3.1)."""
    found = _ALGORITHMS.get(text.lower())
    if found is not None:
        return found
    if text.lower() == _OBSOLETE:
        raise GrammarError("rsa-sha1 is no longer accepted")
    raise UnknownAlgorithm("the algorithm is not known")


def domain_of(text: str) -> str:
    """A domain of a tag, in ASCII and lower case."""
    domain = ascii_domain(text)
    if domain.startswith("["):
        raise GrammarError("bad domain")
    return domain


def selector_of(text: str) -> str:
    """A selector in lower case: labels with dots between them (RFC 6376 §3.1)."""
    if len(text) > _NAME_BYTES or not all(_SELECTOR.match(label) for label in text.split(".")):
        raise GrammarError("bad selector")
    return text.lower()


def instant_of(tags: dict[str, str], name: str) -> int | None:
    """Seconds since the epoch of t= or x=, `None` where it is missing."""
    if name not in tags:
        return None
    if not _NUMBER.match(tags[name]):
        raise GrammarError(f"{name}= is no number")
    return int(tags[name])


def _signature(field: SignedField, tags: dict[str, str]) -> Signature:
    domain = domain_of(tags["d"])
    headers = tuple(name.encode() for name in words(tags["h"]))
    if b"from" not in headers:
        raise GrammarError("From is not signed")
    if len(headers) > HEADERS_COUNT:
        raise GrammarError("h= names too many fields")
    digest = base64_value(tags["bh"])
    if len(digest) != SHA256_BYTES and tags["a"].lower() != _OBSOLETE:
        raise GrammarError("bh= is no SHA-256")
    created_s, expires_s = instant_of(tags, "t"), instant_of(tags, "x")
    if created_s is not None and expires_s is not None and expires_s < created_s:
        raise GrammarError("x= is before t=")
    header_form, body_form = _forms(tags.get("c", "simple/simple"))
    return Signature(
        field=field,
        algorithm=algorithm_of(tags["a"]),
        domain=domain,
        selector=selector_of(tags["s"]),
        header_form=header_form,
        body_form=body_form,
        headers=headers,
        body_digest=digest,
        octets=base64_value(tags["b"]),
        length=_length(tags),
        identity=_identity(tags.get("i", ""), domain),
        created_s=created_s,
        expires_s=expires_s,
    )


def _identity(text: str, domain: str) -> str:
    text = folded_apart(text)
    if not text:
        return "@" + domain
    local, sign, host = text.rpartition("@")
    if not sign:
        raise GrammarError("i= is no address")
    return f"{local}@{domain_of(host)}"


def _length(tags: dict[str, str]) -> int | None:
    if "l" not in tags:
        return None
    if not _LENGTH.match(tags["l"]):
        raise GrammarError("l= is no number")
    return int(tags["l"])


def _forms(text: str) -> tuple[Canonical, Canonical]:
    header, slash, body = text.partition("/")
    try:
        return Canonical(header.lower()), Canonical(body.lower() if slash else "simple")
    except ValueError as error:
        raise UnknownAlgorithm("the canonical form is not known") from error
