"""The sink's side of AUTH: every mechanism that the client knows."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from pillarbox.wire.sasl.scram import Scram, ScramName, ScramProof, Verifier, make_verifier

Ask = Callable[[bytes], Awaitable[bytes]]

_ITERATIONS = 4096
_SALT = b"salt of the sink"


class Logins(Protocol):
    """As much of a sink as logins need."""

    logins: Mapping[str, str]
    tokens: Mapping[str, str]
    mechanisms: tuple[str, ...]
    end_point: bytes | None
    verifier: Verifier | None


async def authenticate(like: Logins, ask: Ask, mechanism: str, first: bytes | None) -> str:
    """Whose login it is; raises `ValueError` for one that is refused.

    `ask` sends a challenge and gives the response.
    """
    if mechanism not in like.mechanisms:
        raise ValueError("unknown mechanism")
    if mechanism.startswith("SCRAM-SHA-256"):
        return await _scram(like, ask, first, plus=mechanism.endswith("PLUS"))
    if mechanism == "LOGIN":
        name = first if first is not None else await ask(b"Username:")
        return _password(like, name, await ask(b"Password:"))
    if first is None:
        first = await ask(b"")
    if mechanism == "PLAIN":
        _, name, password = first.split(b"\0")
        return _password(like, name, password)
    found = re.search(rb"auth=Bearer ([^\x01]+)\x01", first)
    named = re.match(rb"n,a=([^,]*),|user=([^\x01]*)\x01", first)
    user = (named[1] or named[2] or b"").decode() if named else ""
    token = like.tokens.get(user)
    if found is None or token is None or token != found[1].decode():
        await ask(b'{"status":"invalid_token"}')
        raise ValueError("bad token")
    return user


def _password(like: Logins, name: bytes, password: bytes) -> str:
    known = like.logins.get(name.decode())
    if known is None or known != password.decode():
        raise ValueError("bad login")
    return name.decode()


async def _scram(like: Logins, ask: Ask, first: bytes | None, *, plus: bool) -> str:
    exchange = Scram(plus=plus, end_point=like.end_point)
    named = exchange.step(first if first is not None else await ask(b""))
    assert isinstance(named, ScramName)
    password = like.logins.get(named.username)
    if named.refused or password is None:
        raise ValueError(named.refused or "bad login")
    verifier = like.verifier or make_verifier(password, _SALT, _ITERATIONS)
    challenge = exchange.challenge(verifier.salt, verifier.iterations, "nonce-of-the-sink")
    proof = exchange.step(await ask(challenge.data))
    assert isinstance(proof, ScramProof)
    if proof.refused or not verifier.accepts(proof.message, proof.proof):
        raise ValueError(proof.refused or "bad login")
    await ask(exchange.success(verifier.signature(proof.message)).data)
    return named.username
