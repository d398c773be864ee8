"""Messages for the loads: the same ones on every run, told apart by their number.

Most are plain text of about 2 kB; one in four has an HTML alternative, one in twenty a small
attachment, so that ENVELOPE and BODYSTRUCTURE have something to say.
"""

from __future__ import annotations

import base64
import random

DOMAIN = "sender.test"
# In the body of every hundredth message, in the subject of every fiftieth, and nowhere else.
RARE_WORD = "quokkafern"
RARE_SUBJECT = "zinnober"
RARE_WORD_EVERY = 100
RARE_SUBJECT_EVERY = 50

_SYLLABLES = "ba be bi do du fa fe gi go ha ke ki la le lo ma me mi na no pa pe ra re ri so ta te"


def _vocabulary() -> list[str]:
    source = random.Random(7)
    syllables = _SYLLABLES.split()
    return ["".join(source.choices(syllables, k=source.randint(1, 4))) for _ in range(2000)]


_WORDS = _vocabulary()


def text(source: random.Random, size_bytes: int) -> str:
    """Give lines of made-up words, CRLF between, of about this size."""
    lines: list[str] = []
    length = 0
    while length < size_bytes:
        line = " ".join(source.choices(_WORDS, k=11))
        lines.append(line)
        length += len(line) + 2
    return "\r\n".join(lines) + "\r\n"


def message(number: int, size_bytes: int = 2000, recipient: str = "bench@example.test") -> bytes:
    """Make a message of about `size_bytes` that only the number decides."""
    source = random.Random(number)
    subject = " ".join(source.choices(_WORDS, k=5))
    if number % RARE_SUBJECT_EVERY == 0:
        subject += f" {RARE_SUBJECT}"
    head = (
        f"Received: from mx{number % 7}.{DOMAIN} (mx{number % 7}.{DOMAIN} [192.0.2.{number % 250}])"
        f"\r\n\tby relay.{DOMAIN} with ESMTPS id {number:08x};"
        f"\r\n\tMon, 02 Nov 2026 10:{number // 60 % 60:02}:{number % 60:02} +0000\r\n"
        f"From: Sender {number % 97} <sender{number % 97}@{DOMAIN}>\r\n"
        f"To: Bench <{recipient}>\r\n"
        f"Subject: {subject}\r\n"
        f"Date: Mon, 02 Nov 2026 10:{number // 60 % 60:02}:{number % 60:02} +0000\r\n"
        f"Message-ID: <{number}.{source.getrandbits(48):x}@{DOMAIN}>\r\n"
        "MIME-Version: 1.0\r\n"
    )
    words = text(source, max(200, size_bytes - len(head) - 100))
    if number % RARE_WORD_EVERY == 0:
        words += f"here stands {RARE_WORD} once\r\n"
    if number % 20 == 1:
        return (head + _mixed(source, words)).encode()
    if number % 4 == 2:
        return (head + _alternative(number, words)).encode()
    return (head + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + words).encode()


def _alternative(number: int, words: str) -> str:
    mark = f"alt-{number}"
    return (
        f'Content-Type: multipart/alternative; boundary="{mark}"\r\n\r\n'
        f"--{mark}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{words}"
        f"--{mark}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        f"<html><body><p>{words[:600]}</p></body></html>\r\n--{mark}--\r\n"
    )


def _mixed(source: random.Random, words: str) -> str:
    mark = f"mix-{source.getrandbits(40):x}"
    return (
        f'Content-Type: multipart/mixed; boundary="{mark}"\r\n\r\n'
        f"--{mark}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{words}"
        f"--{mark}\r\n{attached(source, 2500)}--{mark}--\r\n"
    )


def attached(source: random.Random, size_bytes: int) -> str:
    """Give a part of a message: a file of random octets."""
    octets = base64.encodebytes(source.randbytes(size_bytes)).decode().replace("\n", "\r\n")
    return (
        "Content-Type: application/octet-stream; name=data.bin\r\n"
        "Content-Disposition: attachment; filename=data.bin\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\n{octets}"
    )


def transparent(content: bytes) -> bytes:
    """Make the octets that follow DATA, the final dot included (RFC 5321 §4.5.2)."""
    if content.startswith(b"."):
        content = b"." + content
    return content.replace(b"\r\n.", b"\r\n..") + b".\r\n"
