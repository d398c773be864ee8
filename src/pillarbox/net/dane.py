"""TLSA records and whether a chain of certificates satisfies them (RFC 6698, RFC 7672)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tlsa:
    """A TLSA record (RFC 6698 §2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes
