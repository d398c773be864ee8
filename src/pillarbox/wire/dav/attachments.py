"""Requests that change managed attachments: the query of a POST (RFC 8607 §3.3)."""

import re
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import parse_qsl, unquote

from pillarbox.base.errors import GrammarError

MAX_RIDS: Final = 100

_RID = re.compile(r"M|[0-9]{8}(?:T[0-9]{6}Z?)?")
_MANAGED_ID = re.compile(r"[\x21-\x7e]{1,255}")
_FILENAME = re.compile(
    r"""filename[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*+)"|([^\s;"]+))""", re.IGNORECASE
)
_ENCODED = re.compile(
    r"filename\*[ \t]*=[ \t]*(utf-8|iso-8859-1)'[^']*'([^\s;\"']+)", re.IGNORECASE
)


class Action(Enum):
    """What is done with an attachment."""

    ADD = "attachment-add"
    UPDATE = "attachment-update"
    REMOVE = "attachment-remove"


@dataclass(frozen=True, slots=True)
class AttachmentRequest:
    """`rids` are recurrence ids of the instances meant, `M` for the master; none is all of them."""

    action: Action
    managed_id: str | None = None
    rids: tuple[str, ...] = ()


def parse_attachment_query(query: str) -> AttachmentRequest | None:
    """The query of a POST to a calendar object; `None` if it is not about attachments."""
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, max_num_fields=20, encoding="utf-8", errors="strict"
        )
    except ValueError:
        raise GrammarError("The query is not understood.") from None
    fields = dict(pairs)
    if "action" not in fields:
        return None
    if len(fields) != len(pairs):
        raise GrammarError("The query says something twice.")
    action = next((one for one in Action if one.value == fields["action"]), None)
    if action is None:
        raise GrammarError("The action is not known.")
    managed_id = fields.get("managed-id")
    if (managed_id is None) != (action is Action.ADD):
        raise GrammarError("A managed-id goes with attachment-update and attachment-remove.")
    if managed_id is not None and _MANAGED_ID.fullmatch(managed_id) is None:
        raise GrammarError("The managed-id is none.")
    rids = tuple(dict.fromkeys(filter(None, fields.get("rid", "").split(","))))
    if len(rids) > MAX_RIDS or any(_RID.fullmatch(rid) is None for rid in rids):
        raise GrammarError("The rid is no list of recurrence ids.")
    if rids and action is Action.UPDATE:
        raise GrammarError("An attachment is updated in all instances.")
    return AttachmentRequest(action, managed_id, rids)


def disposition_filename(value: str) -> str | None:
    """The filename in a Content-Disposition field, without folders and control characters.

    `filename*` counts before `filename` (RFC 6266 §4.3), which may be in UTF-8.
    """
    encoded = _ENCODED.search(value[:2048])
    found = _FILENAME.search(value[:2048])
    if encoded is not None:
        name = unquote(encoded[2], encoding=encoded[1], errors="replace")
    elif found is not None:
        name = found[2] if found[1] is None else re.sub(r"\\(.)", r"\1", found[1])
        with suppress(UnicodeError):
            name = name.encode("latin-1").decode("utf-8")
    else:
        return None
    name = re.split(r"[/\\]", name)[-1]
    return "".join(char for char in name if char.isprintable())[:255] or None
