"""Authentication-Results written and read (RFC 8601 §2.2).

authres reads what we write, and we what it writes. Of signatures enough is shown to tell them apart
(RFC 6008 §4).
"""

import time

import authres
import authres.dmarc
import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mailauth.arc import ChainResult
from pillarbox.formats.mailauth.authentication_results import (
    FIELD_BYTES,
    METHODS_MAX,
    MethodResult,
    Property,
    claims_name,
    field,
    parse_arc_results,
    parse_results,
    parts_of,
    text_of_results,
)
from pillarbox.formats.mailauth.dmarc.evaluate import Disposition, DmarcResult
from pillarbox.formats.mailauth.keys import KeyAlgorithm
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.formats.mailauth.results_written import (
    arc_written,
    dkim_written,
    dmarc_written,
    iprev_written,
    spf_written,
)
from pillarbox.formats.mailauth.spf.result import SpfResult, SpfStatus

SIGNED = SignatureResult(
    Status.PASS,
    "",
    domain="example.org",
    selector="2026",
    identity="@example.org",
    algorithm=KeyAlgorithm.RSA,
    key_bits=1024,
    octets=b"\xff\xef" * 32,
)


def value_of(whole: bytes) -> bytes:
    return whole.partition(b":")[2]


def test_nothing_checked() -> None:
    assert field("mx.example.test", "") == (
        b"Authentication-Results: mx.example.test;\r\n\tnone\r\n"
    )


def test_a_whole_field() -> None:
    text = text_of_results(
        (
            dmarc_written(
                DmarcResult(
                    Status.FAIL,
                    "example.org",
                    policy_domain="example.org",
                    disposition=Disposition.QUARANTINE,
                    requested=Disposition.REJECT,
                    reason="neither SPF nor DKIM vouches for it",
                )
            ),
            spf_written(SpfResult(SpfStatus.PASS, "example.net"), "ann@example.net", "mx"),
            *dkim_written((SIGNED,)),
            iprev_written("pass", "2001:db8::1", "mail.example.net"),
        )
    )
    assert field("mx.example.test", text) == (
        b"Authentication-Results: mx.example.test;\r\n"
        b'\tdmarc=fail reason="neither SPF nor DKIM vouches for it"\r\n'
        b"\t header.from=example.org policy.dmarc=quarantine\r\n"
        b"\t policy.published-domain-policy=reject;\r\n"
        b"\tspf=pass smtp.mailfrom=ann@example.net;\r\n"
        b"\tdkim=pass (1024-bit key) header.d=example.org header.i=@example.org\r\n"
        b'\t header.s=2026 header.a=rsa-sha256 header.b="/+//7//v/+//";\r\n'
        b'\tiprev=pass (mail.example.net) policy.iprev="2001:db8::1"\r\n'
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            spf_written(SpfResult(SpfStatus.NONE, "h.test"), "", "h.test"),
            "spf=none smtp.helo=h.test",
        ),
        (
            spf_written(SpfResult(SpfStatus.FAIL, "x"), "ü@bücher.example", "h"),
            "spf=fail smtp.mailfrom=xn--bcher-kva.example",
        ),
        (
            spf_written(SpfResult(SpfStatus.PASS, "x"), '"a;b c"@example.org', "h"),
            'spf=pass smtp.mailfrom="\\"a;b c\\"@example.org"',
        ),
        (
            spf_written(SpfResult(SpfStatus.TEMPERROR, "x", reason='a"\\\r\nb'), "a@b", "h"),
            'spf=temperror reason="a\\"\\\\?b" smtp.mailfrom=a@b',
        ),
        (dkim_written(())[0], "dkim=none"),
        (
            dkim_written((SignatureResult(Status.PASS, "", domain="e.org", beyond=7),))[0],
            'dkim=policy reason="7 octets of the body are not signed" header.d=e.org',
        ),
        (
            dkim_written((SignatureResult(Status.FAIL, "x", key_bits=2048, testing=True),))[0],
            'dkim=fail (2048-bit key, testing) reason="x"',
        ),
        (arc_written(ChainResult(Status.NONE), "192.0.2.1"), "arc=none"),
        (
            dmarc_written(DmarcResult(Status.NONE, "e.org", reason="the domain publishes none")),
            'dmarc=none reason="the domain publishes none" header.from=e.org',
        ),
        (iprev_written("fail", "192.0.2.1", "a(b\\c"), "iprev=fail (a b c) policy.iprev=192.0.2.1"),
    ],
)
def test_results(written: MethodResult, expected: str) -> None:
    assert text_of_results((written,)) == expected


