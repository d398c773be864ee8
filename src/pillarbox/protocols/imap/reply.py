"""The tagged answer of a command that worked; the ones that did not are exceptions (`errors`)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """What follows the tag: text, and a response code without brackets where there is one."""

    text: str
    code: bytes | None = None
    status: str = "OK"
