"""Who is at the other end, as the use cases see it; the faces make one per connection."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """What is known of a client before it logs in.

    `protocol` is the face's name (`imap`, `submission`, …), `session` the short id that the
    connection has in the log, and `trusted` whether `ip` lies in TRUSTED_NETWORKS.
    """

    ip: str
    protocol: str
    tls: bool
    trusted: bool
    session: str
