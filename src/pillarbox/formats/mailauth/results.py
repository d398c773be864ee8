"""What checking a signature or a chain came to, in the words of RFC 8601 §2.7.1."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mailauth.keys import KeyAlgorithm, PublicKey, parse_key_record

KeyAnswers = Mapping[str, tuple[str, ...] | None]
"""TXT records by name, in lower case: none `()` where there is no such name, `None` where the
domain name system did not answer."""

RECORDS_MOST = 4


class Status(StrEnum):
    """The outcome; `TEMPERROR` may be another one later."""

    NONE = "none"
    PASS = "pass"  # noqa: S105 - a word of RFC 8601
    FAIL = "fail"
    NEUTRAL = "neutral"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class Verdict(Exception):
    """Ends a check: the outcome, and why."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SignatureResult:
    """The outcome of one signature; fields that could not be read are empty.

    `key_bits` is 0 without a key. `testing` is the domain's word that it only tries signing.
    `beyond` counts octets of the body behind l=, which anybody may have added.
    """

    status: Status
    reason: str
    domain: str = ""
    selector: str = ""
    identity: str = ""
    algorithm: KeyAlgorithm | None = None
    key_bits: int = 0
    testing: bool = False
    length: int | None = None
    beyond: int = 0
    headers: tuple[bytes, ...] = ()
    octets: bytes = b""
    """The signature itself; its first characters tell several of one domain apart."""


def find_key(answers: KeyAnswers, name: str, algorithm: KeyAlgorithm) -> PublicKey:
    """The key that is published at a name; raises `Verdict` where there is none to be used.

    Of several records, which RFC 6376 §3.6.2.2 forbids, the first that can be used.
    """
    records = answers.get(name)
    if records is None:
        raise Verdict(Status.TEMPERROR, "the key can't be asked for now")
    if not records:
        raise Verdict(Status.PERMERROR, "there is no key for the signature")
    why = ""
    for record in records[:RECORDS_MOST]:
        try:
            key = parse_key_record(record)
        except GrammarError as error:
            why = why or error.text
            continue
        if key.algorithm is algorithm:
            return key
        why = why or "the key is of another kind"
    raise Verdict(Status.PERMERROR, why)
