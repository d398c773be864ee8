"""What may be prepared on the event loop."""

import pytest

from pillarbox.domain.mail.content import is_quick

FULL = 64 * 1024


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: hello\r\n\r\n" + b"A few words, and a few more.\r\n" * 2000,
        b"Received: by x.test with ESMTP\r\n" * 100 + b"\r\n" + b"<p>hi, there</p>\r\n" * 3000,
        b"To: " + b"a@b.test, " * 600 + b"\r\n\r\n",
        b"",
    ],
)
def test_usual_mail_is_quick(content: bytes) -> None:
    assert is_quick(content[:FULL])


@pytest.mark.parametrize(
    "content",
    [
        b"To: x:;" + b"a (c) <b@c.test>, " * 4000 + b"\r\n\r\n",
        b"".join(name + b": x:;" + b"a," * 5000 + b"\r\n" for name in (b"To", b"Cc", b"Bcc")),
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\nX: y\r\n\r\n\r\n" * 3000,
        (b"Content-Type: Message/RFC822\r\nTo: " + b"a@b.test, " * 90 + b"\r\n\r\n") * 60,
        b"Subject: too long\r\n\r\n" + b"x" * FULL,
    ],
)
def test_what_takes_long_is_not(content: bytes) -> None:
    assert not is_quick(content[: FULL + 1])
