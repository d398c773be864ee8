"""From the content of a message to what the filter learns of it; alike when it comes and later.

What our own server writes into a message it had not when it was judged, and what other filters
wrote into it would only teach their opinion: both are left out.
"""

import re
from collections.abc import Iterator

from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.words import decode_words
from pillarbox.formats.text.tokens import FIELDS_MOST, TokenSource, tokens
from pillarbox.pipeline.inbound.checks.content import Content

QUICK_BYTES = 4 * 1024
"""Messages up to this size take a few milliseconds at most."""

_LEFT_OUT = re.compile(
    rb"return-path|delivered-to|x-original-to|received-spf|authentication-results|arc-.*|received"
    rb"|x-(?:spam|rspamd|virus|junk|mozilla|bogo|dspam|crm114|pillarbox|gm-|forefront|ms-exchange"
    rb"|microsoft-antispam|ironport|barracuda|proofpoint|amavis|greylist|uid).*"
    rb"|status|x-status|x-keywords|date|subject|from|message-id|dkim-signature|domainkey-signature"
    rb"|to|cc|content-length|lines|x-evolution.*|x-imap.*|references|in-reply-to|sender|thread-.*"
)
_TOLD = frozenset(
    b"x-mailer user-agent list-id reply-to content-type precedence organization x-priority"
    b" mime-version content-transfer-encoding errors-to".split()
)
_NAMED = (b"to", b"cc", b"date", b"message-id", b"references", b"in-reply-to", b"sender")
"""Fields of which it only counts that they are there."""
_HOST = re.compile(
    rb"^\s*from\s+([\w.\[\]:-]{1,200})"
    rb"(?:\s+\(([\w.-]{1,200})?[^()]{0,200}?\[?([\d.]{7,15}))?"
)
_VALUE_BYTES = 1000
_RECEIVED_MOST = 8


def tokens_of(content: Content, *, stored: bool = False) -> tuple[bytes, ...]:
    """The tokens of a message; `stored`: its first Received field was written here.

    CPU: about a millisecond for each 3 kB of text; in a thread for what is not quick.
    """
    return tokens(_source(content, stored))


def _source(content: Content, stored: bool) -> TokenSource:
    headers, fields = content.headers, content.fields
    found: list[tuple[str, str]] = []
    for name, raw, *_ in headers:
        if len(found) >= FIELDS_MOST:
            break
        if _LEFT_OUT.fullmatch(name) is None:
            value = decode_words(raw[:_VALUE_BYTES]) if name in _TOLD else ""
            found.append((name.decode("utf-8", "replace"), value))
    found += [(name.decode(), "") for name in _NAMED if name in headers]
    senders = [one.address for one in (*fields.from_[:2], *fields.reply_to[:1])]
    found += [("name", one.name) for one in fields.from_[:2] if one.name]
    return TokenSource(
        senders=senders,
        subject=fields.subject,
        fields=found,
        hosts=list(_hosts(headers.all(b"received")[int(stored) :][:_RECEIVED_MOST])),
        facts=[
            *dict.fromkeys(fact for part in content.parts[:50] for fact in _facts(part)),
            f"{min(len(fields.to) + len(fields.cc), 10)} recipients",
            f"zone {fields.sent_offset_min}",
        ],
        texts=[(one.subtype, one.text) for one in content.texts],
        files=[file for part in content.parts[:50] if (file := part.filename)],
    )


def _hosts(received: list[bytes]) -> Iterator[str]:
    for value in received:
        match = _HOST.match(value[:_VALUE_BYTES])
        if match is not None:
            yield from (one.decode("utf-8", "replace") for one in match.groups() if one)


def _facts(part: Part) -> Iterator[str]:
    yield f"{part.type}/{part.subtype}"
    if part.charset:
        yield part.charset
    yield part.encoding
    if part.disposition:
        yield part.disposition
