"""Messages on their way in, as checks get them."""

from textwrap import dedent

from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.model import LocalTarget
from pillarbox.pipeline.inbound.checks.arrival import Arrival, Peer
from pillarbox.pipeline.inbound.checks.content import read_content
from pillarbox.pipeline.inbound.message import Recipient

IP = "192.0.2.7"


def arrival(
    content: str | bytes | None = None,
    *,
    ip: str = IP,
    outside: bool = True,
    helo: str = "mail.sender.test",
    reverse_path: str = "ann@sender.test",
    to: tuple[str, ...] = ("bob@example.test",),
    tls: bool = False,
) -> Arrival:
    """A message; text is dedented, and its lines get CRLF."""
    found = Arrival(
        peer=Peer(ip, outside),
        helo=helo,
        reverse_path=reverse_path,
        recipients=[recipient(path, number) for number, path in enumerate(to, 1)],
        tls=tls,
    )
    if content is not None:
        found.content = read_content(data(content))
    return found


def data(content: str | bytes) -> bytes:
    """The bytes of a message that a test wrote as text."""
    if isinstance(content, bytes):
        return content
    return dedent(content).lstrip("\n").replace("\n", "\r\n").encode()


def recipient(path: str, account: int) -> Recipient:
    """A recipient here, with an account of that number."""
    return Recipient(path, (LocalTarget(AccountId(account), path, None),), here=True)
