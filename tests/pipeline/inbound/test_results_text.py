"""What the checks established, as others are told; read again by ourselves and by authheaders."""

import authheaders
import authres

from kit.checks import arrival
from kit.mailauth import MESSAGE, RECORDS, signed
from pillarbox.formats.mailauth.arc import ChainResult
from pillarbox.formats.mailauth.authentication_results import field, parse_results
from pillarbox.formats.mailauth.dmarc.evaluate import Disposition, DmarcResult
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.formats.mailauth.spf.result import SpfResult, SpfStatus
from pillarbox.pipeline.inbound.results_text import results_text


def test_nothing_was_checked() -> None:
    assert results_text(arrival(MESSAGE)) == ""


def test_everything_was() -> None:
    coming = arrival(MESSAGE, reverse_path="ann@bücher.example", helo="mail.sender.test")
    results = coming.results
    results.iprev, results.verified_name = "pass", "mail.sender.test"
    results.helo_spf = SpfResult(SpfStatus.PASS, "mail.sender.test")
    results.spf = SpfResult(SpfStatus.SOFTFAIL, "xn--bcher-kva.example")
    results.dkim = (
        SignatureResult(Status.PASS, "", domain="example.org", selector="s"),
        SignatureResult(Status.FAIL, "the body has changed", domain="b.test"),
    )
    results.arc = ChainResult(Status.FAIL, "a set is not whole")
    results.dmarc = DmarcResult(
        Status.PASS, "example.org", "example.org", requested=Disposition.REJECT
    )
    assert results_text(coming).split("; ") == [
        "dmarc=pass header.from=example.org policy.dmarc=none"
        " policy.published-domain-policy=reject",
        "spf=softfail smtp.mailfrom=ann@xn--bcher-kva.example",
        "dkim=pass header.d=example.org header.s=s",
        'dkim=fail reason="the body has changed" header.d=b.test',
        'arc=fail reason="a set is not whole"',
        "spf=pass smtp.helo=mail.sender.test",
        "iprev=pass (mail.sender.test) policy.iprev=192.0.2.7",
    ]


def test_null_reverse_paths() -> None:
    coming = arrival(MESSAGE, reverse_path="", helo="mail.sender.test")
    coming.results.spf = coming.results.helo_spf = SpfResult(SpfStatus.PASS, "mail.sender.test")
    assert results_text(coming) == "spf=pass smtp.helo=mail.sender.test"


def test_hostile_words_stay_in_their_place() -> None:
    coming = arrival(MESSAGE, reverse_path='"x; dmarc=pass header.from=bank.test"@evil.test')
    coming.results.spf = SpfResult(SpfStatus.PASS, "evil.test", reason="a\r\nX: y; dkim=pass")
    whole = field("mx.example.test", results_text(coming))
    assert whole.count(b"\r\n") == whole.count(b"\r\n\t") + 1
    read = parse_results(whole.partition(b":")[2])
    assert [one.method for one in read.results] == ["spf"]
    theirs = authres.parse(whole.decode().strip())
    assert [one.method for one in theirs.results] == ["spf"]


def test_results_of_authheaders_are_understood() -> None:
    records = {f"{name}.": texts[0] for name, texts in RECORDS.items() if texts}
    records["_dmarc.example.org"] = "v=DMARC1; p=reject"

    def texts(name: bytes | str, timeout: float = 0) -> bytes | str | None:
        if isinstance(name, bytes):
            return records.get(name.decode(), "").encode()
        return records.get(name)

    written = authheaders.authenticate_message(signed(), "mx.example.test", dnsfunc=texts)
    read = parse_results(written.partition(":")[2].encode())
    assert read.authserv_id == "mx.example.test"
    assert [(one.method, one.result) for one in read.results] == [
        ("dkim", "pass"),
        ("dmarc", "pass"),
    ]
    assert read.of("dkim")[0].value("header", "d") == "example.org"
    assert read.of("dmarc")[0].value("header", "from") == "example.org"
