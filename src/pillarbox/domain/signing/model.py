"""Values of signing: keys and what becomes of them."""

from dataclasses import dataclass
from enum import IntEnum

from pillarbox.base.ids import DomainId
from pillarbox.formats.mailauth.keys import KeyAlgorithm, key_bits, key_record
from pillarbox.formats.mailauth.signature import record_name

TOPIC = "dkim"
"""The bus topic of keys: whoever keeps some in memory drops them at a hint."""


class KeyState(IntEnum):
    """Where a key is in its life.

    Its record is to be published in every state but the last, in which the private key is gone.
    """

    PREPARED = 1
    ACTIVE = 2
    RETIRING = 3
    RETIRED = 4


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that is to be kept; `private` is PKCS #8, in clear."""

    selector: str
    algorithm: KeyAlgorithm
    private: bytes
    public: bytes

    def __repr__(self) -> str:
        return f"NewKey({self.selector!r}, {self.algorithm!r})"  # the key is nobody's to read


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A key of a domain, without its private half.

    `published_ms` is since when the DNS has shown its record, `None` where it did not when it was
    last asked, at `checked_ms`.
    """

    id: int
    domain_id: DomainId
    selector: str
    algorithm: KeyAlgorithm
    public: bytes
    state: KeyState
    created_ms: int
    activated_ms: int | None
    retired_ms: int | None
    published_ms: int | None
    checked_ms: int | None

    @property
    def bits(self) -> int:
        """Its length."""
        return key_bits(self.algorithm, self.public)

    @property
    def record(self) -> str:
        """The text of the TXT record that publishes it."""
        return key_record(self.algorithm, self.public)

    def record_name(self, domain: str) -> str:
        """Where the record belongs, for the domain of that name."""
        return record_name(self.selector, domain)