def test_what_is_written_reads_the_same() -> None:
    wild = 'a "b" \\ (c; d=e) header.d=evil.test'
    one = MethodResult("x", "fail", (Property("header", "d", wild),), wild)
    text = text_of_results((one, MethodResult("y", "pass")))
    assert parts_of(text) == [text.removesuffix("; y=pass"), "y=pass"]
    read = parse_results(value_of(field("mx.example.test", text)))
    assert read.authserv_id == "mx.example.test"
    assert read.results == (one, MethodResult("y", "pass"))


def test_lines_are_short() -> None:
    long = "a" * 250
    one = MethodResult("dkim", "fail", (Property("header", "d", long),) * 4, "r " * 20)
    written = field("mx.example.test", text_of_results([one] * 30))
    lines = written.split(b"\r\n")
    assert max(map(len, lines)) <= len(long) + 20
    assert all(line.startswith(b"\t") for line in lines[1:-1])
    assert 3 < written.count(b"dkim=") < 30
    assert all(len(line) <= 78 for line in lines if b"a" * 250 not in line)


def test_authres_reads_ours() -> None:
    text = text_of_results(
        (
            spf_written(SpfResult(SpfStatus.PASS, "example.net"), "ann@example.net", "mx"),
            *dkim_written((SIGNED,)),
            dmarc_written(DmarcResult(Status.PASS, "example.org", policy_domain="example.org")),
        )
    )
    reader = authres.FeatureContext(authres.dmarc)
    read = reader.parse(field("mx.example.test", text).decode().strip())
    assert read.authserv_id == "mx.example.test"
    assert [(one.method, one.result) for one in read.results] == [
        ("spf", "pass"),
        ("dkim", "pass"),
        ("dmarc", "pass"),
    ]
    assert read.results[0].smtp_mailfrom == "ann@example.net"
    assert read.results[1].header_d == "example.org"
    assert read.results[1].header_i == "@example.org"
    assert read.results[2].header_from == "example.org"


def test_we_read_authres() -> None:
    written = str(
        authres.AuthenticationResultsHeader(
            authserv_id="mx.example.test",
            results=[
                authres.SPFAuthenticationResult(
                    result="pass", smtp_mailfrom="a@example.net", reason="it (really) matched; yes"
                ),
                authres.DKIMAuthenticationResult(
                    result="fail", header_d="example.org", result_comment="odd (very); comment"
                ),
            ],
        )
    )
    read = parse_results(value_of(written.encode()))
    assert read.authserv_id == "mx.example.test"
    assert [(one.method, one.result) for one in read.results] == [("spf", "pass"), ("dkim", "fail")]
    assert read.of("spf")[0].reason == "it (really) matched; yes"
    assert read.of("spf")[0].value("smtp", "mailfrom") == "a@example.net"
    assert read.of("dkim")[0].value("header", "d") == "example.org"


