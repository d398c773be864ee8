"""The card of a user, group or resource of this server, for the directory of a domain."""

from dataclasses import dataclass
from enum import StrEnum

from pillarbox.formats.content_line import ContentLine, encode_text
from pillarbox.formats.vcard.card import Card


class EntryKind(StrEnum):
    """What an entry is, as KIND has it (RFC 6350 §6.1.4, RFC 6869 §3)."""

    USER = "individual"
    GROUP = "group"
    ROOM = "location"
    RESOURCE = "device"


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """Someone or something with an address here; `members` are UIDs of other entries' cards."""

    uid: str
    kind: EntryKind
    address: str
    name: str = ""
    organization: str = ""
    members: tuple[str, ...] = ()


def directory_card(entry: DirectoryEntry) -> Card:
    """The card of an entry, in version 3.0, which every client knows.

    The same entry always makes the same card.
    """
    name = entry.name.strip() or entry.address.partition("@")[0]
    lines = [
        ContentLine("VERSION", "3.0"),
        ContentLine("PRODID", "-//pillarbox//directory//EN"),
        ContentLine("UID", entry.uid),
        ContentLine("FN", encode_text(name)),
        ContentLine("N", _structured(name) if entry.kind is EntryKind.USER else _whole(name)),
        ContentLine("EMAIL", entry.address, [("TYPE", ["INTERNET", "pref"])]),
    ]
    if entry.organization:
        lines.append(ContentLine("ORG", encode_text(entry.organization)))
    if entry.kind is not EntryKind.USER:
        lines.append(ContentLine("X-ADDRESSBOOKSERVER-KIND", entry.kind.value))
    lines += [ContentLine("X-ADDRESSBOOKSERVER-MEMBER", f"urn:uuid:{uid}") for uid in entry.members]
    return Card("3.0", lines)


def _structured(name: str) -> str:
    """The last word as family name: the best guess there is where only the whole is known."""
    given, _, family = name.rpartition(" ")
    return f"{encode_text(family)};{encode_text(given.strip())};;;"


def _whole(name: str) -> str:
    return f"{encode_text(name)};;;;"
