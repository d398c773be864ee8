"""Checking the ARC chain of a message (RFC 8617 §5.2).

In two steps as DKIM (`verify`): names to look up first, then the outcome.
"""

import re
from dataclasses import dataclass
from hashlib import sha256

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mailauth.canonical import Canonical, canonical_field
from pillarbox.formats.mailauth.keys import KeyAlgorithm
from pillarbox.formats.mailauth.message import SignedField, SignedMessage
from pillarbox.formats.mailauth.results import KeyAnswers, Status, Verdict, find_key
from pillarbox.formats.mailauth.signature import (
    Signature,
    algorithm_of,
    domain_of,
    instant_of,
    parse_arc,
    record_name,
    require,
    selector_of,
)
from pillarbox.formats.mailauth.signed_header import SignedHeader, unsigned
from pillarbox.formats.mailauth.tags import base64_value, parse_tags
from pillarbox.formats.mailauth.verify import Bodies, check

SETS_MOST = 50
AAR, AMS, AS = b"arc-authentication-results", b"arc-message-signature", b"arc-seal"
NAMES = (AAR, AMS, AS)
"""The fields of a set, in the order in which seals take them (RFC 8617 §5.1.1)."""

_AAR_INSTANCE = re.compile(rb"[ \t\r\n]*i[ \t\r\n]*=[ \t\r\n]*([0-9]{1,4})[ \t\r\n]*;")
_INSTANCE = re.compile(r"[0-9]{1,4}\Z")
_SEAL_TAGS = ("i", "a", "b", "cv", "d", "s")


@dataclass(frozen=True, slots=True)
class Seal:
    """What an ARC-Seal field says (RFC 8617 §4.1.3)."""

    field: SignedField
    algorithm: KeyAlgorithm
    validation: str
    domain: str
    selector: str
    octets: bytes


@dataclass(frozen=True, slots=True)
class ArcSet:
    """The three fields that one host added; `signature` is its ARC-Message-Signature read."""

    results: SignedField
    signature: SignedField
    seal: Seal


@dataclass(frozen=True, slots=True)
class ChainResult:
    """The state of a chain: none, pass, fail, or temperror where keys can't be asked for.

    `instance` is the highest there is, 0 without a chain. `closed` says that the last seal has
    cv=fail, behind which nothing is added (RFC 8617 §5.1.2), or that there is no room for another.
    """

    status: Status
    reason: str = ""
    instance: int = 0
    closed: bool = False
    sets: tuple[ArcSet, ...] = ()


class ChainVerification:
    """The chain of one message under check."""

    def __init__(self, message: SignedMessage) -> None:
        self._message = message
        self._sets: tuple[ArcSet, ...] = ()
        self._signature: Signature | None = None
        self._early: ChainResult | None = None
        fields = [field for field in message.fields if field.name in NAMES]
        if not fields:
            self._early = ChainResult(Status.NONE)
            return
        try:
            self._sets = _sets(fields)
            self._signature = parse_arc(self._sets[-1].signature)
        except GrammarError as error:
            self._early = self._failed(error.text, _highest(fields))
            return
        why = _out_of_line(self._sets)
        if why:
            self._early = self._failed(why, len(self._sets))

    @property
    def questions(self) -> tuple[str, ...]:
        """The names whose TXT records are wanted, each once; none if the outcome is clear."""
        if self._early is not None or self._signature is None:
            return ()
        seals = (record_name(one.seal.selector, one.seal.domain) for one in self._sets)
        return tuple(dict.fromkeys((self._signature.record_name, *seals)))

    def result(self, answers: KeyAnswers, now_s: int) -> ChainResult:
        """The outcome."""
        signature = self._signature
        if self._early is not None or signature is None:
            return self._early or ChainResult(Status.NONE)
        count = len(self._sets)
        bodies = Bodies(self._message)
        bodies.want(signature)
        found = check(signature, SignedHeader(self._message), bodies, answers, now_s)
        if found.status not in (Status.PASS, Status.TEMPERROR):
            return self._failed(f"i={count}: {found.reason}", count)
        try:
            unknown = self._check_seals(answers)
        except Verdict as verdict:
            return self._failed(verdict.reason, count)
        if found.status is Status.TEMPERROR or unknown:
            return self._undecided(unknown or found.reason)
        return ChainResult(Status.PASS, "", count, closed=count >= SETS_MOST, sets=self._sets)

    def _check_seals(self, answers: KeyAnswers) -> str:
        """Raise `Verdict` for a bad seal; gives why one could not be checked, else nothing.

        All are checked: else a key that can't be asked for, of somebody's own name, would keep it
        from showing that a seal above it is forged.
        """
        hashed, unknown = sha256(), ""
        for number, one in enumerate(self._sets, 1):
            hashed.update(canonical_field(one.results.whole, Canonical.RELAXED))
            hashed.update(canonical_field(one.signature.whole, Canonical.RELAXED))
            seal = one.seal
            sealed = hashed.copy()
            sealed.update(unsigned(seal.field, Canonical.RELAXED))
            hashed.update(canonical_field(seal.field.whole, Canonical.RELAXED))
            try:
                key = find_key(answers, record_name(seal.selector, seal.domain), seal.algorithm)
            except Verdict as verdict:
                if verdict.status is not Status.TEMPERROR:
                    raise
                unknown = unknown or verdict.reason
                continue
            if not key.matches(sealed.digest(), seal.octets):
                raise Verdict(Status.FAIL, f"i={number}: the seal does not match")
        return unknown

    def _failed(self, reason: str, instance: int) -> ChainResult:
        last = self._message.named(AS)
        closed = instance >= SETS_MOST or any(_says_fail(field, instance) for field in last)
        return ChainResult(Status.FAIL, reason, instance, closed, self._sets)

    def _undecided(self, reason: str) -> ChainResult:
        return ChainResult(Status.TEMPERROR, reason, len(self._sets), sets=self._sets)


