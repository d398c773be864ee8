"""Which words fit: from codes, replies and stages to an explanation, and how times are said.

Called by `text` and `build`; calls nothing of ours but the catalogue of a language.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from pillarbox.formats.dsn.catalogue import Explanation, Words
from pillarbox.formats.dsn.english import ENGLISH
from pillarbox.formats.dsn.model import Finding

PATTERN_CHARS = 2000
"""How much of a reply is searched for what it means."""

# Codes that say so little that the words of the reply are asked first.
_VAGUE: Final = frozenset(
    {"0.0", "1.0", "2.0", "3.0", "3.2", "4.0", "5.0", "5.1", "6.0", "7.0", "7.1", "7.7"}
)
_PATTERNS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (key, re.compile(pattern))
    for key, pattern in (
        ("greylisted", r"gr[ae]y-?list"),
        (
            "1.8",
            r"sender[^.;]{0,60}(?:rejected|invalid|not found|denied|does not (?:exist|resolve))",
        ),
        (
            "1.1",
            r"user unknown|unknown (?:user|recipient|address|mailbox)|no such (?:user|recipient|"
            r"mailbox|address|person|account)|(?:user|recipient|mailbox|account|address)"
            r"[^.;]{0,80}(?:does not exist|doesn't exist|not found|not known|unknown)|"
            r"no mailbox here|invalid (?:recipient|mailbox)|not a valid (?:mailbox|recipient)",
        ),
        (
            "2.2",
            r"(?:mailbox|inbox|quota|storage|account)[^.;]{0,60}(?:full|exceed|over ?quota)|"
            r"over ?quota|quota exceeded|exceeds? (?:the )?(?:storage|quota)",
        ),
        (
            "2.1",
            r"(?:user|mailbox|account|recipient|address)[^.;]{0,60}"
            r"(?:disabled|inactive|suspended|deactivated|\blocked|expired)",
        ),
        (
            "3.4",
            r"(?:message|mail|size)[^.;]{0,60}(?:too (?:large|big)|exceeds?[^.;]{0,40}(?:size|limit"
            r"|maximum))|size limit",
        ),
        ("7.26", r"dmarc|unauthenticated (?:e?mail|message|sender)"),
        ("7.23", r"\bspf\b|sender policy framework"),
        ("7.20", r"\bdkim\b"),
        ("7.25", r"reverse dns|reverse (?:lookup|hostname)|\bptr\b|\brdns\b|no reverse"),
        (
            "blocked",
            r"bl[ao]ck ?-?list|deny-?list|\brbl\b|dnsbl|spamhaus|spamcop|barracuda|sorbs|uceprotect"
            r"|abusix|proofpoint|reputation|(?:ip|host|client|server|network)[^.;]{0,80}"
            r"(?:blocked|listed|banned)|blocked (?:using|by|due)",
        ),
        ("virus", r"virus|malware|infected|executable|attachment[^.;]{0,60}(?:not allowed|block)"),
        ("spam", r"\bspam|\bjunk\b|\bbulk\b|unsolicited|\bube\b|\buce\b|phish"),
        ("rate", r"rate ?-?limit|too (?:many|much|fast)|throttl|try again later.{0,40}limit"),
        (
            "relay",
            r"relay(?:ing)?(?: access)? (?:is )?(?:denied|not permitted|prohibited|not allowed)|"
            r"unable to relay|not (?:a )?local|does ?n[o']t relay|we do not relay",
        ),
    )
)
_JUDGING: Final = frozenset({"1.8", "7.20", "7.23", "7.26", "blocked", "virus", "spam"})
_TELLING: Final = frozenset({"tls", "auth", "suppressed"})
"""Stages that say more than any code: what they are about is between the servers, or ours."""
_EARLY: Final = frozenset({"greeting", "ehlo"})
_BY_CODE: Final[Mapping[int, str]] = MappingProxyType(
    {551: "1.6", 552: "2.2", 452: "3.1", 553: "1.3", 530: "7.0", 535: "7.8", 523: "3.4"}
)


def explain(finding: Finding, words: Words = ENGLISH) -> Explanation:
    """Why a recipient was not reached and what to do, from all that is known of it.

    First a code that says something, then the words of the reply, then reply code, stage and class.
    """
    known = words.explanations
    _, _, detail = finding.cause.partition(".")
    if finding.stage in _TELLING and detail != "7.30":
        return known[finding.stage]
    if detail in known and detail not in _VAGUE:
        return known[detail]
    subject = f"{detail.partition('.')[0]}.0"
    key = _key_of_words(finding) or next((k for k in (detail, subject) if k in known), None)
    key = key or _key_of_code(finding) or finding.stage
    return known.get(key) or words.classes["4" if finding.status.startswith("4") else "5"]


def is_judgement(finding: Finding) -> bool:
    """Whether a peer refused a message for what it is or whence it came, not for its recipient.

    A refusal of the content without a word of why is one too.
    """
    if finding.code is None:
        return False
    subject, _, detail = finding.cause.partition(".")[2].partition(".")
    if subject == "7":
        return True
    if subject and f"{subject}.{detail}" not in _VAGUE:
        return False
    key = _key_of_words(finding)
    return finding.stage == "content" if key is None else key in _JUDGING


def _key_of_words(finding: Finding) -> str | None:
    """What a peer's words mean; ours are not read, their stage says it all."""
    if finding.code is None:
        return None
    text = finding.reply[:PATTERN_CHARS].lower()
    return next((key for key, pattern in _PATTERNS if pattern.search(text)), None)


def _key_of_code(finding: Finding) -> str | None:
    if finding.code == 550 and finding.stage in ("rcpt", ""):
        return "1.0"
    if finding.code == 552 and finding.stage == "mail":
        return "3.4"  # where SIZE was announced (RFC 1870 §6.1)
    return _BY_CODE.get(finding.code or 0) if finding.stage not in _EARLY else None


def say_date(at: datetime, words: Words = ENGLISH) -> str:
    """An instant as people read it, in UTC to the minute."""
    at = at.astimezone(UTC)
    return words.date.format(
        day=at.day,
        month=words.months[at.month - 1],
        year=at.year,
        hour=at.hour,
        minute=at.minute,
    )


def say_duration(length: timedelta, words: Words = ENGLISH) -> str:
    """A length of time in the largest unit of which there are two, or minutes."""
    minutes = max(1, round(length / timedelta(minutes=1)))
    number, unit = minutes, "minute"
    if minutes >= 2 * 24 * 60:
        number, unit = round(minutes / (24 * 60)), "day"
    elif minutes >= 2 * 60:
        number, unit = round(minutes / 60), "hour"
    one, many = words.durations[unit]
    return (one if number == 1 else many).format(n=number)
