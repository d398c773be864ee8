"""TLSA records and chains: RFC 7671 and RFC 7672 §3, with certificates made here."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from kit.authority import Authority, Issued
from pillarbox.net import dane
from pillarbox.net.dane import Tlsa
from pillarbox.net.der import DerError, public_key

NOW = datetime.now(UTC)
NAME = "mx.example.test"
NAMES = ("example.test", NAME)
OTHER = Tlsa(3, 1, 1, bytes(32))
RSA = rsa.generate_private_key(65537, 2048)


def tlsa(usage: int, selector: int, matching: int, issued: Issued) -> Tlsa:
    chosen = issued.spki if selector else issued.der
    digest = {0: lambda data: data, 1: sha256, 2: sha512}[matching]
    return Tlsa(usage, selector, matching, digest(chosen))


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def sha512(data: bytes) -> bytes:
    return hashlib.sha512(data).digest()


KINDS = [(selector, matching) for selector in (0, 1) for matching in (0, 1, 2)]


class TestEndEntity:
    @pytest.mark.parametrize(("selector", "matching"), KINDS)
    def test_matches(self, authority: Authority, selector: int, matching: int) -> None:
        issued = authority.issue(NAME)
        record = tlsa(3, selector, matching, issued)
        assert dane.matches(issued.chain, [record], NAMES, NOW)
        assert dane.matches(issued.chain, [OTHER, record], NAMES, NOW)
        other = authority.issue(NAME)
        assert dane.fault(other.chain, [record], NAMES, NOW) == "validation-failure"

    def test_neither_names_nor_dates_matter(self, authority: Authority) -> None:
        """RFC 7672 §3.1.1."""
        issued = authority.expired("other.test")
        assert dane.matches(issued.chain, [tlsa(3, 1, 1, issued)], NAMES, NOW)
        assert dane.matches(issued.chain, [tlsa(3, 0, 2, issued)], (), NOW)

    def test_only_the_server_s_own_certificate_counts(self, authority: Authority) -> None:
        issued = authority.issue(NAME)
        assert not dane.matches(issued.chain, [tlsa(3, 0, 1, authority)], NAMES, NOW)

    def test_an_rsa_key(self, authority: Authority) -> None:
        issued = authority.issue(NAME, key=RSA)
        assert dane.matches(issued.chain, [tlsa(3, 1, 1, issued)], NAMES, NOW)


class TestTrustAnchor:
    @pytest.mark.parametrize(("selector", "matching"), KINDS)
    @pytest.mark.parametrize("deep", [False, True])
    def test_matches(self, authority: Authority, selector: int, matching: int, deep: bool) -> None:
        issuer = authority.intermediate() if deep else authority
        issued = issuer.issue(NAME)
        record = tlsa(2, selector, matching, authority)
        assert dane.fault(issued.chain, [record], NAMES, NOW) == ""

    def test_an_intermediate_may_be_the_anchor(self) -> None:
        root = Authority()  # which servers don't show
        issuer = root.intermediate()
        issued = issuer.issue(NAME)
        assert len(issued.chain) == 2
        assert dane.matches(issued.chain, [tlsa(2, 1, 1, issuer)], NAMES, NOW)
        assert not dane.matches(issued.chain, [tlsa(2, 1, 1, root)], NAMES, NOW)

    def test_the_record_may_hold_the_anchor(self) -> None:
        root = Authority()
        issued = root.issue(NAME)
        assert len(issued.chain) == 1
        assert dane.matches(issued.chain, [tlsa(2, 0, 0, root)], NAMES, NOW)
        assert not dane.matches(issued.chain, [tlsa(2, 0, 1, root)], NAMES, NOW)
        assert not dane.matches(issued.chain, [tlsa(2, 0, 0, Authority())], NAMES, NOW)

    @pytest.mark.parametrize(
        ("names", "fault"),
        [
            ((NAME,), ""),
            (("*.example.test",), ""),
            (("other.test",), "certificate-host-mismatch"),
            ((), "certificate-host-mismatch"),
        ],
    )
    def test_names(self, authority: Authority, names: tuple[str, ...], fault: str) -> None:
        issued = authority.issue(*names, common_name=NAME)
        assert dane.fault(issued.chain, [tlsa(2, 0, 1, authority)], NAMES, NOW) == fault

    def test_dates(self, authority: Authority) -> None:
        record = tlsa(2, 0, 1, authority)
        expired = authority.expired(NAME)
        assert dane.fault(expired.chain, [record], NAMES, NOW) == "certificate-expired"
        early = authority.issue(NAME, start=NOW + timedelta(days=1))
        assert dane.fault(early.chain, [record], NAMES, NOW) == "validation-failure"
        old = Authority(start=NOW - timedelta(days=9), days=5, root_in_chain=True)
        below = old.issue(NAME)
        assert dane.fault(below.chain, [tlsa(2, 0, 1, old)], NAMES, NOW) == "validation-failure"

    def test_the_chain_must_lead_there(self, authority: Authority) -> None:
        """That the anchor's certificate is shown proves nothing."""
        stranger = Authority("Stranger")
        issued = stranger.issue(NAME)
        chain = (*issued.chain, authority.der)
        assert dane.fault(chain, [tlsa(2, 0, 1, authority)], NAMES, NOW) == "validation-failure"
        # Not by name either.
        namesake = Authority(root_in_chain=True)
        assert namesake.certificate.subject == authority.certificate.subject
        chain = (namesake.issue(NAME).der, authority.der)
        assert dane.fault(chain, [tlsa(2, 0, 1, authority)], NAMES, NOW) == "validation-failure"

    def test_who_is_no_authority_vouches_for_nobody(self, authority: Authority) -> None:
        fake = authority.intermediate("No authority", ca=False)
        issued = fake.issue(NAME)
        assert not dane.matches(issued.chain, [tlsa(2, 0, 1, authority)], NAMES, NOW)
        assert not dane.matches(issued.chain, [tlsa(2, 0, 1, fake)], NAMES, NOW)

    def test_an_authority_that_may_not_sign_certificates(self) -> None:
        root = Authority(root_in_chain=True, signs=False)
        issued = root.issue(NAME)
        record = tlsa(2, 0, 1, root)
        assert dane.fault(issued.chain, [record], NAMES, NOW) == "validation-failure"

    def test_a_server_is_not_its_own_authority(self, authority: Authority) -> None:
        issued = authority.issue(NAME)
        for record in (tlsa(2, 0, 1, issued), tlsa(2, 0, 0, issued)):
            assert not dane.matches(issued.chain, [record], NAMES, NOW)

    def test_a_certificate_for_clients(self, authority: Authority) -> None:
        issued = authority.issue(NAME, client=True)
        record = tlsa(2, 0, 1, authority)
        assert dane.fault(issued.chain, [record], NAMES, NOW) == "validation-failure"

    def test_a_long_chain_is_not_followed(self, authority: Authority) -> None:
        issuer = authority
        for number in range(12):
            issuer = issuer.intermediate(f"Intermediate {number}")
        issued = issuer.issue(NAME)
        assert not dane.matches(issued.chain, [tlsa(2, 0, 1, authority)], NAMES, NOW)

    def test_rubbish_in_the_chain(self, authority: Authority) -> None:
        issued = authority.issue(NAME)
        chain = (issued.der, b"", b"0", b"\x30\x82", *issued.chain[1:])
        assert dane.matches(chain, [tlsa(2, 0, 1, authority)], NAMES, NOW)
        for leaf in (b"", b"\x30\x00", issued.der[:-1]):
            chain = (leaf, *issued.chain[1:])
            assert not dane.matches(chain, [tlsa(2, 0, 1, authority)], NAMES, NOW)


