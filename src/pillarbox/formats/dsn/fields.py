"""The part of a report that programs read (RFC 3464 §2, RFC 6533 §4).

Called by `build`; calls nothing of ours but `mime/compose.clean`.
"""

import re
from collections.abc import Sequence

from pillarbox.formats.dsn.model import Action, Finding, Subject
from pillarbox.formats.mime.compose import clean
from pillarbox.formats.mime.date import format_date

DIAGNOSTIC_CHARS = 1000
MANY = 100
"""With more recipients than this each diagnostic is shorter."""
DIAGNOSTIC_CHARS_OF_MANY = 200
ADDRESS_CHARS = 500

_NOT_QUCHAR = re.compile(r"[^!-*,-<>-\[\]-~]")
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]{0,63}\Z")
_LINE = 76


def write_status(
    subject: Subject, findings: Sequence[Finding], hostname: str, *, unicode: bool
) -> bytes:
    """The body of message/delivery-status or, with `unicode`, message/global-delivery-status."""
    most = DIAGNOSTIC_CHARS if len(findings) <= MANY else DIAGNOSTIC_CHARS_OF_MANY
    about = [f"Reporting-MTA: dns; {hostname}"]
    if subject.envid:
        about.append(f"Original-Envelope-Id: {_text(subject.envid, unicode=unicode)}")
    about.append(f"Arrival-Date: {format_date(subject.arrived_at)}")
    if subject.queue_id:
        about.append(f"X-Queue-ID: {subject.queue_id}")
    groups = [about, *(_recipient(finding, most, unicode=unicode) for finding in findings)]
    return "\r\n\r\n".join("\r\n".join(map(_fold, group)) for group in groups).encode() + b"\r\n"


def write_address(kind: str, address: str, *, unicode: bool) -> str:
    """An address with its type; what is not ASCII is escaped, or left so with `unicode`.

    The escapes are those of utf-8-addr-xtext (RFC 6533 §3).
    """
    address = clean(address, ADDRESS_CHARS)
    if not _ADDRESS_TYPE.match(kind) or (address.isascii() and kind != "utf-8"):
        return f"{kind if _ADDRESS_TYPE.match(kind) else 'rfc822'}; {_ascii(address)}"
    if unicode:
        return f"utf-8; {address}"
    return "utf-8; " + _NOT_QUCHAR.sub(lambda odd: f"\\x{{{ord(odd[0]):02X}}}", address)


def _recipient(finding: Finding, most: int, *, unicode: bool) -> list[str]:
    lines = []
    if finding.original is not None:
        kind, address = finding.original
        lines.append(f"Original-Recipient: {write_address(kind, address, unicode=unicode)}")
    final = write_address("rfc822", finding.address, unicode=unicode)
    lines += [
        f"Final-Recipient: {final}",
        f"Action: {finding.action}",
        f"Status: {finding.status}",
    ]
    if finding.host:
        lines.append(f"Remote-MTA: dns; {_text(finding.host, 255)}")
    diagnostic = _diagnostic(finding, most, unicode=unicode)
    if diagnostic:
        lines.append(f"Diagnostic-Code: {diagnostic}")
    if finding.attempted_at is not None:
        lines.append(f"Last-Attempt-Date: {format_date(finding.attempted_at)}")
    if finding.action is Action.DELAYED and finding.retry_until is not None:
        lines.append(f"Will-Retry-Until: {format_date(finding.retry_until)}")
    return lines


def _diagnostic(finding: Finding, most: int, *, unicode: bool) -> str:
    """The peer's reply as it came, or our own finding under a type of ours."""
    text = _text(finding.reply, most, unicode=unicode)
    if finding.code is None:
        return f"x-pillarbox; {text}" if text else ""
    return " ".join(part for part in (f"smtp; {finding.code}", finding.cause, text) if part)


def _text(text: str, most: int = 255, *, unicode: bool = False) -> str:
    text = clean(text, most)
    return text if unicode else _ascii(text)


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()


def _fold(line: str) -> str:
    """A field over several lines, broken at blanks only, so that no line has nothing but blanks."""
    if len(line) <= _LINE:
        return line
    lines = [""]
    for word in line.split(" "):
        if len(lines[-1]) + len(word) >= _LINE and lines[-1].strip() and len(lines[-1]) > 20:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return "\r\n ".join(lines)
