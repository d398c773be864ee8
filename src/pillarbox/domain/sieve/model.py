"""Values of Sieve scripts as they are kept."""

from dataclasses import dataclass
from enum import StrEnum

from pillarbox.base.errors import Denied, OverQuota

TOPIC = "sieve"
"""The bus topic: whoever keeps scripts in memory drops them at a hint."""

NAME_CHARACTERS = 128
"""Of a script's name (RFC 5804 §1.6)."""


@dataclass(frozen=True, slots=True)
class ScriptQuota:
    """What a user's scripts may come to: how many, and how large each may be."""

    scripts: int = 5
    script_bytes: int = 32 * 1024


@dataclass(frozen=True, slots=True)
class ScriptInfo:
    """A user's script without its text; of each user one at most is `active`.

    `version` is another one whenever the text changed, and never again one that was.
    """

    id: int
    name: str
    active: bool
    size_bytes: int
    changed_ms: int
    version: int = 0


@dataclass(frozen=True, slots=True)
class Script:
    """A user's script; `content` is its text in UTF-8."""

    info: ScriptInfo
    content: bytes


class Phase(StrEnum):
    """When a script of the site runs: around the user's own, or where that includes it."""

    BEFORE = "before"
    AFTER = "after"
    INCLUDE = "include"


@dataclass(frozen=True, slots=True)
class GlobalScript:
    """A script of the site; `domain` is empty where it is for the whole server.

    Of one phase the lower `position` runs first. `version` is as in `ScriptInfo`.
    """

    id: int
    domain: str
    phase: Phase
    name: str
    content: bytes
    position: int
    enabled: bool
    changed_ms: int = 0
    version: int = 0


class ScriptActive(Denied):
    """The active script can't be deleted (RFC 5804 §2.10)."""


class NoRoomForScript(OverQuota):
    """A script would be over the quota; `what` is "scripts" or "size"."""

    temporary = False
    what = ""


class TooManyScripts(NoRoomForScript):
    """The user has as many scripts as there may be."""

    what = "scripts"


class ScriptTooLarge(NoRoomForScript):
    """The script is larger than one may be."""

    what = "size"
