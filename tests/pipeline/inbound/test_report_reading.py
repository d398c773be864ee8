"""Who vouches for a report that came by mail."""

import pytest

from kit.checks import arrival
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.formats.mailauth.spf.result import SpfResult, SpfStatus
from pillarbox.pipeline.inbound.report_reading import vouched

GOOD = SignatureResult(Status.PASS, "", domain="signer.test")


@pytest.mark.parametrize(
    ("signature", "spf", "expected"),
    [
        (GOOD, SpfStatus.PASS, ("signer.test", "sender.test")),
        (GOOD, SpfStatus.SOFTFAIL, ("signer.test",)),
        (SignatureResult(Status.FAIL, "", domain="signer.test"), SpfStatus.NONE, ()),
        # Behind what is signed anybody may write a report of their own.
        (SignatureResult(Status.PASS, "", domain="signer.test", beyond=10), SpfStatus.NONE, ()),
        (SignatureResult(Status.PASS, "", domain="signer.test", testing=True), SpfStatus.NONE, ()),
    ],
)
def test_vouched(signature: SignatureResult, spf: SpfStatus, expected: tuple[str, ...]) -> None:
    made = arrival(b"Subject: x\r\n\r\nx\r\n")
    made.results.dkim = (signature,)
    made.results.spf = SpfResult(spf, "sender.test")
    assert vouched(made) == expected


def test_mail_that_was_not_checked() -> None:
    assert vouched(None) == ()
