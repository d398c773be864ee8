"""SCRAM-SHA-256: the messages, the arithmetic, and what ends an exchange."""

from base64 import b64decode, b64encode

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.sasl.exchange import Challenge
from pillarbox.wire.sasl.scram import (
    MAX_MESSAGE_BYTES,
    Scram,
    ScramDone,
    ScramName,
    ScramProof,
    Verifier,
    make_verifier,
)

# The exchange of RFC 7677 §3.
SALT = b64decode(b"W22ZaJ0SNY7soEsUEjb6gQ==")
CLIENT_NONCE = b"rOprNGfwEbeRWgbNEkqO"
SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
NONCE = CLIENT_NONCE + SERVER_NONCE.encode()
FIRST = b"n,,n=user,r=" + CLIENT_NONCE
SERVER_FIRST = b"r=" + NONCE + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
FINAL = b"c=biws,r=" + NONCE + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def start(first: bytes = FIRST, *, plus: bool = False, end_point: bytes | None = None) -> Scram:
    scram = Scram(plus=plus, end_point=end_point)
    answer = scram.step(first)
    assert isinstance(answer, ScramName)
    assert answer.refused is None
    assert scram.challenge(SALT, 4096, SERVER_NONCE).data.startswith(b"r=" + NONCE)
    return scram


def final(
    binding: bytes, nonce: bytes = NONCE, rest: bytes = b"", proof: bytes = bytes(32)
) -> bytes:
    return b"c=%b,r=%b%b,p=%b" % (b64encode(binding), nonce, rest, b64encode(proof))


class TestTheExampleOfTheRfc:
    def test_the_whole_exchange(self) -> None:
        verifier = make_verifier("pencil", SALT, 4096)
        scram = Scram(plus=False, end_point=None)
        assert scram.step(None) == Challenge(b"")
        assert scram.step(FIRST) == ScramName("", "user")
        assert scram.challenge(SALT, 4096, SERVER_NONCE) == Challenge(SERVER_FIRST)
        proof = scram.step(FINAL)
        assert isinstance(proof, ScramProof)
        assert proof.refused is None
        assert verifier.accepts(proof.message, proof.proof)
        signature = verifier.signature(proof.message)
        assert scram.success(signature) == Challenge(SERVER_FINAL)
        assert scram.step(b"") == ScramDone()

    @pytest.mark.parametrize("password", ["Pencil", "pencil ", "", "pencil\u0301"])
    def test_another_password(self, password: str) -> None:
        scram = start()
        proof = scram.step(FINAL)
        assert isinstance(proof, ScramProof)
        assert not make_verifier(password, SALT, 4096).accepts(proof.message, proof.proof)

    def test_a_bit_of_the_proof(self) -> None:
        proof = start().step(FINAL)
        assert isinstance(proof, ScramProof)
        wrong = bytes([proof.proof[0] ^ 1]) + proof.proof[1:]
        assert not make_verifier("pencil", SALT, 4096).accepts(proof.message, wrong)


class TestVerifier:
    def test_it_survives_its_notation(self) -> None:
        """RFC 5803 §2."""
        verifier = make_verifier("pencil", SALT, 4096)
        text = verifier.to_text()
        assert text.startswith("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$")
        assert Verifier.from_text(text) == verifier
        assert "pencil" not in repr(verifier)
        assert "stored_key" not in repr(verifier)

    @pytest.mark.parametrize(
        ("old", "new"),
        [("SHA-256", "SHA-1"), ("$4096", "$4095"), ("$4096", "$x"), ("W22", "W2"), (":W", ":*")],
    )
    def test_anything_else(self, old: str, new: str) -> None:
        with pytest.raises(GrammarError):
            Verifier.from_text(make_verifier("pencil", SALT, 4096).to_text().replace(old, new))

    def test_passwords_are_prepared(self) -> None:
        """RFC 5802 §5.1: SASLprep, so that every keyboard makes the same."""
        assert make_verifier("I\u00adX\u00a0\u2168", SALT, 4096) == make_verifier(
            "IX IX", SALT, 4096
        )


