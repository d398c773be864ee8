"""Messages that hosts of a test passed on and sealed (ARC)."""

from kit.mailauth import NOW_S
from pillarbox.formats.mailauth.arc import ChainVerification
from pillarbox.formats.mailauth.arc_seal import seal
from pillarbox.formats.mailauth.keys import KeyAlgorithm, key_record, new_key
from pillarbox.formats.mailauth.message import read_message
from pillarbox.formats.mailauth.sign import Signer

FIRST, SECOND = "lists.example.net", "relay.example.com"
_SIGNERS = {
    domain: Signer(domain, "arc", new_key(KeyAlgorithm.RSA, 1024)) for domain in (FIRST, SECOND)
}
ZONE: dict[str, tuple[str, ...]] = {
    f"arc._domainkey.{domain}": (key_record(one.key.algorithm, one.key.public()),)
    for domain, one in _SIGNERS.items()
}


def sealed(content: bytes, *hops: tuple[str, str]) -> bytes:
    """A message with a set of each hop: its domain, and what it says it found."""
    for domain, results in hops:
        message = read_message(content)
        verification = ChainVerification(message)
        chain = verification.result({name: ZONE[name] for name in verification.questions}, NOW_S)
        content = seal(message, chain, _SIGNERS[domain], domain, results, NOW_S) + content
    return content
