"""Base subjects by the rules of RFC 5256 §2.1."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.formats.mime.base_subject import base_subject


@pytest.mark.parametrize(
    ("subject", "base", "is_reply"),
    [
        ("hello", "hello", False),
        ("", "", False),
        ("  hello \t world ", "hello world", False),
        ("Re: hello", "hello", True),
        ("RE:hello", "hello", True),
        ("re : hello", "hello", True),
        ("Fw: hello", "hello", True),
        ("fWD: hello", "hello", True),
        ("Re: Fwd: Re: hello", "hello", True),
        ("Re[4]: hello", "hello", True),
        ("Re [list] : hello", "hello", True),
        ("[list] hello", "hello", False),
        ("[list] Re: hello", "hello", True),
        ("Re: [list] hello", "hello", True),
        ("[a] [b] Re: [c] hello", "hello", True),
        ("[list]", "[list]", False),
        ("[a][b]", "[b]", False),
        ("Re: [list]", "[list]", True),
        ("hello (fwd)", "hello", True),
        ("hello (FWD) (fwd) ", "hello", True),
        ("(fwd)", "", True),
        ("[Fwd: hello]", "hello", True),
        ("[fwd: Re: hello (fwd)]", "hello", True),
        ("[Fwd: [Fwd: hello]] (fwd)", "hello", True),
        ("[Fwd: [list] hello]", "hello", True),
        ("[Fwd: ]", "", True),
        ("[Fwd: hello", "[Fwd: hello", False),
        ("[Fwd: hello] more", "more", False),
        ("Re:", "", True),
        ("Re", "Re", False),
        ("Rep: hello", "Rep: hello", False),
        ("hello Re: there", "hello Re: there", False),
        ("[unclosed hello", "[unclosed hello", False),
        ("[[a] hello", "[[a] hello", False),
        ("Re: Grüße", "Grüße", True),
        ("Ke\u0301: hello", "Ke\u0301: hello", False),
    ],
)
def test_bases(subject: str, base: str, is_reply: bool) -> None:
    assert base_subject(subject) == (base, is_reply)


PIECES = st.sampled_from(
    ["re", "fwd", "[", "]", ":", " ", "[fwd:", "(fwd)", "a", "[x]", "re[y]:", "\t", "ü"]
)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_a_base_is_its_own_base(subject: str) -> None:
    base, _ = base_subject(subject)
    assert base_subject(base) == (base, False)


@pytest.mark.parametrize(
    "piece",
    ["[a]", "[a", "re:", "re [", "(fwd)", "[fwd:", "[", "]", " ", "re [x]", "[x] re: [fwd:", "[]"],
)
def test_hostile_subjects_take_little_time(piece: str) -> None:
    subject = piece * (200_000 // len(piece))
    started = time.process_time()
    base_subject(subject)
    base_subject(subject + "]" * 100_000)
    assert time.process_time() - started < 2.0
