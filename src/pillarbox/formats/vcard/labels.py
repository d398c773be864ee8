"""Labels of properties: Apple's programs put them into a property of the same group."""

from collections.abc import Iterable
from types import MappingProxyType

from pillarbox.formats.content_line import ContentLine

ANNIVERSARY_LABEL = "_$!<Anniversary>!$_"
RELATION_LABELS = MappingProxyType(
    {
        "spouse": "_$!<Spouse>!$_",
        "child": "_$!<Child>!$_",
        "parent": "_$!<Parent>!$_",
        "sibling": "_$!<Sibling>!$_",
        "friend": "_$!<Friend>!$_",
        "sweetheart": "_$!<Partner>!$_",
        "agent": "_$!<Assistant>!$_",
    }
)
"""By the TYPE of RELATED (RFC 6350 §6.6.6)."""
RELATION_TYPES = MappingProxyType(
    {label: kind for kind, label in RELATION_LABELS.items()}
    | {
        "_$!<Mother>!$_": "parent",
        "_$!<Father>!$_": "parent",
        "_$!<Brother>!$_": "sibling",
        "_$!<Sister>!$_": "sibling",
        "_$!<Son>!$_": "child",
        "_$!<Daughter>!$_": "child",
        "_$!<Husband>!$_": "spouse",
        "_$!<Wife>!$_": "spouse",
        "_$!<Partner>!$_": "sweetheart",
    }
)


def labels_of(lines: Iterable[ContentLine]) -> dict[str, str]:
    """The label of each group that has one, groups in small letters."""
    found: dict[str, str] = {}
    for line in lines:
        if line.name == "X-ABLABEL" and line.group:
            found.setdefault(line.group.lower(), line.value.strip())
    return found
