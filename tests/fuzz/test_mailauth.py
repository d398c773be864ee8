"""Any bytes: no check raises, nothing but a real signature passes, what is signed verifies."""

from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.mailauth import MESSAGE, NOW_S, RECORDS, SIGNERS, outcomes, signed
from pillarbox.base.errors import GrammarError
from pillarbox.formats.mailauth.arc import ChainResult, ChainVerification
from pillarbox.formats.mailauth.arc_seal import seal
from pillarbox.formats.mailauth.keys import parse_key_record
from pillarbox.formats.mailauth.message import read_message
from pillarbox.formats.mailauth.results import Status
from pillarbox.formats.mailauth.srs import Srs
from pillarbox.formats.mailauth.tags import parse_tags

FUZZ = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
TAGS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *(b"v=1", b"v=DKIM1", b"a=rsa-sha256", b"a=ed25519-sha256", b"b=", b"b=AAAA"),
                *(b"bh=" + b"A" * 43 + b"=", b"d=example.org", b"s=rsa", b"s=ed25519", b"i=1"),
                *(b"i=@example.org", b"h=from", b"h=from:to:", b"c=relaxed/relaxed", b"l=3"),
                *(b"t=1", b"x=99999999999", b"q=dns/txt", b"cv=none", b"cv=pass", b"cv=fail"),
                *(b"p=", b"p=AAAA", b"k=ed25519", b"h=sha256", b"=", b"\r\n\t", b"\xff", b"\x00"),
            ]
        ),
        st.binary(max_size=6),
    ),
    max_size=14,
).map(b";".join)
NAMES = st.sampled_from(
    [b"DKIM-Signature", b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results", b"To"]
)
FIELDS = st.builds(lambda name, value: name + b":" + value + b"\r\n", NAMES, TAGS)
MESSAGES = st.builds(
    lambda fields, rest: b"".join(fields) + rest,
    st.lists(FIELDS, max_size=8),
    st.sampled_from([MESSAGE, signed(), b"", b"\r\n", b"x", MESSAGE[:60]]),
)
BODY = st.lists(
    st.sampled_from([b" ", b"\t", b"\r\n", b"\n", b"\r", b"a", b".", b"\x00", b"\xff"]), max_size=40
).map(b"".join)


def chain(content: bytes) -> ChainResult:
    verification = ChainVerification(read_message(content))
    answers = {name: RECORDS.get(name, ()) for name in verification.questions}
    return verification.result(answers, NOW_S)


@FUZZ
@given(MESSAGES)
def test_checks_never_raise(content: bytes) -> None:
    passed = [one for one in outcomes(content) if one.status is Status.PASS]
    assert len(passed) <= (2 if content.endswith(signed()[-len(MESSAGE) :]) else 0)
    found = chain(content)
    assert found.status in (Status.NONE, Status.FAIL)
    added = seal(read_message(content), found, SIGNERS[0], "mx", "spf=none", NOW_S)
    after = chain(added + content)
    assert after.status is (Status.PASS if found.status is Status.NONE else Status.FAIL)
    assert after.closed or after.status is Status.PASS


@FUZZ
@given(st.binary(max_size=300))
def test_any_bytes(content: bytes) -> None:
    outcomes(content)
    chain(content)
    for parse in (lambda: parse_tags(content), lambda: parse_key_record(content.decode("latin-1"))):
        try:
            parse()
        except GrammarError:
            pass


@FUZZ
@given(BODY, BODY)
def test_what_is_signed_verifies(header: bytes, body: bytes) -> None:
    content = (
        b"From: a@example.org\r\nSubject: " + header.replace(b"\n", b"\n ") + b"\r\n\r\n" + body
    )
    assert [one.status for one in outcomes(signed(content))] == [Status.PASS] * 2


@FUZZ
@given(TAGS)
def test_key_records(record: bytes) -> None:
    try:
        parse_key_record(record.decode("utf-8", "replace"))
    except GrammarError:
        pass


@FUZZ
@given(st.text(max_size=80), st.sampled_from(["SRS0=", "SRS1=", "srs0+", ""]))
def test_rewritten_senders(text: str, prefix: str) -> None:
    now, srs = datetime(2026, 1, 1, tzinfo=UTC), Srs(b"k" * 32)
    assert srs.reverse(prefix + text, now) is None
    rewritten = srs.forward(f"{text}@example.net", "our.test", now)
    assert rewritten == "" or rewritten.endswith("@our.test")
