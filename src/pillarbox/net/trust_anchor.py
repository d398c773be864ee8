"""Whether a chain of certificates leads to an authority that its owner has named (RFC 7672 §3.1.2).

The path is built and checked by `cryptography`, whose part for certificates costs 4.6 MB and some
50 ms at its first import. Called by `net/dane`.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from pillarbox.net.certificate_names import any_matches

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.x509.verification import Policy, PolicyBuilder

CHAIN_MAX = 10
"""Certificates of a chain that are looked at."""


def fault(
    chain: tuple[bytes, ...], anchors: tuple[bytes, ...], names: tuple[str, ...], at: datetime
) -> str:
    """Why a chain does not lead to one of the anchors, as a result type of RFC 8460 §4.3.

    All are DER, the server's own certificate first in the chain. Empty if the chain is valid `at`
    that time and its first certificate is for one of `names`.
    """
    from cryptography import x509
    from cryptography.x509.verification import Store, VerificationError

    trusted = _loaded(anchors[:CHAIN_MAX])
    try:
        leaf = x509.load_der_x509_certificate(chain[0])
        if leaf.not_valid_after_utc < at:
            return "certificate-expired"
        if not trusted:
            return "validation-failure"
        verifier = _policy().store(Store(trusted)).time(at).build_client_verifier()
        verifier.verify(leaf, _loaded(chain[1:CHAIN_MAX]))
        if not _is_for_servers(leaf):
            return "validation-failure"
        presented = _names(leaf)
    except (ValueError, VerificationError, x509.DuplicateExtension, x509.InvalidVersion):
        return "validation-failure"
    except x509.UnsupportedGeneralNameType:
        return "validation-failure"
    return "" if any_matches(presented, names) else "certificate-host-mismatch"


def _loaded(found: tuple[bytes, ...]) -> "list[x509.Certificate]":
    from cryptography import x509

    certificates = []
    for one in found:
        try:
            certificates.append(x509.load_der_x509_certificate(one))
        except (ValueError, x509.InvalidVersion):
            pass  # a chain may do without it
    return certificates


def _policy() -> "PolicyBuilder":
    """What RFC 5280 §6.1 wants of a chain, without the rules that public authorities have more."""
    from cryptography import x509
    from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder

    of_authorities = (
        ExtensionPolicy.permit_all()
        .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)  # with cA
        .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_sign)
    )
    return (
        PolicyBuilder()
        .max_chain_depth(CHAIN_MAX)
        .extension_policies(ca_policy=of_authorities, ee_policy=ExtensionPolicy.permit_all())
    )


def _may_sign(
    policy: "Policy", certificate: "x509.Certificate", usage: "x509.KeyUsage | None"
) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("an authority that may not sign certificates")


def _is_for_servers(leaf: "x509.Certificate") -> bool:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return (
        ExtendedKeyUsageOID.SERVER_AUTH in usage
        or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usage
    )


def _names(leaf: "x509.Certificate") -> list[str]:
    from cryptography import x509

    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = [str(one) for one in names.get_values_for_type(x509.IPAddress)]
    return names.get_values_for_type(x509.DNSName) + addresses
