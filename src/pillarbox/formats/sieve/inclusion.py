"""Scripts that others include."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A script that another one includes (RFC 6609); `personal` or else a global one."""

    name: str
    personal: bool = True
