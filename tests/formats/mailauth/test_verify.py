"""Refusals of the verifier, each by its reason."""

import time
from base64 import b64encode

import pytest

from kit.mailauth import MESSAGE, NOW_S, RECORDS, SIGNERS, outcomes, signed
from pillarbox.base.errors import GrammarError
from pillarbox.formats.mailauth.canonical import Canonical, hash_body
from pillarbox.formats.mailauth.folding import signed_field, unsigned_field
from pillarbox.formats.mailauth.keys import KeyAlgorithm, key_record, new_key
from pillarbox.formats.mailauth.message import read_message
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.formats.mailauth.signed_header import SignedHeader
from pillarbox.formats.mailauth.verify import SIGNATURES_MOST, Verification

NAME = "rsa._domainkey.example.org"


def made(content: bytes = MESSAGE, /, **changed: str) -> bytes:
    """A message signed with RSA whose tags the test chooses; an empty one is left out."""
    message = read_message(content)
    body = hash_body(content, message.body_start, Canonical.RELAXED, (None, 5))
    tags = {
        "v": "1",
        "a": "rsa-sha256",
        "c": "relaxed/relaxed",
        "d": "example.org",
        "s": "rsa",
        "h": "from:subject",
        "bh": b64encode(body[5 if changed.get("l") == "5" else None].digest).decode(),
        **changed,
    }
    field = unsigned_field("DKIM-Signature", [(n, v) for n, v in tags.items() if v != ""])
    names = tags["h"].replace(" ", "").lower().encode().split(b":")
    header_form = Canonical.RELAXED if tags["c"].startswith("relaxed") else Canonical.SIMPLE
    digest = SignedHeader(message).digest(names, header_form, field)
    return signed_field(field, SIGNERS[0].key.sign(digest)) + content


def one(content: bytes, record: str | None = "", now_s: int = NOW_S) -> SignatureResult:
    records = RECORDS if record == "" else {NAME: None if record is None else (record,)}
    (result,) = outcomes(content, dict(records), now_s)
    return result


def test_a_good_one() -> None:
    assert one(made()).status is Status.PASS
    assert one(made(c="simple/relaxed")).status is Status.PASS
    assert one(made(c="relaxed")).status is Status.FAIL  # the body is then in simple form
    assert one(made(i="ann@mail.example.org", q="dns/txt", z="From:x", y="?")).identity == (
        "ann@mail.example.org"
    )


def test_a_second_from_has_to_be_signed_too() -> None:
    """RFC 6376 §8.15: readers may show the one that was added above."""
    added = b"From: somebody@example.com\r\n"
    found = one(added + made())
    assert (found.status, found.reason) == (Status.FAIL, "there is a From that is not signed")
    assert one(made(added + MESSAGE, h="from:from:subject")).status is Status.PASS


@pytest.mark.parametrize(
    ("changed", "status", "reason"),
    [
        ({"v": "2"}, Status.NEUTRAL, "version"),
        ({"v": ""}, Status.PERMERROR, "v= is missing"),
        ({"d": ""}, Status.PERMERROR, "d= is missing"),
        ({"s": ""}, Status.PERMERROR, "s= is missing"),
        ({"bh": ""}, Status.PERMERROR, "bh= is missing"),
        ({"a": "rsa-sha1"}, Status.PERMERROR, "rsa-sha1"),
        ({"a": "rsa-sha512"}, Status.NEUTRAL, "algorithm"),
        ({"c": "nofws"}, Status.NEUTRAL, "canonical"),
        ({"q": "dns/other"}, Status.NEUTRAL, "asked"),
        ({"h": "subject:to"}, Status.PERMERROR, "From"),
        ({"h": "from" + ":x" * 600}, Status.PERMERROR, "too many"),
        ({"d": "bad_domain!"}, Status.PERMERROR, "domain"),
        ({"d": "[192.0.2.1]"}, Status.PERMERROR, "domain"),
        ({"s": "a b"}, Status.PERMERROR, "selector"),
        ({"s": "a..b"}, Status.PERMERROR, "selector"),
        ({"i": "ann@example.com"}, Status.PERMERROR, "within"),
        ({"i": "ann@notexample.org"}, Status.PERMERROR, "within"),
        ({"i": "ann"}, Status.PERMERROR, "address"),
        ({"t": "x"}, Status.PERMERROR, "number"),
        ({"t": "10", "x": "5"}, Status.PERMERROR, "before"),
        ({"l": "-1"}, Status.PERMERROR, "number"),
        ({"bh": "aGVsbG8="}, Status.PERMERROR, "SHA-256"),
        ({"x": str(NOW_S - 1000)}, Status.FAIL, "expired"),
        ({"l": "5000"}, Status.FAIL, "shorter"),
    ],
    ids=str,
)
def test_signatures_that_are_refused(changed: dict[str, str], status: Status, reason: str) -> None:
    found = one(made(**changed))
    assert found.status is status
    assert reason in found.reason


