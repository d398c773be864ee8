"""TLSA records and whether a chain of certificates satisfies them (RFC 6698, RFC 7671, RFC 7672).

Usages 2 and 3 only: the others also want a public authority, which mail servers need not have
(RFC 7672 §3.1.3).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from pillarbox.net import trust_anchor
from pillarbox.net.der import DerError, public_key, value

TRUST_ANCHOR, END_ENTITY = 2, 3
_WHOLE, _KEY = 0, 1
_EXACT = 0
_DIGESTS = MappingProxyType({1: hashlib.sha256, 2: hashlib.sha512})
RECORDS_MAX = 32


@dataclass(frozen=True, slots=True)
class Tlsa:
    """A TLSA record (RFC 6698 §2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes


def usable(records: Iterable[Tlsa]) -> tuple[Tlsa, ...]:
    """The records that can be checked, 32 at most; mail goes by none of the others.

    Where one usage and selector has several digests only the strongest counts (RFC 7671 §9).
    """
    known = [record for record in records if _is_known(record)][:RECORDS_MAX]
    strongest: dict[tuple[int, int], int] = {}
    for one in known:
        key = (one.usage, one.selector)
        strongest[key] = max(strongest.get(key, 0), one.matching)
    return tuple(
        one for one in known if one.matching in (_EXACT, strongest[one.usage, one.selector])
    )


def matches(
    chain: tuple[bytes, ...], records: Iterable[Tlsa], names: tuple[str, ...], at: datetime
) -> bool:
    """Whether one of the records vouches for what a server has shown; see `fault`."""
    return not fault(chain, records, names, at)


def fault(
    chain: tuple[bytes, ...], records: Iterable[Tlsa], names: tuple[str, ...], at: datetime
) -> str:
    """Why no record vouches for a chain, as a result type of RFC 8460 §4.3; empty if one does.

    `chain` is DER as the server sent it, its own certificate first. A record of usage 3 vouches for
    that certificate whatever its names and dates (RFC 7672 §3.1.1); one of usage 2 for a chain that
    leads to its authority, is valid `at` that time, and is for one of `names` (§3.1.2): checking
    that takes 50 ms the first time and under 1 ms later.
    """
    found = usable(records)
    if not chain:
        return "validation-failure"
    for record in found:
        if record.usage == END_ENTITY and selects(record, chain[0]):
            return ""
    anchors = _anchors(chain, found)
    if not anchors:
        return "validation-failure"
    return trust_anchor.fault(chain, anchors, names, at)


def selects(record: Tlsa, certificate: bytes) -> bool:
    """Whether a record is of this certificate or its key (RFC 6698 §2.1.2, §2.1.3)."""
    try:
        chosen = certificate if record.selector == _WHOLE else public_key(certificate)
    except DerError:
        return False
    digest = _DIGESTS.get(record.matching)
    return (chosen if digest is None else digest(chosen).digest()) == record.data


def _anchors(chain: tuple[bytes, ...], records: tuple[Tlsa, ...]) -> tuple[bytes, ...]:
    """The certificates that records of usage 2 name: from the chain, or from the record itself."""
    found: dict[bytes, None] = {}
    for record in records:
        if record.usage != TRUST_ANCHOR:
            continue
        for certificate in chain[1 : trust_anchor.CHAIN_MAX]:
            if selects(record, certificate):
                found[certificate] = None
        if record.selector == _WHOLE and record.matching == _EXACT:
            found[record.data] = None
    found.pop(chain[0], None)  # a server is not its own authority
    return tuple(found)


def _is_known(record: Tlsa) -> bool:
    if record.usage not in (TRUST_ANCHOR, END_ENTITY) or record.selector not in (_WHOLE, _KEY):
        return False
    if record.matching == _EXACT:
        try:
            _, _, rest = value(record.data)
        except DerError:
            return False
        return not rest
    digest = _DIGESTS.get(record.matching)
    return digest is not None and len(record.data) == digest().digest_size
