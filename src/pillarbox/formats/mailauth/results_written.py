"""What our own checks came to, as Authentication-Results say it (RFC 8601 §2.7)."""

from base64 import b64encode
from collections.abc import Iterable

from pillarbox.base.errors import GrammarError
from pillarbox.formats.address import ascii_domain
from pillarbox.formats.mailauth.arc import ChainResult
from pillarbox.formats.mailauth.authentication_results import MethodResult, Property
from pillarbox.formats.mailauth.dmarc.evaluate import DmarcResult
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.formats.mailauth.spf.result import SpfResult

OCTETS_SHOWN = 12
"""Of a signature, in base64: enough to tell several apart (RFC 6008 §4)."""
IDENTITY_CHARS = 200
CHAIN_CHARS = 200


def spf_written(spf: SpfResult, mail_from: str, helo: str) -> MethodResult:
    """SPF of a reverse-path, or of the name in HELO where that is null."""
    about = Property("smtp", "mailfrom", _address(mail_from))
    if not mail_from:
        about = Property("smtp", "helo", _domain(helo))
    return MethodResult("spf", spf.status, (about,), spf.reason)


def helo_spf_written(spf: SpfResult, helo: str) -> MethodResult:
    """SPF of the name in HELO."""
    return spf_written(spf, "", helo)


def dkim_written(signatures: Iterable[SignatureResult]) -> tuple[MethodResult, ...]:
    """Each signature; one result `none` without any."""
    return tuple(map(_signature, signatures)) or (MethodResult("dkim", Status.NONE),)


def dmarc_written(dmarc: DmarcResult) -> MethodResult:
    """The outcome for the domain in From, what it published and what that comes to."""
    properties = [Property("header", "from", dmarc.domain)]
    if dmarc.policy_domain:
        properties += [
            Property("policy", "dmarc", dmarc.disposition),
            Property("policy", "published-domain-policy", dmarc.requested),
        ]
    reason = "" if dmarc.status is Status.PASS else dmarc.reason
    return MethodResult("dmarc", dmarc.status, tuple(properties), reason)


def arc_written(chain: ChainResult, ip: str) -> MethodResult:
    """The chain the message came with, and who sealed it (RFC 8617 §4.1.1)."""
    properties = []
    if chain.status is Status.PASS:
        sealers = ":".join(one.seal.domain for one in chain.sets)
        properties = [Property("smtp", "remote-ip", ip)]
        if len(sealers) <= CHAIN_CHARS:
            properties.append(Property("arc", "chain", sealers))
    return MethodResult("arc", chain.status, tuple(properties), chain.reason)


def iprev_written(status: str, ip: str, name: str) -> MethodResult:
    """Whether the client's address and its name confirm each other."""
    return MethodResult("iprev", status, (Property("policy", "iprev", ip),), comment=name)


def _signature(one: SignatureResult) -> MethodResult:
    status, reason = str(one.status), one.reason
    if one.status is Status.PASS and one.beyond:
        status, reason = "policy", f"{one.beyond} octets of the body are not signed"
    comment = f"{one.key_bits}-bit key" if one.key_bits else ""
    if one.testing:
        comment += ", testing"
    algorithm = "" if one.algorithm is None else one.algorithm.signature_name
    identity = one.identity if len(one.identity) <= IDENTITY_CHARS else ""
    return MethodResult(
        "dkim",
        status,
        (
            Property("header", "d", one.domain),
            Property("header", "i", identity if identity.isascii() else ""),
            Property("header", "s", one.selector),
            Property("header", "a", algorithm),
            Property("header", "b", b64encode(one.octets).decode()[:OCTETS_SHOWN]),
        ),
        reason,
        comment,
    )


def _address(path: str) -> str:
    """A path with its domain in A-labels; that alone where the rest is not ASCII."""
    local, _, domain = path.rpartition("@")
    domain = _domain(domain)
    return f"{local}@{domain}" if local and local.isascii() else domain


def _domain(name: str) -> str:
    try:
        return ascii_domain(name.rstrip("."))
    except GrammarError:
        return name
