"""Messages and keys for these tests; RSA of 1024 bits is quick to make."""

from pillarbox.formats.mailauth.keys import KeyAlgorithm, key_record, new_key
from pillarbox.formats.mailauth.message import read_message
from pillarbox.formats.mailauth.results import SignatureResult
from pillarbox.formats.mailauth.sign import Signer, sign
from pillarbox.formats.mailauth.verify import Verification

NOW_S = 1_700_000_000
HEADER = (
    b"Received: from a by b; Thu, 1 Jan 2026 00:00:00 +0000\r\n"
    b"From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nSubject: Lunch\r\n  today\r\n"
    b"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n"
    b"List-Unsubscribe: <https://example.org/u>\r\n"
)
MESSAGE = HEADER + b"\r\nHello  Bob,\r\n\r\nlunch?\t\r\n\r\n"
SIGNERS = tuple(Signer("example.org", str(kind), new_key(kind, 1024)) for kind in KeyAlgorithm)
RECORDS: dict[str, tuple[str, ...] | None] = {
    f"{one.selector}._domainkey.{one.domain}": (key_record(one.key.algorithm, one.key.public()),)
    for one in SIGNERS
}


def signed(content: bytes = MESSAGE, lasts_s: int | None = None) -> bytes:
    return sign(read_message(content), SIGNERS, NOW_S, lasts_s) + content


def outcomes(
    content: bytes, records: dict[str, tuple[str, ...] | None] = RECORDS, now_s: int = NOW_S
) -> tuple[SignatureResult, ...]:
    verification = Verification(read_message(content))
    answers = {name: records.get(name, ()) for name in verification.questions}
    return verification.results(answers, now_s)