class TestForm:
    @pytest.mark.parametrize(
        "first",
        [
            b"",
            b"n",
            b"n,",
            b"n,,",
            b"x,,n=user,r=abc",
            b"n=x,,n=user,r=abc",
            b"p,,n=user,r=abc",
            b"n,b=x,n=user,r=abc",
            b"n,,m=ext,n=user,r=abc",
            b"n,,n=,r=abc",
            b"n,,n=user",
            b"n,,n=user,",
            b"n,,n=user,r=",
            b"n,,n=user,r=a b",
            b"n,,n=user,r=a\xc3\xbc",
            b"n,,n=user,r=" + b"a" * 513,
            b"n,,n=us=er,r=abc",
            b"n,,n=us=2cer,r=abc",
            b"n,,n=\xff,r=abc",
            b"n,,n=us\0er,r=abc",
            b"n,,n=user,r=abc,x",
            b"n,,n=user,r=abc,1=x",
            b"n,,n=user,r=abc" + b",x=y" * 17,
            b"n,,n=" + b"u" * MAX_MESSAGE_BYTES + b",r=abc",
        ],
    )
    def test_first_messages_that_are_none(self, first: bytes) -> None:
        scram = Scram(plus=False, end_point=None)
        with pytest.raises(GrammarError):
            scram.step(first)
        with pytest.raises(GrammarError):
            scram.step(FIRST)  # it is over

    def test_names(self) -> None:
        """RFC 5802 §5.1: `=2C` and `=3D`; extensions are passed over."""
        scram = Scram(plus=False, end_point=None)
        answer = scram.step(b"y,a=b=2Co=3Db,n=us=3D2Cer,r=abc,x=y")
        assert answer == ScramName("b,o=b", "us=2Cer")

    @pytest.mark.parametrize(
        "message",
        [
            b"",
            b"c=biws",
            b"c=biws,r=" + NONCE,
            b"c=biws,r=" + NONCE + b",p=",
            b"c=biws,r=" + NONCE + b",p=AAAA",
            b"c=bi ws,r=" + NONCE + b",p=" + b64encode(bytes(32)),
            b"r=" + NONCE + b",c=biws,p=" + b64encode(bytes(32)),
            final(b"n,,") + b",x=y",
            final(b"n,,", rest=b",xy"),
            final(b"n,,", proof=bytes(33)),
        ],
    )
    def test_final_messages_that_are_none(self, message: bytes) -> None:
        scram = start()
        with pytest.raises(GrammarError):
            scram.step(message)

    def test_no_step_may_be_left_out(self) -> None:
        with pytest.raises(GrammarError):
            start().step(None)
        with pytest.raises(GrammarError):
            start().success(b"")
        scram = start()
        scram.step(FINAL)
        with pytest.raises(GrammarError):
            scram.step(b"")  # without `success`
        scram = start()
        scram.step(FINAL)
        scram.success(b"")
        with pytest.raises(GrammarError):
            scram.step(b"more")
        with pytest.raises(GrammarError):
            Scram(plus=False, end_point=None).challenge(SALT, 4096, "x")


class TestNonceAndBinding:
    @pytest.mark.parametrize(
        "nonce", [CLIENT_NONCE, SERVER_NONCE.encode(), NONCE + b"x", b"x" + NONCE[1:]]
    )
    def test_another_nonce(self, nonce: bytes) -> None:
        answer = start().step(final(b"n,,", nonce))
        assert isinstance(answer, ScramProof)
        assert answer.refused == "the nonce is another"

    def test_the_right_binding(self) -> None:
        header = b"p=tls-server-end-point,,"
        scram = start(header + FIRST[3:], plus=True, end_point=b"hash")
        answer = scram.step(final(header + b"hash"))
        assert isinstance(answer, ScramProof)
        assert answer.refused is None

    @pytest.mark.parametrize(
        "said",
        [
            b"p=tls-server-end-point,,",
            b"p=tls-server-end-point,,hush",
            b"p=tls-server-end-point,a=x,hash",
            b"n,,",
        ],
    )
    def test_another_binding(self, said: bytes) -> None:
        """Somebody in between has another certificate."""
        scram = start(b"p=tls-server-end-point,," + FIRST[3:], plus=True, end_point=b"hash")
        answer = scram.step(final(said))
        assert isinstance(answer, ScramProof)
        assert answer.refused == "the channel binding is another"

    def test_the_header_must_be_said_again(self) -> None:
        scram = start(b"y,," + FIRST[3:])
        answer = scram.step(final(b"n,,"))
        assert isinstance(answer, ScramProof)
        assert answer.refused is not None

    def test_y_where_binding_is_offered(self) -> None:
        """RFC 5802 §6: whoever took -PLUS out of the list must not succeed."""
        answer = Scram(plus=False, end_point=b"hash").step(b"y,," + FIRST[3:])
        assert isinstance(answer, ScramName)
        assert answer.refused is not None

    def test_n_where_binding_is_offered(self) -> None:
        answer = Scram(plus=False, end_point=b"hash").step(FIRST)
        assert answer == ScramName("", "user")

    @pytest.mark.parametrize("name", [b"tls-unique", b"tls-exporter", b"x"])
    def test_other_kinds_of_binding(self, name: bytes) -> None:
        answer = Scram(plus=True, end_point=b"hash").step(b"p=" + name + b",," + FIRST[3:])
        assert isinstance(answer, ScramName)
        assert answer.refused == f"channel binding {name.decode()} is not supported"

    @pytest.mark.parametrize("header", [b"n,,", b"y,,"])
    def test_plus_without_binding(self, header: bytes) -> None:
        with pytest.raises(GrammarError):
            Scram(plus=True, end_point=b"hash").step(header + FIRST[3:])

    def test_binding_without_plus(self) -> None:
        with pytest.raises(GrammarError):
            Scram(plus=False, end_point=b"hash").step(b"p=tls-server-end-point,," + FIRST[3:])
