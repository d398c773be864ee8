"""A certificate authority of a test: it vouches for servers, well or badly."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pillarbox.net.certs import KeyPair, server_context

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
DER = serialization.Encoding.DER
PEM = serialization.Encoding.PEM


@dataclass
class Issued:
    """A certificate with its key, and what a server shows of the chain above it."""

    certificate: x509.Certificate
    key: Key
    above: tuple[x509.Certificate, ...] = ()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(DER)

    @property
    def spki(self) -> bytes:
        """The subjectPublicKeyInfo, which TLSA records with selector 1 are of."""
        return self.certificate.public_key().public_bytes(
            DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def chain(self) -> tuple[bytes, ...]:
        """What a server shows, DER, its own certificate first."""
        return (self.der, *(one.public_bytes(DER) for one in self.above))

    @property
    def pair(self) -> KeyPair:
        """As PEM, for `server_context` and for files."""
        chain = b"".join(one.public_bytes(PEM) for one in (self.certificate, *self.above))
        key = self.key.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return KeyPair(chain, key)

    def server_context(self) -> ssl.SSLContext:
        """A context for a server that shows this certificate."""
        return server_context(self.pair)

    def write(self, folder: Path, name: str = "server") -> tuple[Path, Path]:
        """Write chain and key as PEM files; gives their paths."""
        chain, key = folder / f"{name}.pem", folder / f"{name}.key"
        chain.write_bytes(self.pair.chain)
        key.write_bytes(self.pair.key)
        key.chmod(0o600)
        return chain, key


class Authority(Issued):
    """Issues certificates; a root unless it comes from `intermediate`.

    `root_in_chain` says whether servers show the root too, as DANE-TA needs it. Without `ca` it is
    none, and without `signs` one that may not sign certificates; both do all the same.
    """

    def __init__(
        self,
        name: str = "Test Authority",
        *,
        parent: "Authority | None" = None,
        root_in_chain: bool = False,
        start: datetime | None = None,
        days: float = 3650,
        ca: bool = True,
        signs: bool = True,
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self.parent = parent
        self.root_in_chain = root_in_chain if parent is None else parent.root_in_chain
        subject = _name(name)
        builder = _builder(subject, key, start, days)
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), True)
        builder = builder.add_extension(_usage(sign=not ca, certificates=ca and signs), True)
        if parent is None:
            certificate = builder.issuer_name(subject).sign(key, hashes.SHA256())
        else:
            certificate = parent.sign(builder)
        super().__init__(certificate, key, parent.shown if parent is not None else ())

    @property
    def shown(self) -> tuple[x509.Certificate, ...]:
        """This and what is above it, as far as servers show it."""
        if self.parent is None and not self.root_in_chain:
            return ()
        return (self.certificate, *self.above)

    @property
    def pem(self) -> bytes:
        """Its own certificate, for those who shall believe it."""
        return self.certificate.public_bytes(PEM)

    def intermediate(
        self, name: str = "Test Intermediate", *, days: float = 3650, ca: bool = True
    ) -> "Authority":
        """An authority below this one."""
        return Authority(name, parent=self, days=days, ca=ca)

    def sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        return builder.issuer_name(self.certificate.subject).sign(self.key, hashes.SHA256())

    def issue(
        self,
        *names: str,
        start: datetime | None = None,
        days: float = 90,
        key: Key | None = None,
        client: bool = False,
        common_name: str | None = None,
    ) -> Issued:
        """A certificate for host names and addresses, valid from `start` (a day ago) on.

        With `client` it is for clients, which no server should show.
        """
        key = key or ec.generate_private_key(ec.SECP256R1())
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        shown_name = names[0] if common_name is None and names else common_name or "nobody"
        builder = _builder(_name(shown_name), key, start, days)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        builder = builder.add_extension(_usage(sign=True, certificates=False), True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(_general(names)), False)
        return Issued(self.sign(builder), key, self.shown)

    def expired(self, *names: str) -> Issued:
        """A certificate that was valid until yesterday."""
        return self.issue(*names, start=datetime.now(UTC) - timedelta(days=10), days=9)


def _builder(
    subject: x509.Name, key: Key, start: datetime | None, days: float
) -> x509.CertificateBuilder:
    start = start or datetime.now(UTC) - timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _general(names: Sequence[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found


def _usage(*, sign: bool, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(sign, False, False, False, False, certificates, certificates, False, False)
