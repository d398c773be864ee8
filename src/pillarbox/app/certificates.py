"""The server's certificate: whichever the settings ask for, renewed and read again in time."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pillarbox.app.config.options import Options
from pillarbox.base.errors import Unavailable
from pillarbox.net import certs
from pillarbox.storage.keys import KeyRing

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class CertificateError(Exception):
    """The certificate can't be used; the text says which file and why."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where certificate and key come from: TLS_CERT and TLS_KEY, or the data folder."""

    options: Options
    store: certs.SelfSigned

    @classmethod
    def of(cls, options: Options, data: Path, keys: KeyRing) -> "Certificates":
        """The certificates of a data folder."""
        sealer = keys.system("tls")
        return cls(options, certs.SelfSigned(data / "tls", sealer.seal, sealer.open))

    def due(self) -> bool:
        """Whether a self-signed one is wanted and missing, or ends within a month."""
        wanted = self.options.tls_mode == "self-signed"
        return wanted and self.store.due(self._names(), datetime.now(UTC))

    def ensure(self) -> None:
        """Make a self-signed one if that is `due`.

        Needs much memory for a moment: call it in a process that ends.
        """
        if self.due():
            self.store.ensure(self._names(), datetime.now(UTC))

    def context(self) -> ssl.SSLContext | None:
        """A context with the certificate as it is now; `None` where TLS is off.

        Raises `CertificateError`.
        """
        options = self.options
        if options.tls_mode == "off":
            return None
        if options.tls_mode == "file" and options.tls_cert and options.tls_key:
            return _of_files(options.tls_cert, options.tls_key)
        try:
            return certs.server_context(self.store.load())
        except Unavailable as error:
            raise CertificateError(
                f"The key of the certificate in {self.store.folder} was sealed with another"
                " ENCRYPTION_KEY. Bring that back from your copy of the configuration; where there"
                " is no mail to lose, remove the folder."
            ) from error
        except (OSError, ssl.SSLError) as error:
            raise CertificateError(f"The certificate in {self.store.folder}: {error}") from error

    def version(self) -> float:
        """Changes when the files do."""
        return self._changed_s()

    def _names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.options.hostname, *_LOOPBACK)))

    def _changed_s(self) -> float:
        options = self.options
        path = options.tls_cert if options.tls_mode == "file" else None
        try:
            return (path or self.store.path).stat().st_mtime
        except OSError:
            return 0.0


def require_files(options: Options) -> None:
    """Raise `CertificateError` where TLS_CERT and TLS_KEY are wanted and can't be used."""
    if options.tls_mode == "file" and options.tls_cert and options.tls_key:
        _of_files(options.tls_cert, options.tls_key)


def _of_files(chain: Path, key: Path) -> ssl.SSLContext:
    try:
        return certs.server_context_of_files(chain, key)
    except ssl.SSLError as error:
        reason = error.reason or str(error)
        if reason == "KEY_VALUES_MISMATCH":
            reason = "the key is not that of the certificate"
        raise CertificateError(f"TLS_CERT = {chain}, TLS_KEY = {key}: {reason}") from error
    except OSError as error:
        raise CertificateError(
            f"TLS_CERT = {chain}, TLS_KEY = {key}: {error.strerror or error}"
        ) from error