def test_clocks_may_differ_a_little() -> None:
    assert one(made(x=str(NOW_S - 100))).status is Status.PASS


def test_a_length_is_told() -> None:
    content = made(l="5")
    found = one(content + b"added by somebody\r\n")
    assert (found.status, found.length) == (Status.PASS, 5)
    assert found.beyond > len(b"added by somebody")


def test_keys() -> None:
    key = SIGNERS[0].key
    record = key_record(key.algorithm, key.public())
    assert one(made(), record + "; t=y").testing
    strict = one(made(i="ann@mail.example.org"), record + "; t=s")
    assert (strict.status, "subdomains" in strict.reason) == (Status.PERMERROR, True)
    assert one(made(), record + "; t=s").status is Status.PASS
    assert one(made(), None).status is Status.TEMPERROR
    assert one(made(), "v=DKIM1; p=").reason == "the key is revoked"
    other = new_key(KeyAlgorithm.RSA, 1024)
    wrong = one(made(), key_record(other.algorithm, other.public()))
    assert (wrong.status, wrong.key_bits) == (Status.FAIL, 1024)
    ed25519 = RECORDS["ed25519._domainkey.example.org"]
    assert ed25519 is not None
    assert "another kind" in one(made(), ed25519[0]).reason
    (missing,) = outcomes(made(), {})
    assert (missing.status, missing.domain) == (Status.PERMERROR, "example.org")


def test_the_first_record_that_can_be_used_is() -> None:
    key = SIGNERS[0].key
    records = ("v=spf1 -all", "", key_record(key.algorithm, key.public()))
    (found,) = outcomes(made(), {NAME: records})
    assert found.status is Status.PASS


def test_no_more_than_eight_are_looked_at() -> None:
    content = made()
    signature = content[: -len(MESSAGE)]
    found = outcomes(signature * 50 + MESSAGE)
    assert len(found) == SIGNATURES_MOST
    assert Verification(read_message(signature * 50 + MESSAGE)).questions == (NAME,)


def test_a_header_that_can_not_be_seen_whole() -> None:
    with pytest.raises(GrammarError):
        read_message(b"X: y\r\n" * 60_000 + b"\r\n")
    assert read_message(b"\r\n" + b"X: y\r\n" * 60_000).fields == ()


@pytest.mark.parametrize(
    "unit",
    [b"From: x\r\n", b" \t\r\n", b"a:\r\n", b"DKIM-Signature: v=1;\r\n", b"=", b";"],
    ids=repr,
)
def test_large_headers_take_linear_time(unit: bytes) -> None:
    names = "from" + ":a" * 500
    content = made(b"A: b\r\n" + unit * (200_000 // len(unit)) + b"\r\n" + MESSAGE, h=names)
    begin = time.process_time()
    for _ in range(8):
        outcomes(content[: content.index(b"A: b")] * 8 + content)
    assert time.process_time() - begin < 8


def test_signing_and_checking_agree_on_repeated_fields() -> None:
    content = b"Subject: first\r\n" + MESSAGE
    assert one(made(content, h="from:subject:subject")).status is Status.PASS
    assert one(made(content, h="from:subject")).status is Status.PASS
    changed = made(content, h="from:subject").replace(b"Subject: first", b"Subject: other")
    assert one(changed).status is Status.PASS  # only the lowest is signed
    assert [found.status for found in outcomes(signed(content))] == [Status.PASS] * 2