def _sets(fields: list[SignedField]) -> tuple[ArcSet, ...]:
    """The sets in order; GrammarError unless each is there once and whole (RFC 8617 §5.2)."""
    if len(fields) > SETS_MOST * len(NAMES):
        raise GrammarError("there are more than 50 sets")
    found: dict[tuple[int, bytes], SignedField] = {}
    for field in fields:
        key = (_instance(field), field.name)
        if key in found:
            raise GrammarError(f"i={key[0]} has a field twice")
        found[key] = field
    count = len(fields) // len(NAMES)
    wanted = {(number, name) for number in range(1, count + 1) for name in NAMES}
    if set(found) != wanted:
        raise GrammarError("a set is not whole")
    return tuple(
        ArcSet(found[number, AAR], found[number, AMS], _seal(found[number, AS]))
        for number in range(1, count + 1)
    )


def _instance(field: SignedField) -> int:
    if field.name == AAR:
        match = _AAR_INSTANCE.match(field.value)
        number = int(match[1]) if match else 0
    else:
        text = parse_tags(field.value).get("i", "")
        number = int(text) if _INSTANCE.match(text) else 0
    if not 1 <= number <= SETS_MOST:
        raise GrammarError("i= is no number of a set")
    return number


def _highest(fields: list[SignedField]) -> int:
    """The highest instance that any field claims to be of."""
    highest = 0
    for field in fields[: SETS_MOST * len(NAMES) + 1]:
        try:
            highest = max(highest, _instance(field))
        except GrammarError:
            continue
    return highest


def _seal(field: SignedField) -> Seal:
    tags = parse_tags(field.value)
    require(tags, _SEAL_TAGS)
    if "h" in tags or "bh" in tags:
        raise GrammarError("a seal has h= or bh=")
    instant_of(tags, "t")
    return Seal(
        field=field,
        algorithm=algorithm_of(tags["a"]),
        validation=tags["cv"].lower(),
        domain=domain_of(tags["d"]),
        selector=selector_of(tags["s"]),
        octets=base64_value(tags["b"]),
    )


def _out_of_line(sets: tuple[ArcSet, ...]) -> str:
    """What is wrong with the states the seals claim; empty if nothing is."""
    for number, one in enumerate(sets, 1):
        if one.seal.validation != ("none" if number == 1 else "pass"):
            return f"i={number}: the seal says cv={one.seal.validation[:10]}"
    return ""


def _says_fail(field: SignedField, instance: int) -> bool:
    try:
        tags = parse_tags(field.value)
    except GrammarError:
        return False
    return tags.get("i") == str(instance) and tags.get("cv", "").lower() == Status.FAIL
