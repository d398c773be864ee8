"""IMAP BODY and BODYSTRUCTURE of a message, ready to send (RFC 9051 §7.5.2).

Printed once at arrival from the part index and stored. Called by `summary`; calls `envelope` for
nested messages.
"""

from pillarbox.formats.mime.content import Params
from pillarbox.formats.mime.envelope import print_envelope
from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.strings import print_ntext, print_text


def print_body(part: Part, message: bytes, extended: bool) -> bytes:
    """BODYSTRUCTURE if `extended`, else BODY, of the part and all below it."""
    if part.type == "multipart" and part.children:
        inner = b"".join([print_body(child, message, extended) for child in part.children])
        if not extended:
            return b"(%b %b)" % (inner, print_text(part.subtype))
        return b"(%b %b %b%b)" % (
            inner,
            print_text(part.subtype),
            _params(part.params),
            _extension(part),
        )
    kind, subtype = _kind(part)
    answers = [
        print_text(kind),
        print_text(subtype),
        _params(part.params),
        print_ntext(part.content_id),
        print_ntext(part.description),
        print_text(part.encoding),
        b"%d" % part.size_bytes,
    ]
    if part.is_message:
        child = part.children[0]
        answers.append(print_envelope(message, child))
        answers.append(print_body(child, message, extended))
        answers.append(b"%d" % part.lines)
    elif kind == "text":
        answers.append(b"%d" % part.lines)
    if extended:
        answers.append(print_ntext(part.md5) + _extension(part))
    return b"(" + b" ".join(answers) + b")"


def _kind(part: Part) -> tuple[str, str]:
    """The type as which a part without parts is shown.

    A container that was not looked into would have to name its content, so it is shown as data.
    """
    if not part.children and (
        part.type == "multipart"
        or (part.type == "message" and part.subtype in ("rfc822", "global"))
    ):
        return "application", "octet-stream"
    return part.type, part.subtype


def _params(params: Params) -> bytes:
    if not params:
        return b"NIL"
    return b"(" + b" ".join([print_text(text) for pair in params for text in pair]) + b")"


def _extension(part: Part) -> bytes:
    """Disposition, language and location, each after a space."""
    if part.disposition is None and not part.language and part.location is None:
        return b" NIL NIL NIL"
    disposition = language = b"NIL"
    if part.disposition is not None:
        disposition = b"(%b %b)" % (print_text(part.disposition), _params(part.disposition_params))
    if part.language:
        language = b"(%b)" % b" ".join([print_text(tag) for tag in part.language])
    return b" %b %b %b" % (disposition, language, print_ntext(part.location))
