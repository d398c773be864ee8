"""What stays the same of a sender whose mail is tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.formats.reverse_path import stable_sender


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann@Sender.Test", "ann@sender.test"),
        ("prvs=1234ab5678=ann@x.test", "prvs=9876fe5432=ann@x.test"),
        ("prvs=1234ab5678=ann@x.test", "ann@x.test"),
        ("msprvs1=18000XX=ann@x.test", "msprvs1=18001YY=ann@x.test"),
        ("btv1==0123456==ann@x.test", "btv1==6543210==ann@x.test"),
        ("SRS0=HHHH=TT=a.test=ann@fwd.test", "srs0+IIII=UU=a.test=ann@fwd.test"),
        ("SRS1=HH=f.test==HH=TT=a.test=ann@x.test", "SRS1=II=f.test==II=UU=a.test=ann@x.test"),
        ("list-return-17-bob=b.test@l.test", "list-return-18-bob=b.test@l.test"),
        ("bounce+0a1b2c3d4e5f@m.test", "bounce+f5e4d3c2b1a0@m.test"),
        ("m_Xk9QwErTyUiOpAsDfGhJ@m.test", "m_9aBcDeFgHiJkLmNoPqRsT@m.test"),
    ],
)
def test_another_attempt_comes_to_the_same(one: str, other: str) -> None:
    assert stable_sender(one) == stable_sender(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann@a.test", "bob@a.test"),
        ("ann@a.test", "ann@b.test"),
        ("prvs=1234ab5678=ann@x.test", "prvs=1234ab5678=bob@x.test"),
        ("SRS0=HHHH=TT=a.test=ann@fwd.test", "SRS0=HHHH=TT=b.test=ann@fwd.test"),
        ("deadbeef@x.test", "cafebabe@x.test"),
        ("ann@a1.test", "ann@a2.test"),
        ("", "ann@a.test"),
    ],
)
def test_others_stay_others(one: str, other: str) -> None:
    assert stable_sender(one) != stable_sender(other)


@given(st.text(alphabet="prvsbtm=1-+@#SRS0a.", max_size=400))
def test_anything_may_be_a_path(path: str) -> None:
    assert len(stable_sender(path)) <= 640
