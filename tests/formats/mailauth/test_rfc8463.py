"""The example of RFC 8463 Appendix A: a message with a signature of each kind."""

from base64 import b64decode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pillarbox.formats.mailauth.canonical import Canonical
from pillarbox.formats.mailauth.keys import SigningKey, key_record
from pillarbox.formats.mailauth.message import SignedField, read_message
from pillarbox.formats.mailauth.results import Status
from pillarbox.formats.mailauth.signature import parse_dkim
from pillarbox.formats.mailauth.signed_header import SignedHeader
from pillarbox.formats.mailauth.tags import without_value
from pillarbox.formats.mailauth.verify import Verification

SECRET = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
ED25519 = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
RSA = (
    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6w"
    "y5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9Pz"
    "oxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
)
ANSWERS: dict[str, tuple[str, ...] | None] = {
    "brisbane._domainkey.football.example.com": (ED25519,),
    "test._domainkey.football.example.com": (RSA,),
}
MESSAGE = b"""\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
""".replace(b"\n", b"\r\n")


def test_both_signatures_match() -> None:
    verification = Verification(read_message(MESSAGE))
    assert set(verification.questions) == set(ANSWERS)
    found = verification.results(ANSWERS, 1528637910)
    assert [one.status for one in found] == [Status.PASS, Status.PASS]
    changed = Verification(read_message(MESSAGE.replace(b"hungry", b"angry")))
    assert {one.status for one in changed.results(ANSWERS, 1528637910)} == {Status.FAIL}


def test_signing_with_its_key_gives_its_signature() -> None:
    """Ed25519 is deterministic."""
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(b64decode(SECRET)))
    assert key_record(key.algorithm, key.public()) == ED25519
    message = read_message(MESSAGE)
    signature = parse_dkim(message.fields[0])
    empty = SignedField(b"dkim-signature", without_value(signature.field.whole, b"b"))
    header = SignedHeader(message)
    digest = header.digest(signature.headers, Canonical.RELAXED, empty)
    assert key.sign(digest) == signature.octets
