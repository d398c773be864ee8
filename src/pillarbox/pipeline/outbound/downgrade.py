"""Messages in a form that an older server takes: without 8-bit, without UTF-8 in the header.

Part by part, by quoted-printable or base64 (RFC 6152 §3); what is not in the way stays byte for
byte. Signatures that others made do not survive it, so parts that are signed are not touched: then
the message can't be sent there. Called by `transmit`, in a thread if it is large; calls
`formats/mime`.
"""

import binascii
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass

from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.scan import ScanLimits, scan
from pillarbox.formats.mime.words import decode_base64
from pillarbox.pipeline.outbound.downgrade_header import NotPossible, ascii_value, folded
from pillarbox.wire.smtp.client import MAX_TEXT_LINE_BYTES, has_long_line
from pillarbox.wire.smtp.data import has_bare_newline

__all__ = ["NotPossible", "downgrade", "with_crlf"]

_LIMITS = ScanLimits()
_IDENTITY = ("7bit", "8bit", "binary")
_FIELD = re.compile(rb"([!-9;-~\x80-\xff]+)[ \t]*:(.*)", re.DOTALL)
_LINE_END = re.compile(rb"\r\n|\r|\n")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_NESTED = ("rfc822", "global")
_SIGNED = "The message is signed by its sender, and the server can't take it as it is"


def with_crlf(content: bytes) -> bytes:
    """`content` with every CR or LF that stands alone made a line end (RFC 5321 §2.3.8).

    Left as they are, the next server might see the end of the message there.
    """
    return _LINE_END.sub(b"\r\n", content)


def downgrade(content: bytes, *, eight_bit: bool, utf8: bool, binary: bool = False) -> bytes:
    """The message with nothing in it that the peer can't take, and no line over 998 octets.

    `eight_bit`, `utf8` and `binary` say whether 8-bit bodies, UTF-8 in headers and binary bodies
    may stay. Lines must end with CRLF but in binary parts. Raises `NotPossible`.
    """
    takes = _Takes(eight_bit, utf8, binary)
    made = b"".join(_Rewriter(content, takes).message(scan(content, _LIMITS)))
    if not takes.all_of(made):
        raise NotPossible("5.6.1", "The message can't be converted for a server that is this old")
    return made


@dataclass(frozen=True, slots=True)
class _Takes:
    eight_bit: bool
    utf8: bool
    binary: bool

    def all_of(self, text: bytes) -> bool:
        """Whether a body may stay as it is."""
        if self.binary:
            return True
        if not self.eight_bit and not text.isascii():
            return False
        if b"\0" in text:  # only binary parts may have one (RFC 2045 §2.8)
            return False
        return not has_long_line(text) and not has_bare_newline(text)


class _Rewriter:
    """One message; every method gives pieces that together take the place of what it was given."""

    def __init__(self, data: bytes, takes: _Takes) -> None:
        self._data = data
        self._takes = takes

    def message(self, part: Part) -> Iterator[bytes]:
        """A part and what lies around it, up to the end of the message."""
        yield from self._part(part, whole=True)
        yield self._text_between(part.body_end, len(self._data))

    def _part(self, part: Part, *, whole: bool = False) -> Iterator[bytes]:
        data = self._data
        header = data[part.header_start : part.body_start]
        if part.children:
            # A multipart without a delimiter has one child, which is all of it.
            first = part.children[0]
            if part.type != "multipart" or first.body_start > first.header_start:
                yield from self._container(part, header)
                return
        body = data[part.body_start : part.body_end]
        encoding = part.encoding
        made, encoding = self._body(part, body, encoding)
        changed = encoding if encoding != part.encoding else ""
        if changed and not header and not whole:
            raise NotPossible("5.6.1", "A part of the message has no header to say how it is sent")
        yield self._header(header, changed, whole=whole, typed=part)
        yield made

    def _container(self, part: Part, header: bytes) -> Iterator[bytes]:
        """A multipart or a message within the message."""
        data, takes = self._data, self._takes
        pieces: list[bytes] = []
        at = part.body_start
        for number, child in enumerate(part.children):
            pieces.append(self._text_between(at, child.header_start))
            made = b"".join(self._part(child, whole=part.type == "message"))
            was = data[child.header_start : child.body_end]
            if not number and part.subtype == "signed" and made != was:
                raise NotPossible("5.6.3", _SIGNED)
            pieces.append(made)
            at = child.body_end
        pieces.append(self._text_between(at, part.body_end))
        # What a container says of its own encoding is about the parts (RFC 2045 §6.4).
        encoding = part.encoding
        if encoding == "binary" and not takes.binary:
            encoding = "8bit"
        if encoding == "8bit" and not takes.eight_bit:
            encoding = "7bit"
        changed = encoding if encoding != part.encoding else ""
        yield self._header(header, changed, whole=False, typed=part)
        yield from pieces

    def _text_between(self, start: int, end: int) -> bytes:
        """Delimiters, and what nobody reads before and after them."""
        text = self._data[start:end]
        if not text or self._takes.all_of(text):
            return text
        lines = []
        for line in _LINE_END.sub(b"\r\n", text).split(b"\r\n"):
            if not line.startswith(b"--"):
                line = line[:MAX_TEXT_LINE_BYTES]
                line = line if self._takes.eight_bit else _NOT_ASCII.sub(b"?", line)
            lines.append(line.replace(b"\0", b"?"))
        return b"\r\n".join(lines)

    def _body(self, part: Part, body: bytes, encoding: str) -> tuple[bytes, str]:
        """The body of a leaf as it may be sent, and how it is encoded then."""
        takes = self._takes
        if encoding == "binary" and not takes.binary:
            if takes.all_of(body):
                return body, "7bit" if body.isascii() else "8bit"
        elif takes.all_of(body):
            if encoding == "8bit" and not takes.eight_bit:
                encoding = "7bit"
            return body, encoding
        return _encoded(part, body)

    def _header(self, block: bytes, encoding: str, *, whole: bool, typed: Part) -> bytes:
        """A header block whose fields can be sent, with another encoding if one is given."""
        plain = self._takes.utf8 or block.isascii()
        if plain and not encoding and not has_long_line(block):
            return block
        out: list[bytes] = []
        names: set[bytes] = set()
        fields, end = _split_header(block)
        for field in fields:
            found = _FIELD.fullmatch(field)
            if found is None:
                out.append(_odd_line(field, self._takes))
                continue
            name = found[1].lower()
            if encoding and name == b"content-transfer-encoding":
                continue
            names.add(name)
            if not self._takes.utf8 and not field.isascii():
                made = ascii_value(name, found[2])
                if made is None:
                    continue
                field = found[1] + b": " + made + b"\r\n"
            out.append(folded(field) if has_long_line(field) else field)
        if encoding:
            if whole and b"mime-version" not in names:
                out.append(b"MIME-Version: 1.0\r\n")
            if b"content-type" not in names and encoding == "quoted-printable":
                charset = _charset(self._data[typed.body_start : typed.body_end])
                out.append(b"Content-Type: text/plain; charset=" + charset + b"\r\n")
            out.append(f"Content-Transfer-Encoding: {encoding}\r\n".encode("ascii"))
            end = end or b"\r\n"
        return b"".join(out) + end


