"""What the schema says of one key of the settings, and how a schema's classes say it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pillarbox.app.config.kinds import Kind


@dataclass(frozen=True, slots=True)
class Setting:
    """What the schema says of one key; `default` is what the file would hold."""

    key: str
    kind: Kind
    default: str
    comment: str
    section: str
    secret: bool
    make: Callable[[], str] | None
    """Makes the value that is written into a new file, where the default would not do."""


def key(
    kind: Kind,
    default: str,
    comment: str,
    *,
    section: str = "",
    secret: bool = False,
    make: Callable[[], str] | None = None,
) -> Any:
    """A field of a schema: its name in capitals is the key; a `section` begins with it."""
    setting = (kind, default, comment, section, secret, make)
    return field(metadata={"setting": setting})
