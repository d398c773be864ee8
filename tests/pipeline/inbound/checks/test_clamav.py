"""How large a message the policies of its recipients have scanned."""

import pytest

from kit.checks import arrival
from pillarbox.domain.policy.model import Policy
from pillarbox.pipeline.inbound.checks.clamav import ClamavCheck
from pillarbox.pipeline.scanning.model import Scan

SMALL = Policy("small.test", clamav_max_scan_bytes=10)
OFF = Policy("off.test", off=frozenset({"clamav"}))
LARGE = Policy("large.test")


class Finds:
    """A scanner to which everything is a virus."""

    async def scan(self, content: bytes) -> Scan:
        return Scan(virus="Test-1")


@pytest.mark.parametrize(
    ("policies", "found"),
    [
        ((), "virus"),
        ((SMALL,), "clamav_skipped"),
        ((SMALL, OFF), "clamav_skipped"),
        ((SMALL, LARGE), "virus"),
    ],
)
async def test_the_largest_limit_of_any_recipient(policies: tuple[Policy, ...], found: str) -> None:
    came = arrival("Subject: x\n\nlonger than ten octets\n")
    came.policies = {one.domain: one for one in policies}
    (finding,) = await ClamavCheck(Finds(), 10).run(came)
    assert finding.name == found
