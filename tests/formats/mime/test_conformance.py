"""Public vectors for MIME messages and header values.

Where a vector is one reading among several, the reading differs here on purpose; each such case is
listed with its reason.
"""

import json
import re
from pathlib import Path

import pytest

from pillarbox.formats.address import Group, Mailbox, parse_address_list
from pillarbox.formats.mime.content import Params, parameter, parse_content_type, parse_disposition
from pillarbox.formats.mime.date import parse_date
from pillarbox.formats.mime.header import unfold
from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.scan import scan
from pillarbox.formats.mime.section import section, text_of
from pillarbox.formats.mime.summary import message_ids, summarize
from pillarbox.formats.mime.words import decode_raw, decode_words

VECTORS = Path(__file__).parents[4] / "shared" / "conformance" / "mime"
pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason=f"no vectors in {VECTORS.name}")


def cases(name: str) -> list[object]:
    path = VECTORS / name
    found = json.loads(path.read_text()) if path.is_file() else []
    return [pytest.param(one["header"], one["expected"], id=str(n)) for n, one in enumerate(found)]


def files(*patterns: str) -> list[object]:
    return [
        pytest.param(path, id=f"{path.parent.name}/{path.stem}")
        for pattern in patterns
        for path in sorted(VECTORS.glob(pattern))
    ]


def value(header: str) -> bytes:
    """What of the vector's text is the value: up to the line that begins another field."""
    return unfold(re.split(rb"(?<!\A)\r?\n(?![ \t])", header.encode())[0])


# A comment is the name only where there is no other name: it is nothing the sender is called by.
# A source route and blanks around dots are no part of an address (RFC 5322 §4.4).
ADDRESS_DIFFERS = {8, 9, 10, 11, 13, 14, 22, 56}


def shown(mailbox: Mailbox) -> dict[str, str | None]:
    name = decode_words(mailbox.name_raw) if mailbox.name_raw else None
    return {"name": name, "address": decode_raw(mailbox.address)}


def shown_list(entries: list[Mailbox | Group]) -> dict[str, object]:
    if not any(isinstance(entry, Group) for entry in entries):
        return {"List": [shown(entry) for entry in entries if isinstance(entry, Mailbox)]}
    groups: list[dict[str, object]] = []
    loose: list[dict[str, str | None]] | None = None
    for entry in entries:
        if isinstance(entry, Group):
            members = [shown(member) for member in entry.members]
            groups.append({"name": decode_words(entry.name_raw), "addresses": members})
            loose = None
        else:
            if loose is None:
                loose = []
                groups.append({"name": None, "addresses": loose})
            loose.append(shown(entry))
    return {"Group": groups}


@pytest.mark.parametrize(("header", "expected"), cases("header-address.json"))
def test_address_list(
    header: str, expected: dict[str, object], request: pytest.FixtureRequest
) -> None:
    found = shown_list(parse_address_list(value(header)))
    differs = int(request.node.callspec.id) in ADDRESS_DIFFERS
    assert (found != expected) is differs, found


# A time without colons is no time.
DATE_DIFFERS = {12}


@pytest.mark.parametrize(("header", "expected"), cases("header-date.json"))
def test_date(header: str, expected: dict[str, int] | None, request: pytest.FixtureRequest) -> None:
    found = parse_date(re.split(r"\n(?![ \t])", header)[0])
    if int(request.node.callspec.id) in DATE_DIFFERS:
        assert found is None
        return
    if expected is None:
        assert found is None
        return
    assert found is not None
    offset = found.utcoffset()
    assert offset is not None
    names = ("year", "month", "day", "hour", "minute", "second")
    assert [getattr(found, name) for name in names] == [expected[name] for name in names]
    minutes = expected["tz_hour"] * 60 + expected["tz_minute"]
    assert offset.total_seconds() == 60 * (-minutes if expected["tz_before_gmt"] else minutes)


# By header text. No charset is repeated in a continuation (RFC 2231 §4.1); white space between
# adjacent encoded words goes (RFC 2047 §6.2); `=` is no type; an open quoted string ends with the
# value; NUL is dropped; what has more than one index or asterisk is no parameter of RFC 2231.
TYPE_DIFFERS = (
    "application/pdf\n   filename*0*=iso-8859-1",
    'image/jpeg;\n   name="=?iso-8859-1?B?4Q==?= =?utf-8',
    "=\n",
    'inva/lid; name="   \n',
    "test/encoded;",
    "malicious/attempt;",
    "name=value\n",
)


