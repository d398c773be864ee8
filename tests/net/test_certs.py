"""Self-signed certificates: made once, kept sealed, renewed in time."""

import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pillarbox.net import certs
from pillarbox.storage.keys import KeyRing

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = ("mx.example.test", "localhost", "127.0.0.1", "::1")


@pytest.fixture
def store(tmp_path: Path) -> certs.SelfSigned:
    sealer = KeyRing({1: bytes(32)}).system("tls")
    return certs.SelfSigned(tmp_path / "tls", sealer.seal, sealer.open)


def test_is_made_once_and_loads(store: certs.SelfSigned) -> None:
    assert store.ensure(NAMES, NOW)
    first = store.load()
    assert not store.ensure(NAMES, NOW + timedelta(days=300))
    assert store.load() == first
    context = certs.server_context(first)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_key_is_sealed_and_private(store: certs.SelfSigned) -> None:
    store.ensure(NAMES, NOW)
    path = store.folder / "selfsigned.key.sealed"
    assert b"PRIVATE" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600


def test_is_renewed_a_month_before_its_end(store: certs.SelfSigned) -> None:
    store.ensure(NAMES, NOW)
    assert store.ensure(NAMES, NOW + timedelta(days=368))


def test_is_made_anew_for_another_name(store: certs.SelfSigned) -> None:
    store.ensure(NAMES, NOW)
    assert store.ensure(("other.example.test", *NAMES[1:]), NOW)


def test_is_made_anew_when_the_key_can_not_be_opened(store: certs.SelfSigned) -> None:
    store.ensure(NAMES, NOW)
    (store.folder / "selfsigned.key.sealed").unlink()
    assert store.ensure(NAMES, NOW)


def test_leaves_no_open_files(store: certs.SelfSigned) -> None:
    store.ensure(NAMES, NOW)
    before = set(os.listdir("/proc/self/fd"))
    certs.server_context(store.load())
    assert set(os.listdir("/proc/self/fd")) == before


def test_every_cipher_has_forward_secrecy(store: certs.SelfSigned) -> None:
    store.ensure(NAMES, NOW)
    names = [cipher["name"] for cipher in certs.server_context(store.load()).get_ciphers()]
    assert names
    assert all(name.startswith(("TLS_", "ECDHE-")) for name in names)
    assert not any("CBC" in name or name.endswith("SHA") for name in names)


def test_foreign_key_is_refused(store: certs.SelfSigned) -> None:
    one, other = certs.make(NAMES, NOW), certs.make(NAMES, NOW)
    with pytest.raises(ssl.SSLError):
        certs.server_context(certs.KeyPair(one.chain, other.key))
