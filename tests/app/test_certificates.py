"""A certificate whose private key was sealed with another key is told in plain words."""

from pathlib import Path

import pytest

from pillarbox.app.certificates import CertificateError, Certificates
from pillarbox.app.config.load import Location, load
from pillarbox.app.foundation import key_ring
from pillarbox.storage.keys import KeyRing


def test_the_sealed_key_of_a_certificate(tmp_path: Path) -> None:
    options = load(Location(tmp_path / "pillarbox.conf", tmp_path), write=True).options
    Certificates.of(options, tmp_path, key_ring(options)).ensure()
    with pytest.raises(CertificateError, match="another ENCRYPTION_KEY"):
        Certificates.of(options, tmp_path, KeyRing({1: bytes(32)})).context()