def _split_header(block: bytes) -> tuple[list[bytes], bytes]:
    """The fields of a header block with their folding, and the blank line if there is one."""
    lines = [line for line in re.split(rb"(?<=\n)", block) if line]
    end = b""
    if lines and lines[-1].strip(b"\r\n") == b"":
        end = lines.pop()
    fields: list[list[bytes]] = []
    for line in lines:
        if line[:1] in b" \t" and fields:
            fields[-1].append(line)
        else:
            fields.append([line])
    joined = [b"".join(lines) for lines in fields]
    return [one if one.endswith(b"\n") else one + b"\r\n" for one in joined], end


def _odd_line(line: bytes, takes: _Takes) -> bytes:
    """A line of a header that is no field, such as `From ` of a mailbox file."""
    text = line.rstrip(b"\r\n")[:MAX_TEXT_LINE_BYTES]
    return (text if takes.utf8 else _NOT_ASCII.sub(b"?", text)) + b"\r\n"


def _charset(body: bytes) -> bytes:
    try:
        body.decode()
    except UnicodeDecodeError:
        return b"unknown-8bit"  # RFC 1428 §3
    return b"us-ascii" if body.isascii() else b"utf-8"


def _encoded(part: Part, body: bytes) -> tuple[bytes, str]:
    """A body as something that any server takes, and how it is encoded then."""
    encoding = part.encoding
    if encoding == "base64":
        return _base64_lines(decode_base64(body)), encoding
    if encoding == "quoted-printable":
        return _quoted(binascii.a2b_qp(body)), encoding
    if encoding not in _IDENTITY:
        raise NotPossible("5.6.1", f"A part of the message is encoded as {encoding[:40]}")
    if part.type == "multipart" or (part.type == "message" and part.subtype in _NESTED[:1]):
        raise NotPossible("5.6.1", "A part of the message is nested too deeply to be converted")
    if part.type == "message" and not part.subtype.startswith("global"):
        raise NotPossible("5.6.1", f"A part of type message/{part.subtype[:40]} can't be encoded")
    if part.type == "text" and not has_bare_newline(body):
        return _quoted(body), "quoted-printable"
    return _base64_lines(body), "base64"


def _quoted(body: bytes) -> bytes:
    """Quoted-printable, its soft line breaks with CRLF (RFC 2045 §6.7)."""
    made = binascii.b2a_qp(body, istext=True)
    # Python takes the kind of the soft ones from the first line end, if there is one.
    return _LINE_END.sub(b"\r\n", made)


def _base64_lines(body: bytes) -> bytes:
    encoded = b64encode(body)
    lines = [encoded[at : at + 76] for at in range(0, len(encoded), 76)]
    return b"\r\n".join(lines)
