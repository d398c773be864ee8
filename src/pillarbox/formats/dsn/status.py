"""The enhanced status code of a report, where there is one and where there is none.

Called by `pipeline/outbound/reports`; calls nothing of ours.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pillarbox.formats.dsn.model import Action

EXPIRED: Final = "4.4.7"
"""The time was up; RFC 3463 §3.5 has it as a persistent transient failure only."""

_CODE = re.compile(r"[245](\.[0-9]{1,3}\.[0-9]{1,3})\Z")
_BY_CODE: Final[Mapping[int, str]] = MappingProxyType(
    {550: ".1.1", 551: ".1.6", 552: ".2.2", 553: ".1.3", 554: ".7.1"}
)
_BY_STAGE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "route": ".4.4",
        "dns": ".4.4",
        "connect": ".4.1",
        "greeting": ".4.2",
        "ehlo": ".4.2",
        "tls": ".7.5",
        "auth": ".7.8",
        "local": ".2.0",
        "suppressed": ".7.1",
    }
)
_CLASS: Final[Mapping[Action, str]] = MappingProxyType({Action.FAILED: "5", Action.DELAYED: "4"})


def status_of(action: Action, enhanced: str | None, code: int | None, stage: str) -> str:
    """The status of a recipient: the peer's own, with the class that fits the action.

    A peer that gave none is read by its reply code, and for a finding of ours the stage tells.
    """
    class_ = _CLASS.get(action, "2")
    own = _CODE.match(enhanced or "")
    if own is not None:
        return class_ + own[1]
    if class_ == "2":
        return "2.1.5" if action is Action.DELIVERED else "2.0.0"
    if code is not None:
        return class_ + _BY_CODE.get(code, ".0.0")
    return class_ + _BY_STAGE.get(stage, ".0.0")
