"""The IMAP ENVELOPE of a message, ready to send (RFC 9051 §7.5.2).

Printed once at arrival and stored. Header text is unfolded, encoded words stay as they are: clients
decode them. Called by `summary` and, for nested messages, `bodystructure`.
"""

from pillarbox.formats.address import Group, Mailbox, parse_address_list
from pillarbox.formats.mime.header import Headers
from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.strings import print_nstring, print_string

AddressLists = dict[bytes, list[Mailbox | Group]]

ADDRESS_FIELDS = (b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc")


def print_envelope(message: bytes, root: Part) -> bytes:
    """The envelope of the message whose root part this is (maybe a nested one)."""
    headers = Headers(message[root.header_start : root.body_start])
    return print_headers(headers, address_lists(headers))


def address_lists(headers: Headers) -> AddressLists:
    """The parsed address fields, by lower-case name; fields that are absent or empty are left out.

    A field that was split over several is read as one list.
    """
    found: AddressLists = {}
    for name in ADDRESS_FIELDS:
        raw = headers.joined(name)
        if raw:
            entries = parse_address_list(raw)
            if entries:
                found[name] = entries
    return found


def print_headers(headers: Headers, lists: AddressLists) -> bytes:
    """The envelope these headers and address lists give."""
    first = headers.first
    sender = _print_list(lists.get(b"from"))
    answers = (
        print_nstring(first(b"date")),
        print_nstring(first(b"subject")),
        sender,
        _print_list(lists[b"sender"]) if b"sender" in lists else sender,
        _print_list(lists[b"reply-to"]) if b"reply-to" in lists else sender,
        _print_list(lists.get(b"to")),
        _print_list(lists.get(b"cc")),
        _print_list(lists.get(b"bcc")),
        print_nstring(first(b"in-reply-to")),
        print_nstring(first(b"message-id")),
    )
    return b"(" + b" ".join(answers) + b")"


def _print_list(entries: list[Mailbox | Group] | None) -> bytes:
    if not entries:
        return b"NIL"
    out: list[bytes] = []
    for entry in entries:
        if isinstance(entry, Mailbox):
            out.append(_print_mailbox(entry))
        else:
            out.append(b"(NIL NIL %b NIL)" % print_string(entry.name_raw))
            out.extend([_print_mailbox(member) for member in entry.members])
            out.append(b"(NIL NIL NIL NIL)")
    return b"(" + b"".join(out) + b")"


def _print_mailbox(mailbox: Mailbox) -> bytes:
    # A host of NIL would begin a group, so an absent domain is an empty string.
    name, route = print_nstring(mailbox.name_raw), print_nstring(mailbox.route)
    local, domain = print_string(mailbox.local), print_string(mailbox.domain)
    return b"(" + b" ".join((name, route, local, domain)) + b")"
