"""What others may ask of a scanner, whichever it is."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Scan:
    """What a virus scanner says: the name of a virus, or why it did not look, or nothing."""

    virus: str = ""
    skipped: str = ""


class Scanner(Protocol):
    """Looks for viruses."""

    async def scan(self, content: bytes) -> Scan:
        """Look at a whole message; raises `Unavailable`."""
        ...
