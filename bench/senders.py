"""Other people's servers as a bench plays them: their names and addresses, and mail they signed.

`servers/names.py` tells the world of them. Every sender's SPF, DKIM and DMARC are in order.
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "src")]

import corpus  # noqa: E402

from pillarbox.formats.mailauth.keys import SigningKey, load_pem  # noqa: E402
from pillarbox.formats.mailauth.message import read_message  # noqa: E402
from pillarbox.formats.mailauth.sign import Signer, sign  # noqa: E402

COUNT = 500
SELECTOR = "bench"
KEY_FILE = "senders.pem"
# Sizes of mail in bytes, and how often they come.
SIZES = ((3_000, 12), (12_000, 5), (50_000, 2), (250_000, 1))
_NETWORKS = ("192.0.2", "198.51.100")  # for examples (RFC 5737): nobody has these addresses
_HOSTS = 250


@dataclass(frozen=True, slots=True)
class Sender:
    """One of `COUNT`, each with a domain, a host and an address of its own."""

    number: int

    @property
    def domain(self) -> str:
        return f"d{self.number}.{corpus.DOMAIN}"

    @property
    def host(self) -> str:
        return f"mx.{self.domain}"

    @property
    def ip(self) -> str:
        return f"{_NETWORKS[self.number // _HOSTS]}.{self.number % _HOSTS + 1}"

    @property
    def address(self) -> str:
        return f"ann@{self.domain}"


def key_in(folder: str) -> SigningKey:
    """The key that the name server of a server in this folder made."""
    return load_pem((Path(folder) / KEY_FILE).read_bytes())


def letter(sender: Sender, key: SigningKey, recipient: str) -> bytes:
    """A signed message: text with an HTML alternative, some links, and a file where it is large."""
    source = random.Random(sender.number)
    sizes, weights = zip(*SIZES, strict=True)
    size_bytes = source.choices(sizes, weights)[0]
    words = corpus.text(source, min(size_bytes // 3, 12_000))
    links = [f"https://www.{sender.domain}/{source.getrandbits(40):x}" for _ in range(3)]
    links.append(f"https://shop{source.randrange(50)}.test/offer?id={source.getrandbits(32)}")
    shown = "".join(f"<p>{line}</p>\r\n" for line in words.split("\r\n"))
    anchors = "".join(f'<p><a href="{link}">look here</a></p>\r\n' for link in links)
    mark = f"mark-{source.getrandbits(48):x}"
    parts = [
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{words}" + "\r\n".join(links) + "\r\n",
        "Content-Type: text/html; charset=utf-8\r\n\r\n"
        f"<html><head><title>News</title></head><body>{shown}{anchors}</body></html>\r\n",
    ]
    kind = "alternative"
    rest = size_bytes - sum(map(len, parts))
    if rest > 10_000:
        kind = "mixed"
        parts.append(corpus.attached(source, rest * 3 // 4))
    head = (
        f"From: Ann of {sender.domain} <{sender.address}>\r\nTo: Bench <{recipient}>\r\n"
        f"Subject: {corpus.text(source, 30).strip()}\r\nDate: {formatdate(time.time())}\r\n"
        f"Message-ID: <{source.getrandbits(64):x}@{sender.domain}>\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/{kind}; boundary="{mark}"\r\n\r\n'
    )
    body = "".join(f"--{mark}\r\n{part}" for part in parts) + f"--{mark}--\r\n"
    content = (head + body).encode()
    signer = Signer(sender.domain, SELECTOR, key)
    return sign(read_message(content), (signer,), int(time.time())) + content
