"""Random mail in many scripts and shapes, and random searches for what stands in it."""

import base64
import quopri
import random
from collections.abc import Sequence

from pillarbox.domain.mail import query as q
from pillarbox.domain.mail.model import Flag
from pillarbox.formats.mime.scan import scan
from pillarbox.formats.mime.searchable import searchable

_TEXT = """
alpha beta gamma lunch noodles invoice 2026 re fwd x-ray e.g. don't C++ foo_bar rock'n'roll
Grüße Straße Köln naïve café ÅNGSTRÖM øl łódź İstanbul ﬁnance Ⅷ ☃ 10€ -- ... a1b2c3
Привет мир ёлка Αθήνα ὀδός שלום مرحبا بالعالم हिन्दी नमस्ते ภาษาไทย สวัสดี
東京都 日本語のメール 你好世界 中文邮件 東京tower 안녕하세요 한국어
user@example.test https://example.test/a?b=c&d=e 0x1F 100% (parens) [brackets] <angle>
"""
WORDS = tuple(_TEXT.split())
NAMES = ("Ann Smith", "Jürgen Müller", "山田太郎", "O'Brien, Pat", "Zoë")
TYPES = ("plain", "plain", "quoted", "base64", "html", "nested", "attached", "document", "bare")


def sentence(source: random.Random, most: int = 12) -> str:
    """Some words, divided by all sorts of things."""
    words = source.choices(WORDS, k=source.randint(1, most))
    if not source.randrange(12):
        words.append("".join(source.choices("abcdefghij0123456789", k=source.randint(100, 700))))
    return "".join(
        word + source.choice((" ", " ", " ", ", ", "\r\n", "-", "  ", "/")) for word in words
    )


def encoded(text: str, source: random.Random) -> str:
    """A header value, as encoded words where it has to be."""
    text = " ".join(text.split())
    if text.isascii():
        return text
    if source.randrange(2):
        return "=?utf-8?B?" + base64.b64encode(text.encode()).decode() + "?="
    quoted = "".join(f"={byte:02X}" for byte in text.encode())
    return f"=?UTF-8?q?{quoted}?="


def header(source: random.Random) -> str:
    """Some header fields."""
    lines = [f"Message-ID: <{source.getrandbits(60):x}@example.test>"]
    for name in ("From", "To", "Cc", "Bcc"):
        if source.randrange(4):
            who = source.choice(NAMES)
            quoted = encoded(who, source) if not who.isascii() else f'"{who}"'
            lines.append(f"{name}: {quoted} <{source.choice('abc')}{source.randrange(9)}@ex.test>")
    if source.randrange(8):
        lines.append(f"Subject: {encoded(sentence(source, 5), source)}")
    for name in ("X-Tag", "List-Id", "X-Empty", "Comments", "Subject"):
        if not source.randrange(4):
            value = "" if name == "X-Empty" else encoded(sentence(source, 3), source)
            lines.append(f"{name}: {value}")
    source.shuffle(lines)
    return "\r\n".join(lines) + "\r\n"


def message(source: random.Random) -> bytes:
    """A message of one of many shapes."""
    kind = source.choice(TYPES)
    head, text = header(source), sentence(source, 40)
    utf8 = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    if kind == "bare":
        return (head + "\r\n" + text).encode("utf-8")
    if kind == "plain":
        return (head + utf8 + "\r\n" + text).encode()
    if kind == "quoted":
        body = quopri.encodestring(text.encode()).decode()
        return (head + utf8 + "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + body).encode()
    if kind == "base64":
        body = base64.encodebytes(text.encode()).decode()
        return (head + utf8 + "Content-Transfer-Encoding: base64\r\n\r\n" + body).encode()
    if kind == "html":
        marked = text.replace("&", "&amp;").replace("<", "&lt;").replace(" ", " <b>x</b> ", 1)
        kind_line = "MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        return (head + kind_line + f"<html><body><p>{marked}</p></body></html>\r\n").encode()
    parts = [utf8.partition("\r\n")[2] + "\r\n" + text]
    if kind == "nested":
        parts.append("Content-Type: message/rfc822\r\n\r\n" + message(source).decode())
    else:
        name = encoded(sentence(source, 2).replace('"', ""), source)
        media = "application/pdf" if kind == "document" else "application/octet-stream"
        content = base64.encodebytes(sentence(source).encode()).decode()
        parts.append(
            f'Content-Type: {media}; name="{name}"\r\nContent-Transfer-Encoding: base64\r\n'
            f"Content-Disposition: attachment\r\n\r\n{content}"
        )
    mark = f"b{source.getrandbits(40):x}"
    body = "".join(f"--{mark}\r\n{part}\r\n" for part in parts)
    mixed = f'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="{mark}"\r\n\r\n'
    return (head + mixed + body + f"--{mark}--\r\n").encode()


def texts_of(content: bytes) -> list[str]:
    """Every text that a search may be cut out of, header fields with their names."""
    found = searchable(content, scan(content))
    return [
        *(f"{name}: {value}" for name, value in found.headers),
        *(value for _, value in (*found.headers, *found.nested_headers)),
        *found.texts,
        *found.filenames,
        *(part.content().decode("utf-8", "replace") for part in found.attachments),
    ]


def needle(source: random.Random, contents: Sequence[bytes]) -> str:
    """Something that stands in the mail, or nearly."""
    texts = [text for text in texts_of(source.choice(contents)) if text]
    if not texts or not source.randrange(10):
        return source.choice((*WORDS, "", " ", ".", "e", "zzz", "subject: ", "x-"))
    text = source.choice(texts)
    start = source.randrange(len(text))
    found = text[start : start + source.choice((1, 2, 3, 5, 8, 13, 30, 200))]
    if not source.randrange(6):
        found = found.swapcase()
    return found


def leaf(source: random.Random, contents: Sequence[bytes]) -> q.Query:
    """One query for text."""
    text = needle(source, contents)
    return source.choice(
        (
            q.Text(text),
            q.Text(text),
            q.Body(text),
            q.Subject(text),
            q.Address(source.choice(("from", "to", "cc", "bcc")), text),
            q.Header(source.choice(("X-Tag", "message-id", "List-ID", "x-empty", "From")), text),
        )
    )


def query(source: random.Random, contents: Sequence[bytes], depth: int = 2) -> q.Query:
    """A tree of queries."""
    kind = source.randrange(8) if depth else 7
    if kind == 0:
        return q.Not(query(source, contents, depth - 1))
    if kind in (1, 2):
        parts = tuple(query(source, contents, depth - 1) for _ in range(source.randint(0, 3)))
        return q.And(parts) if kind == 1 else q.Or(parts)
    if kind == 3:
        return source.choice(
            (
                q.HasFlag(source.choice((Flag.SEEN, Flag.FLAGGED))),
                q.InUids(((2, 9), (14, 30))),
                q.SizeOver(500),
                q.SentBetween(None, None),
                q.Everything(),
            )
        )
    return leaf(source, contents)
