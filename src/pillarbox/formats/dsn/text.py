"""The part of a report that people read.

Called by `build`; calls `words`. Everything that comes from elsewhere (replies, subjects,
addresses) is cleaned before it stands here.
"""

import textwrap
from collections.abc import Sequence
from datetime import datetime

from pillarbox.formats.dsn.catalogue import Explanation, Words
from pillarbox.formats.dsn.english import ENGLISH
from pillarbox.formats.dsn.model import Action, Finding, Subject
from pillarbox.formats.dsn.words import explain, say_date, say_duration
from pillarbox.formats.mime.compose import clean

WIDTH = 72
LISTED = 100
"""Recipients named to people; the part for programs names them all."""
SUBJECT_CHARS = 200

_ORDER = (Action.FAILED, Action.DELAYED, Action.DELIVERED, Action.RELAYED, Action.EXPANDED)
_RULE = "-" * 24


def write_text(
    subject: Subject,
    title: str,
    findings: Sequence[Finding],
    hostname: str,
    note: str,
    now: datetime,
    words: Words = ENGLISH,
) -> str:
    """The text of a report, lines ending with LF.

    `title` is the message's subject, decoded; `note` says what stands below.
    """
    date = say_date(subject.arrived_at, words)
    about = words.about if title else words.about_untitled
    blocks = [
        words.greeting.format(hostname=hostname),
        about.format(date=date, subject=_indent(clean(title, SUBJECT_CHARS))),
    ]
    left = LISTED
    for action in _ORDER:
        groups = _alike([finding for finding in findings if finding.action is action])
        if not groups or not left:
            continue
        blocks.append(words.headings[action])
        for number, group in enumerate(groups):
            if not left:
                break
            if number:
                blocks.append(_RULE)
            listed = group[:left]
            left -= len(listed)
            blocks.append("\n".join(f"    <{clean(f.address, 500)}>" for f in listed))
            blocks.extend(_explained(subject, group[0], hostname, now, words))
    if len(findings) > LISTED:
        blocks.append(words.more.format(n=len(findings) - LISTED))
    if any(finding.action in (Action.FAILED, Action.DELAYED) for finding in findings):
        blocks.append(words.others)
    blocks.append(note)
    return "\n\n".join(block if block[:1] == " " else _wrap(block) for block in blocks) + "\n"


def _alike(findings: list[Finding]) -> list[list[Finding]]:
    """Findings of which the same is to be said, together."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        domain = finding.address.rpartition("@")[2]
        key = (finding.reply, finding.code, finding.cause, finding.stage, finding.host, domain)
        groups.setdefault((*key, finding.retry_until, finding.gave_up), []).append(finding)
    return list(groups.values())


def _explained(
    subject: Subject, finding: Finding, hostname: str, now: datetime, words: Words
) -> list[str]:
    outcome = words.outcomes.get(finding.action)
    if outcome is not None:
        return [outcome]
    explanation = explain(finding, words)
    domain = clean(finding.address.rpartition("@")[2], 255)
    blocks = [words.why.format(text=explanation.why.replace("{domain}", domain))]
    if finding.action is Action.DELAYED:
        until = finding.retry_until
        blocks.append(
            words.retry if until is None else words.retry_until.format(date=say_date(until, words))
        )
    else:
        if finding.gave_up:
            length = say_duration(max(now - subject.arrived_at, now - now), words)
            blocks.append(words.gave_up.format(duration=length))
        blocks.append(words.advice.format(text=explanation.advice.replace("{domain}", domain)))
    reply = clean(finding.reply)
    if reply:
        blocks.append(_said(finding, words))
        blocks.append(_quote(_shown_reply(finding, reply)))
    if finding.action is Action.FAILED:
        blocks.extend(_for_admin(subject, finding, explanation, hostname, words))
    return blocks


def _said(finding: Finding, words: Words) -> str:
    if finding.code is None:
        return words.found
    host = _host(finding)
    return words.said_by.format(host=host) if host else words.said


def _shown_reply(finding: Finding, reply: str) -> str:
    if finding.code is None:
        return reply
    return " ".join(part for part in (str(finding.code), finding.cause, reply) if part)


def _for_admin(
    subject: Subject, finding: Finding, explanation: Explanation, hostname: str, words: Words
) -> list[str]:
    at = finding.attempted_at
    facts = (
        at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else "",
        f"on {hostname}",
        f"id {subject.queue_id}" if subject.queue_id else "",
        f"to <{clean(finding.address, 500)}>",
        f"status {finding.status}",
        f"at {finding.stage}" if finding.stage else "",
        f"host {_host(finding)}" if finding.host else "",
    )
    lead = words.for_admin_always if explanation.admin else words.for_admin
    return [lead, _indent(", ".join(fact for fact in facts if fact))]


def _host(finding: Finding) -> str:
    host = clean(finding.host or "", 255)
    return f"{host} [{finding.ip}]" if host and finding.ip else host


def _wrap(text: str) -> str:
    """Paragraphs to the width; indented lines are left as they are."""
    return "\n".join(
        line
        if line[:1] == " "
        else textwrap.fill(line, WIDTH, break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    )


def _indent(text: str) -> str:
    return _folded(text, "    ")


def _quote(text: str) -> str:
    return _folded(text, "    > ")


def _folded(text: str, lead: str) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=lead,
        subsequent_indent=lead,
        break_long_words=False,
        break_on_hyphens=False,
    )
