"""TLS towards other servers: the contexts, what is asked of a handshake, what it comes to.

Handshakes either check the certificate against the authorities of the system, or take any: that is
for TLS where it can be had, and for DANE, whose own check is in `net/dane`.
"""

from dataclasses import dataclass

HANDSHAKE_TIMEOUT_S = 30.0


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

    `result` is the result type of RFC 8460 §4.3 where the certificate was to blame, else
    `validation-failure`. `certificate` says that it was.
    """

    def __init__(
        self, why: str, result: str = "validation-failure", *, certificate: bool = False
    ) -> None:
        super().__init__(why)
        self.why = why
        self.result = result
        self.certificate = certificate