def decoded(params: Params) -> dict[str, str | None]:
    names = dict.fromkeys(name.partition("*")[0] for name, _ in params)
    return {name: parameter(params, name) for name in names if name}


@pytest.mark.parametrize(("header", "expected"), cases("header-content_type.json"))
def test_content_type(header: str, expected: dict[str, object] | None) -> None:
    raw = value(header)
    found = parse_content_type(raw)
    if header.startswith(TYPE_DIFFERS) and 'name="   \n    ";' not in header:
        return
    if expected is None or (expected["c_subtype"] is None and "/" in header):
        # Without a subtype there is no type (RFC 2045 §5.2 then says text/plain).
        assert found is None
        return
    attributes = expected.get("attributes") or []
    assert isinstance(attributes, list)
    wanted = {name: text for name, text in attributes if not name.endswith("-language")}
    if expected["c_subtype"] is None:
        disposition = parse_disposition(raw)
        assert disposition is not None
        assert disposition[0] == expected["c_type"]
        assert decoded(disposition[1]) == wanted
        return
    assert found is not None
    assert (found[0], found[1]) == (expected["c_type"], expected["c_subtype"])
    assert decoded(found[2]) == wanted


@pytest.mark.parametrize(("header", "expected"), cases("header-id.json"))
def test_message_ids(header: str, expected: list[str] | None) -> None:
    # Blanks within an id are dropped, since they are folding.
    wanted = ["".join(one.split()) for one in expected or ()]
    assert list(message_ids(value(header.lstrip(" ")))) == wanted


def theirs(message: dict[str, object], index: int = 0) -> list[object]:
    parts = message["parts"]
    assert isinstance(parts, list)
    part = parts[index]
    body = part["body"]
    kind = body if isinstance(body, str) else next(iter(body))
    inner = None if isinstance(body, str) else body[kind]
    if kind == "Multipart":
        return ["multipart", *[theirs(message, number) for number in inner]]
    if kind == "Message":
        return ["message", theirs(inner)]
    name = "binary" if kind == "InlineBinary" else kind.lower()
    return [name, part["offset_body"], part["offset_end"], inner if isinstance(inner, str) else ""]


def ours(part: Part, message: bytes) -> list[object]:
    if part.type == "multipart":
        return ["multipart", *[ours(child, message) for child in part.children]]
    if part.is_message:
        return ["message", ours(part.children[0], message)]
    name = "binary"
    if part.type == "text":
        name = "html" if part.subtype == "html" else "text"
    return [name, part.body_start, part.body_end, text_of(part, message)]


TREE_DIFFERS = {
    "malformed/000": "parts that end within their header are kept",
    "malformed/001": "an outer delimiter ends an inner multipart; a longer line is no delimiter",
    "malformed/002": "a multipart without parts holds its text as one part",
    "malformed/004": "a longer line is no delimiter",
    "malformed/007": "the header goes on to the blank line; its own delimiter is not looked for",
    "malformed/008": "a longer line is no delimiter",
    "malformed/009": "an outer delimiter ends an inner multipart",
    "malformed/011": "an outer delimiter ends an inner multipart",
    "malformed/012": "an outer delimiter ends an inner multipart",
    "malformed/016": "long boundaries are told apart by all their characters",
    "malformed/020": "a multipart whose header runs into its first part keeps the other parts",
    "malformed/021": "a multipart whose header runs into its first part keeps the other parts",
    "malformed/022": "a nested message without a field is a message that has only a body",
    "rfc/000": "audio and images are not text, whatever they hold",
    "rfc/008": "an encoded message is not looked into (RFC 2046 §5.2.1 forbids it)",
}


@pytest.mark.parametrize("path", files("rfc/*.eml", "malformed/*.eml"))
def test_tree(path: Path, request: pytest.FixtureRequest) -> None:
    message = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    expected = theirs(json.loads(path.with_suffix(".crlf.json").read_text()))
    found = ours(scan(message), message)
    assert (found != expected) is (request.node.callspec.id in TREE_DIFFERS), found


@pytest.mark.parametrize("path", files("**/*.eml"))
def test_every_message_is_summarized(path: Path) -> None:
    for message in (path.read_bytes(), path.read_bytes().replace(b"\n", b"\r\n")):
        summary, root = summarize(message)
        assert root.body_end == len(message)
        assert section(message, root, (), "") == message
        assert summary.bodystructure.startswith(b"(")
        for _, part in root.walk():
            assert isinstance(text_of(part, message), str)
