"""Properties of the SASL mechanisms: only GrammarError, and no proof without the password."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from kit.sasl import ScramClientSide
from pillarbox.base.errors import GrammarError
from pillarbox.wire.sasl.exchange import Bearer, Challenge
from pillarbox.wire.sasl.gs2 import parse_gs2_header, read_sasl_name
from pillarbox.wire.sasl.oauthbearer import OAuthBearer, XOAuth2
from pillarbox.wire.sasl.prep import saslprep
from pillarbox.wire.sasl.scram import (
    Scram,
    ScramDone,
    ScramName,
    ScramProof,
    Verifier,
    make_verifier,
)

few = settings(max_examples=300, deadline=None)

FRAGMENTS = [
    b"n,", b"y,", b"p=", b"tls-server-end-point", b"tls-unique", b",", b"a=", b"n=", b"r=", b"m=",
    b"user", b"=2C", b"=3D", b"=2c", b"=", b"c=", b"biws", b"c2VydmVyLW5vbmNl", b"nonce", b"p=",
    b"x=y", b"\x01", b"auth=", b"Bearer ", b"bearer", b"pbt_x", b"host=h", b"port=1", b"user=",
    b"\x00", b"\xff", b"\xc3\xb6", b"\r\n", b" ", b"A" * 43 + b"=",
]  # fmt: skip
pieces = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=4), max_size=24).map(b"".join)
firsts = st.sampled_from((b"n,,n=user,r=nonce", b"p=tls-server-end-point,,n=u,r=nonce")) | pieces
passwords = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
SALT = b"0123456789abcdef"


@few
@given(st.lists(firsts | st.none(), min_size=1, max_size=4), st.booleans(), st.booleans())
def test_scram_gives_a_value_or_a_grammar_error(
    messages: list[bytes | None], plus: bool, bound: bool
) -> None:
    scram = Scram(plus=plus, end_point=b"end point" if bound else None)
    verifier = Verifier(SALT, 4096, bytes(32), bytes(32))
    for message in messages:
        try:
            answer = scram.step(message)
        except GrammarError:
            continue
        if isinstance(answer, ScramName):
            assert answer.username
            scram.challenge(SALT, 4096, "server-nonce")
        elif isinstance(answer, ScramProof):
            assert not verifier.accepts(answer.message, answer.proof)
        else:
            assert isinstance(answer, Challenge)  # never done, since nothing was proved


@few
@given(pieces, st.sampled_from((OAuthBearer, XOAuth2)))
def test_bearers_give_a_claim_or_a_grammar_error(
    message: bytes, mechanism: Callable[[], OAuthBearer]
) -> None:
    for text in (message, b"n,,\x01" + message, b"user=x\x01" + message + b"\x01\x01"):
        try:
            answer = mechanism().step(text)
        except GrammarError:
            continue
        assert isinstance(answer, Bearer)
        assert answer.token.isascii()
        assert "\0" not in answer.username


@few
@given(pieces)
def test_headers_and_names(text: bytes) -> None:
    for read in (parse_gs2_header, read_sasl_name, lambda t: Verifier.from_text(t.decode("latin"))):
        try:
            read(text)
        except GrammarError:
            continue


@few
@given(st.text(max_size=40))
def test_preparation_is_stable(text: str) -> None:
    prepared = saslprep(text)
    assert saslprep(prepared) == prepared
    assert bool(prepared) == bool(text)


@settings(max_examples=25, deadline=None)
@given(passwords, passwords)
def test_only_the_password_proves(password: str, tried: str) -> None:
    verifier = make_verifier(password, SALT, 4096)
    assert Verifier.from_text(verifier.to_text()) == verifier
    side = ScramClientSide("a,=b", saslprep(tried))
    scram = Scram(plus=False, end_point=None)
    assert scram.step(side.first()) == ScramName("", "a,=b")
    proof = scram.step(side.final(scram.challenge(SALT, 4096, "server-nonce").data))
    assert isinstance(proof, ScramProof)
    fits = verifier.accepts(proof.message, proof.proof)
    assert fits == (saslprep(password) == saslprep(tried))
    if fits:
        assert side.is_servers(scram.success(verifier.signature(proof.message)).data)
        assert scram.step(b"") == ScramDone()
