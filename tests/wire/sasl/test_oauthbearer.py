"""OAUTHBEARER and XOAUTH2: what clients say, and how a refusal is explained."""

import json

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.sasl.exchange import Bearer, Challenge
from pillarbox.wire.sasl.oauthbearer import INVALID_TOKEN, OAuthBearer, XOAuth2

TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="


class TestOAuthBearer:
    @pytest.mark.parametrize(
        ("message", "name"),
        [
            (
                f"n,a=user@example.com,\1host=example.com\1port=143\1auth=Bearer {TOKEN}\1\1",
                "user@example.com",
            ),
            (f"n,,\1auth=Bearer {TOKEN}\1\1", ""),
            (f"y,,\1auth=BEARER  {TOKEN}\1later=x\1\1", ""),
        ],
    )
    def test_a_claim(self, message: str, name: str) -> None:
        """RFC 7628 §4.1."""
        exchange = OAuthBearer()
        assert exchange.step(None) == Challenge(b"")
        assert exchange.step(message.encode()) == Bearer(name, TOKEN)
        with pytest.raises(GrammarError):
            exchange.step(b"")

    def test_asking_what_is_wanted(self) -> None:
        """RFC 7628 §4.3: an empty `auth`."""
        assert OAuthBearer().step(b"n,,\1auth=\1\1") == Bearer("", "")

    def test_a_refusal(self) -> None:
        """RFC 7628 §3.2.3: the reason, one response more, the end."""
        exchange = OAuthBearer()
        exchange.step(f"n,,\1auth=Bearer {TOKEN}\1\1".encode())
        reason = exchange.refuse(INVALID_TOKEN, "mail")
        assert json.loads(reason.data) == {"status": "invalid_token", "scope": "mail"}
        assert exchange.step(b"\1") is None
        with pytest.raises(GrammarError):
            exchange.step(b"\1")

    @pytest.mark.parametrize(
        "message",
        [
            b"",
            b"\1",
            b"n,,",
            b"n,,\1\1",
            b"n,,auth=Bearer x\1\1",
            b"n,,\1auth=Bearer x\1",
            b"n,,\1auth=Bearer x",
            b"n,,\1auth=Basic x\1\1",
            b"n,,\1auth=Bearer\1\1",
            b"n,,\1auth=Bearer x y\1\1",
            b"n,,\1auth=Bearer \xc3\xbc\1\1",
            b"n,,\1auth=Bearer x\1auth=Bearer y\1\1",
            b"n,,\1host=x\1\1",
            b"n,,\1ho-st=x\1auth=Bearer x\1\1",
            b"n,,\1" + b"".join(b"%b=x\1" % (b"a" * n) for n in range(1, 20)) + b"\1",
            b"p=tls-unique,,\1auth=Bearer x\1\1",
            b"n,,\1auth=Bearer " + b"x" * 4097 + b"\1\1",
        ],
    )
    def test_claims_that_are_none(self, message: bytes) -> None:
        with pytest.raises(GrammarError):
            OAuthBearer().step(message)

    def test_no_token_in_a_log(self) -> None:
        assert TOKEN not in repr(Bearer("", TOKEN))


class TestXOAuth2:
    def test_a_claim(self) -> None:
        message = f"user=user@example.com\1auth=Bearer {TOKEN}\1\1".encode()
        assert XOAuth2().step(message) == Bearer("user@example.com", TOKEN)

    def test_a_refusal(self) -> None:
        exchange = XOAuth2()
        exchange.step(f"user=x\1auth=Bearer {TOKEN}\1\1".encode())
        assert json.loads(exchange.refuse(INVALID_TOKEN, "mail").data) == {
            "status": "401",
            "schemes": "bearer",
            "scope": "mail",
        }
        assert exchange.step(b"") is None

    @pytest.mark.parametrize(
        "message",
        [b"", b"user=x", b"user=x\1", b"n,,\1auth=Bearer x\1\1", b"user=\0\1auth=Bearer x\1\1"],
    )
    def test_claims_that_are_none(self, message: bytes) -> None:
        with pytest.raises(GrammarError):
            XOAuth2().step(message)
