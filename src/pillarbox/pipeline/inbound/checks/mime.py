"""What is odd about how a message is put together, and the test string of junk filters."""

import re
from collections.abc import Iterator, Sequence

from pillarbox.domain.judgement.model import Action, Finding, Kind, Stage
from pillarbox.formats.mime.header import HEADER_BYTES
from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.section import KNOWN_ENCODINGS
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.inbound.checks.content import Content, TextPart, examine

DEPTH_MANY = 8
PARTS_MANY = 300
END_BYTES = 256 * 1024
"""The delimiter that closes a multipart is looked for in so much of its end."""
BASE64_BYTES = 16 << 20
"""Encoded content that is looked through, of all parts together."""
WORDS_MIN = 20
WORDS_CHARACTERS = 64 * 1024
SHARED_MIN = 0.1

GTUBE_TEXT = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

GTUBE = Kind("gtube", 1000.0, "holds the test string of junk filters", Action.JUNK)
MALFORMED = Kind("mime_malformed", 1.5, "has parts that are not delimited as announced")
TOO_DEEP = Kind("mime_too_deep", 1.5, "has parts nested deeper than programs make them")
TOO_MANY = Kind("mime_too_many_parts", 1.0, "has very many parts")
AMBIGUOUS = Kind("mime_ambiguous", 2.0, "describes one part twice, so that programs read it apart")
BAD_BASE64 = Kind("bad_base64", 1.0, "has base64 that other characters are mixed with")
BAD_ENCODING = Kind("bad_encoding", 1.0, "has a part in a transfer encoding that does not exist")
BAD_CHARSET = Kind("bad_charset", 2.0, "has text in a charset that hides it and is not for mail")
NEEDLESS_BASE64 = Kind("needless_base64", 0.5, "hides text of plain ASCII behind base64")
NO_VERSION = Kind("missing_mime_version", 0.5, "has parts and no MIME-Version")
PARTIAL = Kind("message_partial", 2.0, "is a piece of a message, or points to one elsewhere")
NUL = Kind("body_nul", 1.0, "has NUL in its text")
EMPTY = Kind("empty_body", 0.5, "has an empty body")
DIFFERENT = Kind("alternatives_differ", 1.0, "says one thing as plain text and another as HTML")

KINDS = (
    *(GTUBE, MALFORMED, TOO_DEEP, TOO_MANY, AMBIGUOUS, BAD_BASE64, BAD_ENCODING, BAD_CHARSET),
    *(NEEDLESS_BASE64, NO_VERSION, PARTIAL, NUL, EMPTY, DIFFERENT),
)

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \t\r\n"
_DESCRIBED = re.compile(
    rb"^content-(type|transfer-encoding|disposition)[ \t]*+:", re.IGNORECASE | re.MULTILINE
)
_CHARSET = re.compile(
    r"(?:unicode-1-1-)?utf-?(?:7|16|32)|ucs|cp0?37\b|cp500\b|cp1026\b|ibm0?37\b|ebcdic"
)
_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,40})\?[bq]\?", re.IGNORECASE)
_LETTERS = re.compile(r"\w{3,40}")
_SEEN = re.compile(r"<(?:img|video|svg|table)\b", re.IGNORECASE)
_OTHER_ENCODINGS = frozenset(("x-uuencode", "uuencode", "x-uue", "x-yenc"))


