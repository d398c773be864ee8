"""The client's side of SASL, against the examples of the RFCs and the server's side."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.sasl import login, oauthbearer, plain
from pillarbox.wire.sasl.client import (
    MAX_ITERATIONS,
    Login,
    OAuthBearer,
    Plain,
    Scram,
    XOAuth2,
)
from pillarbox.wire.sasl.exchange import Bearer, Challenge, Credentials
from pillarbox.wire.sasl.scram import Scram as Server
from pillarbox.wire.sasl.scram import ScramName, ScramProof, make_verifier

# The exchange of RFC 7677 §3.
CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO"
NONCE = b"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
SERVER_FIRST = b"r=" + NONCE + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def begun() -> Scram:
    scram = Scram("user", "pencil", nonce=CLIENT_NONCE)
    assert scram.first() == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    return scram


class TestScram:
    def test_the_example_of_the_rfc(self) -> None:
        scram = begun()
        final = scram.step(SERVER_FIRST)
        proof = b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        assert final == b"c=biws,r=" + NONCE + b",p=" + proof
        with pytest.raises(GrammarError):
            scram.done()
        assert scram.step(SERVER_FINAL) == b""
        scram.done()

    @pytest.mark.parametrize("end_point", [None, b"a hash of 32 bytes, or of 48"])
    def test_names_and_bindings(self, end_point: bytes | None) -> None:
        name, password = "a=b,c", "pass\u00a0wörd"
        client = Scram(name, password, end_point=end_point)
        server = Server(plus=end_point is not None, end_point=end_point)
        verifier = make_verifier(password, b"salt", 4096)
        named = server.step(client.first())
        assert named == ScramName("", name)
        proof = server.step(client.step(server.challenge(b"salt", 4096, "server").data))
        assert isinstance(proof, ScramProof)
        assert proof.refused is None
        assert verifier.accepts(proof.message, proof.proof)
        client.step(server.success(verifier.signature(proof.message)).data)
        client.done()

    @pytest.mark.parametrize(
        "challenge",
        [
            b"",
            b"r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            b"r=" + CLIENT_NONCE.encode() + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            b"m=x," + SERVER_FIRST,
            SERVER_FIRST.replace(b"4096", b"4095"),
            SERVER_FIRST.replace(b"4096", b"%d" % (MAX_ITERATIONS + 1)),
            SERVER_FIRST.replace(b"4096", b"99999999999"),
            SERVER_FIRST.replace(b"W22Z", b"W2?Z"),
            b"e=other-error",
            SERVER_FINAL,
            b"r=" + NONCE * 10_000,
        ],
    )
    def test_what_a_server_must_not_say_first(self, challenge: bytes) -> None:
        with pytest.raises(GrammarError):
            begun().step(challenge)

    @pytest.mark.parametrize(
        "challenge",
        [
            b"",
            b"v=",
            b"v=AAAA",
            SERVER_FINAL.replace(b"6rri", b"6rrj"),
            b"e=invalid-proof",
            SERVER_FIRST,
        ],
    )
    def test_what_a_server_must_not_say_last(self, challenge: bytes) -> None:
        scram = begun()
        scram.step(SERVER_FIRST)
        with pytest.raises(GrammarError):
            scram.step(challenge)
        with pytest.raises(GrammarError):
            scram.done()

    def test_once_is_enough(self) -> None:
        scram = begun()
        scram.step(SERVER_FIRST)
        scram.step(SERVER_FINAL)
        with pytest.raises(GrammarError):
            scram.step(SERVER_FINAL)

    def test_says_that_it_could_have_bound(self) -> None:
        first = Scram("user", "x", can_bind=True, nonce="n").first()
        assert first == b"y,,n=user,r=n"

    def test_nonces_differ(self) -> None:
        assert Scram("u", "p").first() != Scram("u", "p").first()


class TestTheOthers:
    def test_plain(self) -> None:
        first = Plain("jörg", "pass word").first()
        assert plain.Plain().step(first) == Credentials("", "jörg", "pass word")
        with pytest.raises(GrammarError):
            Plain("a", "b").step(b"")

    def test_login(self) -> None:
        client, server = Login("ann", "s3cret"), login.Login()
        assert client.first() is None
        asked = server.step(None)
        assert isinstance(asked, Challenge)
        asked = server.step(client.step(asked.data))
        assert isinstance(asked, Challenge)
        with pytest.raises(GrammarError):
            client.done()
        assert server.step(client.step(asked.data)) == Credentials("", "ann", "s3cret")
        client.done()
        with pytest.raises(GrammarError):
            client.step(b"Password:")

    @pytest.mark.parametrize(
        ("client", "server"),
        [
            (OAuthBearer("a=b,c@x.test", "tok.en"), oauthbearer.OAuthBearer()),
            (XOAuth2("a=b,c@x.test", "tok.en"), oauthbearer.XOAuth2()),
        ],
    )
    def test_tokens(self, client: OAuthBearer, server: oauthbearer.OAuthBearer) -> None:
        assert server.step(client.first()) == Bearer("a=b,c@x.test", "tok.en")
        refusal = server.refuse("invalid_token", "mail")
        assert server.step(client.step(refusal.data)) is None
        assert "status" in client.reason
        with pytest.raises(GrammarError):
            client.done()
        with pytest.raises(GrammarError):
            client.step(refusal.data)

    def test_secrets_are_not_shown(self) -> None:
        for client in (Plain("a", "s3cret"), Login("a", "s3cret"), Scram("a", "s3cret")):
            assert "s3cret" not in repr(client)
