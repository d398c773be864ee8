"""What is odd about a subject; part of the check of headers."""

import re
from collections.abc import Iterator

from pillarbox.domain.judgement.model import Finding, Kind
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.content import Content
from pillarbox.pipeline.inbound.checks.disguise import broken_words, mixed_scripts, unseen

CAPITALS_MIN = 10
MIXED_MIN = 2
RECIPIENTS_MAX = 20
_LOOKED_AT = 1000

MISSING_SUBJECT = Kind("missing_subject", 0.5, "has no subject")
ALL_CAPS = Kind("subject_all_caps", 1.0, "has a subject all in capitals")
SHOUTS = Kind("subject_shouts", 1.0, "has a subject that shouts")
SPACED = Kind("subject_spaced", 1.5, "has a subject whose letters are spaced out")
UNSEEN = Kind("subject_unseen", 2.0, "has unseen characters in its subject")
MIXED = Kind("subject_mixed_scripts", 2.0, "has a subject whose words mix scripts")
NEEDLESSLY_ENCODED = Kind(
    "subject_needlessly_encoded", 0.5, "hides a subject of plain ASCII behind an encoding"
)
REPLY_FAKED = Kind("reply_faked", 1.0, "claims to be a reply and refers to no message")
NAMES_RECIPIENT = Kind("subject_names_recipient", 0.5, "has the recipient's address in its subject")
GAP = Kind("subject_gap", 1.0, "has a long gap in its subject, and something behind it")

KINDS = (
    *(MISSING_SUBJECT, ALL_CAPS, SHOUTS, SPACED, UNSEEN, MIXED, NEEDLESSLY_ENCODED, REPLY_FAKED),
    *(NAMES_RECIPIENT, GAP),
)

_PREFIX = re.compile(r"\s*+(?:re|aw|fwd?|wg|sv|tr|rv)(?:\[\d{1,3}\])?\s*+:\s*+", re.I)
_REPLY = re.compile(r"\s*+re(?:\[\d{1,3}\])?\s*+:", re.I)
_SPACED = re.compile(r"(?<!\w)(?:[^\W\d_][ ._*-]{1,2}+(?=[^\W\d_](?!\w))){5,}+")
_SHOUT = re.compile(r"!{2}|\${2}|€{2}")
_WORD = re.compile(rb"=\?[^?\s]{1,80}\?[bB]\?([^?\s]*+)\?=")
_GAP = re.compile(r"\S\s{10,}+\S")


def look(arrival: Arrival, content: Content) -> Iterator[Finding]:
    """What is found in the subject of a message."""
    text = content.fields.subject[:_LOOKED_AT].strip()
    if not text:
        yield MISSING_SUBJECT.found()
        return
    yield from _letters(text)
    yield from _encoding(content, text)
    headers = content.headers
    if _REPLY.match(text) and b"in-reply-to" not in headers and b"references" not in headers:
        yield REPLY_FAKED.found()
    lower = text.lower()
    for recipient in arrival.recipients[:RECIPIENTS_MAX]:
        if recipient.path.lower() in lower and "@" in recipient.path:
            yield NAMES_RECIPIENT.found(recipient.path)
            break


def _letters(text: str) -> Iterator[Finding]:
    own = _PREFIX.sub("", text)
    cased = [one for one in own if one.upper() != one.lower()]
    if len(cased) >= CAPITALS_MIN and len(own.split()) > 1 and all(one.isupper() for one in cased):
        yield ALL_CAPS.found(text)
    if text.count("!") > 2 or len(_SHOUT.findall(text)) > 1:
        yield SHOUTS.found(text)
    if _SPACED.search(text):
        yield SPACED.found(text)
    if unseen(text) or broken_words(text):
        yield UNSEEN.found(ascii(text)[1:-1])
    if mixed_scripts(text) >= MIXED_MIN:
        yield MIXED.found(text)
    if _GAP.search(text):
        yield GAP.found(text)


def _encoding(content: Content, text: str) -> Iterator[Finding]:
    raw = content.headers.first(b"subject") or b""
    if text.isascii() and _WORD.search(raw[: 4 * _LOOKED_AT]) and not raw.count(b"?=") > 1:
        yield NEEDLESSLY_ENCODED.found(text)