class MimeCheck(Check):
    """Checks the parts of a message and how they are encoded."""

    name = "mime"
    stage = Stage.DATA
    asks_nobody = True
    kinds = KINDS
    deadline_s = 10.0

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Look at the structure, then into texts."""
        return () if arrival.content is None else await examine(arrival.content, _look)


def _look(content: Content) -> list[Finding]:
    return [
        *_structure(content),
        *_descriptions(content),
        *_encodings(content),
        *_texts(content),
        *_alternatives(content),
    ]


def _structure(content: Content) -> Iterator[Finding]:
    deepest, malformed = 0, ""
    pending = [(content.root, 1)]
    while pending:
        part, depth = pending.pop()
        if part.type != "multipart":
            continue
        deepest = max(deepest, depth)
        if not malformed and depth <= DEPTH_MANY:
            malformed = _fault(content.data, part)
        pending.extend((child, depth + 1) for child in part.children)
    if deepest > DEPTH_MANY:
        yield TOO_DEEP.found(f"{deepest} levels")
    if malformed:
        yield MALFORMED.found(malformed)
    if len(content.own_parts) > PARTS_MANY:
        yield TOO_MANY.found(f"{len(content.own_parts)} parts")
    if content.root.type == "multipart" and b"mime-version" not in content.headers:
        yield NO_VERSION.found()
    if any(part.type == "message" and part.subtype in _ELSEWHERE for part in content.own_parts):
        yield PARTIAL.found()


_ELSEWHERE = ("partial", "external-body")


def _fault(data: bytes, part: Part) -> str:
    """What is wrong with the delimiters of a multipart; empty if nothing is."""
    boundary = part.param("boundary")
    if not boundary:
        return "no boundary"
    if part.encoding not in ("7bit", "8bit", "binary"):
        return "an encoded multipart"
    delimiter = b"--" + boundary.encode("utf-8", "replace").rstrip()
    first = part.children[0] if part.children else None
    if first is None or first.header_start == part.body_start:
        if not data.startswith(delimiter, part.body_start):
            return "the boundary never comes"
        return "no part within the boundary"
    start = max(part.body_start, part.body_end - END_BYTES)
    if data.rfind(delimiter + b"--", start, part.body_end) < 0:
        return "the boundary is never closed"
    return ""


def _descriptions(content: Content) -> Iterator[Finding]:
    pending = [content.root]
    while pending:
        part = pending.pop()
        end = min(part.body_start, part.header_start + HEADER_BYTES)
        block = content.data[part.header_start : end]
        names = [found.lower() for found in _DESCRIBED.findall(block)]
        if len(names) != len(set(names)):
            twice = next(name for name in names if names.count(name) > 1)
            yield AMBIGUOUS.found(f"Content-{twice.decode('ascii').title()}")
            return
        if part.type == "multipart":
            pending.extend(part.children)


def _encodings(content: Content) -> Iterator[Finding]:
    left = BASE64_BYTES
    alien = unknown = ""
    for part in content.own_parts:
        name = f"{part.type}/{part.subtype}"
        if part.encoding not in KNOWN_ENCODINGS and part.encoding not in _OTHER_ENCODINGS:
            unknown = unknown or part.encoding
        if part.encoding == "base64" and not alien and left > 0:
            body = content.data[part.body_start : min(part.body_end, part.body_start + left)]
            left -= len(body)
            if body.translate(None, _ALPHABET):
                alien = name
    if alien:
        yield BAD_BASE64.found(alien)
    if unknown:
        yield BAD_ENCODING.found(unknown)


def _texts(content: Content) -> Iterator[Finding]:
    texts = content.texts
    subject = content.fields.subject
    if (
        GTUBE_TEXT.encode() in content.data
        or GTUBE_TEXT in subject
        or any(GTUBE_TEXT in one.text for one in texts)
    ):
        yield GTUBE.found()
    charsets = [part.charset for part in content.own_parts if part.type == "text"]
    for raw in (content.headers.first(b"subject"), content.headers.first(b"from")):
        words = _ENCODED_WORD.findall((raw or b"")[:4096].decode("latin-1"))
        charsets.extend(word.lower() for word in words)
    odd = next((one for one in charsets if _CHARSET.match(one)), "")
    if odd:
        yield BAD_CHARSET.found(odd)
    mine = {id(part) for part in content.own_parts}
    own = [one for one in texts if id(one.part) in mine]
    if any(one.part.encoding == "base64" and one.text.isascii() and one.text for one in own):
        yield NEEDLESS_BASE64.found()
    if any("\0" in one.text for one in own):
        yield NUL.found()
    if len(own) == len(content.own_parts) and not any(map(_shows, own)):
        yield EMPTY.found()


def _shows(one: TextPart) -> bool:
    if one.subtype != "html":
        return bool(one.text.strip())
    return bool(_SEEN.search(one.text) or one.shown.strip())


def _alternatives(content: Content) -> Iterator[Finding]:
    by_part = {id(one.part): one for one in content.texts}
    pending = [content.root]
    while pending:
        part = pending.pop()
        if part.type != "multipart":
            continue
        pending.extend(part.children)
        if part.subtype != "alternative":
            continue
        shown = [by_part[id(child)] for child in part.children if id(child) in by_part]
        plain = next((one for one in shown if one.subtype == "plain"), None)
        markup = next((one for one in shown if one.subtype == "html"), None)
        if plain is not None and markup is not None and _differ(plain.text, markup.shown):
            yield DIFFERENT.found()
            return


def _differ(plain: str, shown: str) -> bool:
    left = set(_LETTERS.findall(plain[:WORDS_CHARACTERS].lower()))
    right = set(_LETTERS.findall(shown[:WORDS_CHARACTERS].lower()))
    fewer = min(len(left), len(right))
    return fewer >= WORDS_MIN and len(left & right) < fewer * SHARED_MIN