@pytest.mark.parametrize(
    ("value", "name", "results"),
    [
        (b" example.org 1; none", "example.org", []),
        (b"example.org", "example.org", []),
        (b"EXAMPLE.org.;spf=pass", "example.org", [("spf", "pass", [])]),
        (
            b"(a) foo.example.net (foobar) 1 (baz); dkim (Because I like it) / 1 (One yay)\r\n"
            b" = (wait for it) fail policy (A dot can go here) . (like that) expired\r\n"
            b" (this surprised me) = (as I wasn't expecting it) 1362471462",
            "foo.example.net",
            [("dkim", "fail", [("policy", "expired", "1362471462")])],
        ),
        (
            b"mx; DKIM=Pass header.b=AbC=/+== Header.D = example.org; bad; =; spf=; x",
            "mx",
            [("dkim", "pass", [("header", "b", "AbC=/+=="), ("header", "d", "example.org")])],
        ),
        (
            b'mx; spf=pass smtp.mailfrom=a."x;dmarc=pass header.from=bank.test"@evil.test',
            "mx",
            [
                (
                    "spf",
                    "pass",
                    [("smtp", "mailfrom", "a.x;dmarc=pass header.from=bank.test@evil.test")],
                )
            ],
        ),
        (
            b'mx; spf=pass "header.from=bank.test" smtp.mailfrom=a',
            "mx",
            [("spf", "pass", [("smtp", "mailfrom", "a")])],
        ),
        (b'(") mx (") other; a=b', "mx", [("a", "b", [])]),
        (b'"m\\x"; a=b', "mx", [("a", "b", [])]),
    ],
)
def test_reading(value: bytes, name: str, results: list[tuple[str, str, list[object]]]) -> None:
    read = parse_results(value)
    assert read.authserv_id == name
    assert [
        (one.method, one.result, [tuple(each) for each in one.properties]) for one in read.results
    ] == results


@pytest.mark.parametrize("value", [b"", b" ; spf=pass", b'"x', b"(x) ", b"x" * (FIELD_BYTES + 1)])
def test_what_cannot_be_read(value: bytes) -> None:
    with pytest.raises(GrammarError):
        parse_results(value)


def test_reading_a_field_of_a_chain() -> None:
    read = parse_arc_results(b" i=2; lists.example.test; dmarc=pass header.from=example.org")
    assert read.instance == 2
    assert read.authserv_id == "lists.example.test"
    assert read.of("dmarc")[0].value("header", "from") == "example.org"
    with pytest.raises(GrammarError):
        parse_arc_results(b"lists.example.test; dmarc=pass")


def test_only_so_many_are_read() -> None:
    read = parse_results(b"mx" + b"; a=b" * 1000)
    assert len(read.results) == METHODS_MAX


PIECES = [b"(", b"()", b'"', b'\\"', b"a", b" ", b'="', b".", b";", b"a=", b'a=\\"', b'a="\\']
PIECES += [b'\\\\"', b"\\(", b'("', b'a="b\\"', b'=\\\\"', b"\\"]


@pytest.mark.parametrize("piece", PIECES)
def test_time_grows_no_faster_than_size(piece: bytes) -> None:
    value = b"mx; a=b " + piece * ((FIELD_BYTES - 20) // len(piece))
    begun = time.process_time()
    parse_results(value)
    claims_name(value, "mx.example.test")
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("value", "claims"),
    [
        (b"mx.example.test; spf=pass", True),
        (b"MX.Example.TEST.;spf=pass", True),
        (b"\r\n\tmx.example.test 1; none", True),
        (b'"mx.example.test"; none', True),
        (b'"mx\\.example.test"; none', True),
        (b"(a(b)c)mx.example.test(d)1; none", True),
        (b'(") mx.example.test; spf=pass (") other.test; none', True),
        (b"mx.example.test(x; spf=pass", True),
        (b"((((((x)))))) mx.example.test; none", True),
        (b'"mx.example.test; spf=pass', True),
        (b"\xe2\x80\x8bmx.example.test", True),
        (b"mx.exam\0ple.test; spf=pass", True),
        (b"(mx.exam\0ple.test; spf=pass", True),
        (b"mx.example.test.evil.test; spf=pass", False),
        (b"other.test; x=mx.example.test", False),
        (b"other.test (mx.example.test); none", False),
        (b"other.test; x=y" + b" " * FIELD_BYTES, False),
        (b"mx.example.test; x=y" + b" " * FIELD_BYTES, True),
        (b"", False),
    ],
)
def test_whose_name_is_claimed(value: bytes, claims: bool) -> None:
    assert claims_name(value, "mx.example.test") is claims


def test_names_in_other_scripts() -> None:
    for spelled in ("bücher.example", "BÜCHER.example", "xn--bcher-kva.example"):
        assert claims_name(f"{spelled}; none".encode(), "xn--bcher-kva.example")
