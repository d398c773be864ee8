"""Password hashes: Argon2id (RFC 9106 §3) and bcrypt."""

from concurrent.futures import ThreadPoolExecutor

import bcrypt
import pytest
from cryptography.exceptions import InvalidKey

from pillarbox.base.errors import Invalid
from pillarbox.pipeline import passwords
from pillarbox.pipeline.passwords import Cost, PasswordHasher, normalize, require_allowed

HASHER = PasswordHasher(Cost(1, 32, 1))


def test_a_hash_fits_its_password_only() -> None:
    secret = HASHER.hash("correct horse")
    assert secret.startswith("$argon2id$v=19$m=32,t=1,p=1$")
    assert HASHER.verify("correct horse", secret)
    assert not HASHER.verify("correct horsf", secret)
    assert HASHER.hash("correct horse") != secret


@pytest.mark.parametrize("secret", ["", "!", "plain", "$argon2id$", "$2b$04$short", "$1$a$b"])
def test_what_is_no_hash_fits_nothing(secret: str) -> None:
    assert not HASHER.verify(secret or "x", secret)


def test_two_at_once_do_not_hang() -> None:
    """The library underneath deadlocks when several threads hash with several lanes at once."""
    hasher = PasswordHasher(Cost(1, 4096, 4))
    secret = hasher.hash("correct horse")
    pool = ThreadPoolExecutor(4)
    try:
        wrong = [pool.submit(hasher.verify, f"wrong {n}", secret) for n in range(12)]
        right = [pool.submit(hasher.verify, "correct horse", secret) for _ in range(12)]
        assert not any(one.result(timeout=30) for one in wrong)
        assert all(one.result(timeout=30) for one in right)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def test_nothing_fits_the_dummy() -> None:
    assert not HASHER.verify("x", HASHER.dummy)
    assert HASHER.is_current(HASHER.dummy)


def test_bcrypt_counts_72_bytes() -> None:
    secret = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    assert HASHER.verify("x" * 100, secret)
    assert not HASHER.verify("x" * 71, secret)
    assert HASHER.verify("x" * 72, secret.replace("$2b$", "$2y$"))
    assert not HASHER.is_current(secret)


def test_bcrypt_takes_no_less_work_than_an_unknown_user(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).decode()
    verified: list[str] = []

    class Noting:
        @staticmethod
        def verify_phc_encoded(raw: bytes, encoded: str) -> None:
            verified.append(encoded)
            raise InvalidKey

    monkeypatch.setattr(passwords, "Argon2id", Noting)
    for given in ("correct horse", "wrong horse"):
        assert HASHER.verify(given, secret) == (given == "correct horse")
    assert verified == [HASHER.dummy] * 2


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("pass word", "pass word"),
        ("e\u0301", "\u00e9"),
        ("a\u3000b", "a b"),
        ("\U0001f511", "\U0001f511"),
        ("", None),
        ("tab\t", None),
        ("c1\u0085", None),
        ("\ud800", None),
        ("x" * 1025, None),
    ],
)
def test_normalizing(given: str, plain: str | None) -> None:
    assert normalize(given) == plain


@pytest.mark.parametrize("password", ["", "x" * 7, "x" * 129, "with\x00null", "e\u0301" * 7])
def test_passwords_that_may_not_be_set(password: str) -> None:
    with pytest.raises(Invalid):
        require_allowed(password)


@pytest.mark.parametrize("password", ["x" * 8, "x" * 128, "\u00e9" * 128])
def test_passwords_that_may(password: str) -> None:
    assert require_allowed(password) == password
