"""LOGIN."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.sasl.exchange import Challenge, Credentials, Exchange
from pillarbox.wire.sasl.login import Login


def test_two_questions() -> None:
    exchange: Exchange = Login()
    assert exchange.step(None) == Challenge(b"Username:")
    assert exchange.step(b"tim") == Challenge(b"Password:")
    assert exchange.step(b"secret") == Credentials("", "tim", "secret")
    with pytest.raises(GrammarError):
        exchange.step(b"secret")


def test_an_initial_response_is_the_name() -> None:
    exchange = Login()
    assert exchange.step(b"tim") == Challenge(b"Password:")
    assert exchange.step(b"secret") == Credentials("", "tim", "secret")


@pytest.mark.parametrize("name", [b"", b"a\0b", b"\xff", b"x" * 1025])
def test_bad_names(name: bytes) -> None:
    with pytest.raises(GrammarError):
        Login().step(name)


@pytest.mark.parametrize("password", [b"", b"a\0b", b"\xff", b"x" * 1025, None])
def test_bad_passwords(password: bytes | None) -> None:
    exchange = Login()
    exchange.step(b"tim")
    with pytest.raises(GrammarError):
        exchange.step(password)
