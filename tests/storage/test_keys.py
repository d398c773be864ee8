"""The key ring: what it seals opens, what was changed does not, and rotation loses nothing."""

import pytest

from pillarbox.base.errors import Unavailable
from pillarbox.storage.keys import WRAPPED_BYTES, KeyRing

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
SALT = b"s" * 16


@pytest.mark.parametrize("plain", [b"", b"x", bytes(1000)])
def test_round_trip(plain: bytes) -> None:
    sealer = KeyRing({1: OLD}).account(SALT)
    sealed = sealer.seal(plain, b"row")
    assert len(plain) < 16 or plain not in sealed  # a byte may turn up by chance
    assert sealer.open(sealed, b"row") == plain
    assert sealer.seal(plain, b"row") != sealed


def test_wrapped_key_has_its_size() -> None:
    assert len(KeyRing({1: OLD}).account(SALT).seal(bytes(32), b"k")) == WRAPPED_BYTES


def test_value_of_another_row_is_refused() -> None:
    sealer = KeyRing({1: OLD}).account(SALT)
    sealed = sealer.seal(b"secret", b"row 1")
    for row in (b"row 2", b"", b"row 1 "):
        with pytest.raises(Unavailable):
            sealer.open(sealed, row)


def test_damaged_value_is_refused() -> None:
    sealer = KeyRing({1: OLD}).account(SALT)
    sealed = sealer.seal(b"secret", b"row")
    for at in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[at] ^= 1
        with pytest.raises(Unavailable):
            sealer.open(bytes(damaged), b"row")
    for length in range(len(sealed)):
        with pytest.raises(Unavailable):
            sealer.open(sealed[:length], b"row")
    with pytest.raises(Unavailable):
        sealer.open(sealed + b"x", b"row")


def test_keys_of_accounts_and_purposes_differ() -> None:
    ring = KeyRing({1: OLD})
    sealers = [ring.account(SALT), ring.account(b"t" * 16), ring.system("queue"), ring.system("q")]
    for one in sealers:
        sealed = one.seal(b"secret", b"row")
        for other in sealers:
            if other is one:
                assert other.open(sealed, b"row") == b"secret"
            else:
                with pytest.raises(Unavailable):
                    other.open(sealed, b"row")


def test_rotation() -> None:
    before = KeyRing({1: OLD}).account(SALT).seal(b"old", b"row")
    ring = KeyRing({1: OLD, 2: NEW})
    assert ring.account(SALT).open(before, b"row") == b"old"
    after = ring.account(SALT).seal(b"new", b"row")
    assert (before[0], after[0]) == (1, 2)
    with pytest.raises(Unavailable):
        KeyRing({1: OLD}).account(SALT).open(after, b"row")
    alone = KeyRing({2: NEW}).account(SALT)
    assert alone.open(after, b"row") == b"new"
    with pytest.raises(Unavailable):
        alone.open(before, b"row")
    with pytest.raises(Unavailable):
        KeyRing({1: NEW}).account(SALT).open(before, b"row")


def test_sealers_are_kept_but_not_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pillarbox.storage.keys._CACHED_SEALERS", 2)
    ring = KeyRing({1: OLD})
    first = ring.account(b"1" * 16)
    assert ring.account(b"1" * 16) is first
    sealed = first.seal(b"x", b"")
    ring.account(b"2" * 16)
    ring.account(b"1" * 16)
    ring.account(b"3" * 16)
    assert ring.account(b"1" * 16) is first
    ring.account(b"2" * 16)
    ring.account(b"3" * 16)
    again = ring.account(b"1" * 16)
    assert again is not first
    assert again.open(sealed, b"") == b"x"


@pytest.mark.parametrize("masters", [{}, {1: b""}, {1: OLD[:-1]}, {1: OLD, 2: NEW + b"x"}])
def test_unfit_masters(masters: dict[int, bytes]) -> None:
    with pytest.raises(ValueError):
        KeyRing(masters)
