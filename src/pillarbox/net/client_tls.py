"""TLS towards other servers: the contexts, what is asked of a handshake, what it comes to.

Handshakes either check the certificate against the authorities of the system, or take any: that is
for TLS where it can be had, and for DANE, whose own check is in `net/dane`. Used by `net/stream`.
"""

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pillarbox.net.certificate_names import any_matches
from pillarbox.net.tls_channel import TlsChannel

HANDSHAKE_TIMEOUT_S = 30.0

# Where nobody checks certificates, a weak cipher is still better than none.
_ANY_CIPHERS = "DEFAULT:@SECLEVEL=1"
# Results of X509_verify_cert that have a name in RFC 8460 §4.3; the others are failures at large.
_UNTRUSTED, _ENDED = frozenset((2, 18, 19, 20, 21, 27)), 10
_RESULTS = MappingProxyType(
    {_ENDED: "certificate-expired", **dict.fromkeys(_UNTRUSTED, "certificate-not-trusted")}
)


@dataclass(frozen=True, slots=True)
class TlsClientOptions:
    """What TLS with a server must be like; never below 1.2.

    `server_name` is the name asked for (SNI), empty for none. With `verified` the certificate must
    be one that the authorities vouch for, for one of `names`: host names, addresses, or ends of
    names that begin with a dot and stand for any single label before it.
    """

    server_name: str
    verified: bool = False
    names: tuple[str, ...] = ()
    timeout_s: float = HANDSHAKE_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What was agreed on: `TLSv1.3`, the cipher's name, and the server's chain.

    `chain` is DER, the server's own certificate first, as it was sent.
    """

    version: str
    cipher: str
    chain: tuple[bytes, ...] = ()


class TlsFailure(ConnectionError):
    """A handshake that failed; the connection is of no more use.

    `result` is the result type of RFC 8460 §4.3; `certificate` says that the server's was to blame.
    """

    def __init__(
        self, why: str, result: str = "validation-failure", *, certificate: bool = False
    ) -> None:
        super().__init__(why)
        self.why = why
        self.result = result
        self.certificate = certificate


class ClientContexts:
    """The contexts of a process, each made when it is first wanted.

    `extra_ca` is a PEM file of authorities to believe beside those of the system.
    """

    def __init__(self, extra_ca: Path | None = None) -> None:
        self._extra_ca = extra_ca
        self._any: ssl.SSLContext | None = None
        self._verified: ssl.SSLContext | None = None
        self._loading = asyncio.Lock()

    async def context(self, *, verified: bool) -> ssl.SSLContext:
        """The one that checks certificates, or the one that takes any.

        Raises `TlsFailure` when the file of authorities can't be used.
        """
        if not verified:
            if self._any is None:
                self._any = _context()
            return self._any
        async with self._loading:
            if self._verified is None:
                self._verified = await asyncio.to_thread(_verifying_context, self._extra_ca)
        return self._verified


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False  # `ClientChannel` compares the names
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(_ANY_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    return context


def _verifying_context(extra_ca: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False  # `ClientChannel` compares the names
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if extra_ca is not None:
        try:
            context.load_verify_locations(extra_ca)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            why = f"the authorities in {extra_ca} can't be read: {error}"
            raise TlsFailure(why, certificate=True) from error
    return context


class ClientChannel(TlsChannel):
    """The client's side of a TLS session; every method may raise `ssl.SSLError`."""

    __slots__ = ()

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        super().__init__(context, server_side=False, server_name=_sni(server_name))

    def facts(self) -> TlsFacts:
        """What the handshake agreed on."""
        cipher = self._tls.cipher()
        return TlsFacts(self._tls.version() or "", cipher[0] if cipher else "", self._chain())

    def is_for(self, names: tuple[str, ...]) -> bool:
        """Whether the certificate, which was checked, is for one of the names."""
        certificate: Any = self._tls.getpeercert()
        if not certificate:
            return False
        presented = [
            text
            for kind, text in certificate.get("subjectAltName", ())
            if kind in ("DNS", "IP Address")
        ]
        return any_matches(presented, names)

    def _chain(self) -> tuple[bytes, ...]:
        public: Any = getattr(self._tls, "get_unverified_chain", None)  # from Python 3.13 on
        if public is not None:
            return tuple(public())
        inner: Any = getattr(self._tls, "_sslobj", None)
        if hasattr(inner, "get_unverified_chain"):
            found = inner.get_unverified_chain() or ()
            return tuple(ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in found)
        own = self._tls.getpeercert(binary_form=True)
        return () if own is None else (own,)


def failure_of(error: ssl.SSLError) -> TlsFailure:
    """What a failed handshake is told as."""
    if isinstance(error, ssl.SSLCertVerificationError):
        result = _RESULTS.get(error.verify_code, "validation-failure")
        return TlsFailure(
            f"the certificate is not valid: {error.verify_message}", result, certificate=True
        )
    return TlsFailure(f"TLS failed: {error.reason or error}")


def _sni(name: str) -> str | None:
    """The name as it may be asked for; addresses are not (RFC 6066 §3)."""
    name = name.rstrip(".")
    labels = name.split(".")
    if not name.isascii() or len(name) > 253 or not all(0 < len(one) < 64 for one in labels):
        return None
    return name
