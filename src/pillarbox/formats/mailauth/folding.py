"""Writing signature fields: tags on lines that stay short."""

from base64 import b64encode
from collections.abc import Iterable

from pillarbox.formats.mailauth.message import SignedField

LINE = 76
_INDENT = "\r\n\t"


def folded_list(names: Iterable[str]) -> str:
    """The value of h=, with colons between the names, folded at colons."""
    lines = [""]
    for name in names:
        piece = name if lines == [""] else ":" + name
        if len(lines[-1]) + len(piece) > LINE - 4:
            lines.append("")
        lines[-1] += piece
    return (_INDENT + " ").join(lines)


def folded_base64(octets: bytes) -> str:
    """Octets in base64, folded."""
    text = b64encode(octets).decode()
    width = LINE - 4
    return (_INDENT + " ").join(text[at : at + width] for at in range(0, len(text), width))


def folded_tags(start: str, tags: Iterable[tuple[str, str]]) -> str:
    """`start` and tags with semicolons between them; a new line where one would be too long."""
    lines = [start]
    for name, value in tags:
        piece = f" {name}={value};"
        if lines[-1] and len(lines[-1]) + len(piece) > LINE:
            lines.append("")
        lines[-1] += piece if lines[-1] else piece[1:]
        if "\n" in piece:  # what comes behind a folded value begins a line
            lines.append("")
    return _INDENT.join(line for line in lines if line).removesuffix(";")


def unsigned_field(name: str, tags: Iterable[tuple[str, str]]) -> SignedField:
    """A field whose last tag is to be an empty b=, without line end."""
    text = f"{folded_tags(name + ':', tags)};{_INDENT}b="
    return SignedField(name.lower().encode(), text.encode())


def signed_field(unsigned: SignedField, signature: bytes) -> bytes:
    """The whole field with its signature."""
    return unsigned.whole + folded_base64(signature).encode() + b"\r\n"