class TestUsable:
    @pytest.mark.parametrize(
        "record",
        [
            Tlsa(0, 1, 1, bytes(32)),
            Tlsa(1, 1, 1, bytes(32)),
            Tlsa(4, 1, 1, bytes(32)),
            Tlsa(255, 1, 1, bytes(32)),
            Tlsa(3, 2, 1, bytes(32)),
            Tlsa(3, 1, 3, bytes(32)),
            Tlsa(3, 1, 1, bytes(31)),
            Tlsa(3, 1, 1, bytes(64)),
            Tlsa(3, 1, 2, bytes(32)),
            Tlsa(3, 1, 1, b""),
            Tlsa(3, 0, 0, b""),
            Tlsa(2, 0, 0, b"\x30\x03ab"),
            Tlsa(2, 0, 0, b"\x30\x01ab"),
        ],
    )
    def test_what_can_not_be_checked(self, record: Tlsa) -> None:
        assert dane.usable([record]) == ()
        assert dane.usable([record, OTHER]) == (OTHER,)

    def test_the_strongest_digest_counts(self, authority: Authority) -> None:
        """RFC 7671 §9: for each usage and selector of its own."""
        issued, other = authority.issue(NAME), authority.issue(NAME)
        weak, strong = tlsa(3, 1, 1, issued), tlsa(3, 1, 2, other)
        assert dane.usable([weak, strong]) == (strong,)
        assert not dane.matches(issued.chain, [weak, strong], NAMES, NOW)
        assert dane.matches(other.chain, [weak, strong], NAMES, NOW)
        of_another_kind = tlsa(3, 0, 1, issued)
        assert dane.matches(issued.chain, [strong, of_another_kind], NAMES, NOW)
        exact = tlsa(3, 1, 0, issued)
        assert dane.usable([exact, weak, strong]) == (exact, strong)
        assert dane.matches(issued.chain, [exact, strong], NAMES, NOW)
        # A record that can't be used makes no other weak.
        assert dane.usable([weak, Tlsa(3, 1, 2, b"")]) == (weak,)

    def test_there_may_be_many(self, authority: Authority) -> None:
        issued = authority.issue(NAME)
        many = [Tlsa(3, 1, 1, bytes([n]) * 32) for n in range(200)]
        assert len(dane.usable(many)) == dane.RECORDS_MAX
        assert not dane.matches(issued.chain, many, NAMES, NOW)

    def test_nothing_matches_nothing(self, authority: Authority) -> None:
        assert not dane.matches((), [OTHER], NAMES, NOW)
        assert not dane.matches(authority.issue(NAME).chain, [], NAMES, NOW)


def test_the_key_of_a_certificate(authority: Authority) -> None:
    for issued in (authority, authority.issue(NAME), authority.issue(NAME, key=RSA)):
        assert public_key(issued.der) == issued.spki


def test_a_certificate_of_the_first_version() -> None:
    """It has no version field."""
    signed = bytes.fromhex("020101" + "3000" * 4 + "3003040141")
    der = b"\x30" + bytes([len(signed) + 2]) + b"\x30" + bytes([len(signed)]) + signed
    assert public_key(der) == bytes.fromhex("3003040141")


def test_what_is_no_certificate(authority: Authority) -> None:
    der = authority.der
    for cut in (*range(0, len(der) // 4, 7), 1, 2, 3, 4):
        with pytest.raises(DerError):
            public_key(der[:cut])
    assert x509.load_der_x509_certificate(der)
    for odd in (b"\x30\x84\xff\xff\xff\xff", b"\x30\x88" + b"\xff" * 8, b"\x30\x80", bytes(40)):
        with pytest.raises(DerError):
            public_key(odd)
