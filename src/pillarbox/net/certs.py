"""Certificates: the self-signed one every installation starts with, and contexts from files.

A private key that pillarbox made is kept sealed under the key ring; one that an admin supplies is
read from where it lies. Python's `ssl` loads keys from paths only, so an opened key is handed over
in an anonymous memory file.
"""

import ipaddress
import os
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pillarbox.net.end_point import end_point

if TYPE_CHECKING:
    from cryptography import x509

LIFETIME = timedelta(days=397)
RENEW_BEFORE = timedelta(days=30)
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_CERTIFICATE, _KEY = "selfsigned.pem", "selfsigned.key.sealed"
_ROW = b"tls selfsigned"
_NAMES = "pillarbox-self-signed"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate chain and its private key, both PEM."""

    chain: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class SelfSigned:
    """The self-signed certificate of a data folder.

    `seal(plain, row)` and `unseal(sealed, row)` are those of a sealer.
    """

    folder: Path
    seal: Callable[[bytes, bytes], bytes]
    unseal: Callable[[bytes, bytes], bytes]

    @property
    def path(self) -> Path:
        """The certificate's file."""
        return self.folder / _CERTIFICATE

    def due(self, names: Sequence[str], now: datetime) -> bool:
        """Whether there is no certificate, or one for other names, or one that ends soon."""
        try:
            with self.path.open("rb") as file:
                first = file.readline(8192)
        except OSError:
            return True
        if not (self.folder / _KEY).exists():
            return True
        words = first.decode("ascii", "replace").split()
        if words[:1] != [_NAMES] or words[2:] != list(names) or not words[1].isdigit():
            return True
        return int(words[1]) - now.timestamp() < RENEW_BEFORE.total_seconds()

    def ensure(self, names: Sequence[str], now: datetime) -> bool:
        """Make a certificate for `names` if one is `due`; gives whether it was.

        The first name is the common name. Imports what makes certificates, which is large: call
        it in a process that ends.
        """
        if not self.due(names, now):
            return False
        pair = make(names, now)
        # What stands before the certificate is for us; TLS libraries skip it.
        until_s = int((now + LIFETIME).timestamp())
        note = " ".join((_NAMES, str(until_s), *names)).encode() + b"\n"
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self.folder / _KEY, self.seal(pair.key, _ROW), 0o600)
        _write(self.path, note + pair.chain, 0o644)
        return True

    def load(self) -> KeyPair:
        """The pair that `ensure` made; `OSError` where there is none."""
        sealed = (self.folder / _KEY).read_bytes()
        return KeyPair(self.path.read_bytes(), self.unseal(sealed, _ROW))


def make(names: Sequence[str], now: datetime) -> KeyPair:
    """A new self-signed pair (ECDSA on P-256: small, and quick to sign with)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_general(n) for n in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return KeyPair(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


class ServerContext(ssl.SSLContext):
    """A context for serving that knows the channel binding of its certificate.

    `end_point` is tls-server-end-point (RFC 5929 §4), `None` where it is not defined.
    """

    end_point: bytes | None = None


def server_context(pair: KeyPair) -> ServerContext:
    """A context for serving; `ssl.SSLError` when key and certificate don't belong together."""
    with _in_memory(pair.chain) as chain, _in_memory(pair.key) as key:
        context = _context(chain, key)
    context.end_point = end_point(pair.chain)
    return context


def server_context_of_files(chain: Path, key: Path) -> ServerContext:
    """A context for serving from PEM files; `OSError` or `ssl.SSLError` when they are no good."""
    # Read once, so that the binding is that of the certificate which is served.
    return server_context(KeyPair(chain.read_bytes(), key.read_bytes()))


def _context(chain: Path, key: Path) -> ServerContext:
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= (
        ssl.OP_CIPHER_SERVER_PREFERENCE
        | ssl.OP_NO_COMPRESSION
        | ssl.OP_NO_RENEGOTIATION
        | ssl.OP_SINGLE_ECDH_USE
    )
    context.num_tickets = 1
    context.load_cert_chain(chain, key)
    return context


def _general(name: str) -> "x509.GeneralName":
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, content: bytes, mode: int) -> None:
    temporary = path.with_name(path.name + ".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


@contextmanager
def _in_memory(content: bytes) -> Iterator[Path]:
    if not hasattr(os, "memfd_create"):  # not Linux
        import tempfile

        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield Path(file.name)
        return
    descriptor = os.memfd_create("pillarbox-tls")
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
