"""A server whose key is not the one of its data does not start, and says why."""

from pathlib import Path

import pytest

from kit.app import DOMAIN, AppUnderTest
from pillarbox.app.certificates import CertificateError, Certificates
from pillarbox.app.compose import key_ring
from pillarbox.app.config.load import Location, load
from pillarbox.base.errors import Invalid
from pillarbox.domain.accounts import users
from pillarbox.domain.mail import append, mailboxes
from pillarbox.domain.mail.content import prepare
from pillarbox.domain.mail.model import FlagSet
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

OTHER = {"ENCRYPTION_KEY": "1:" + "ab" * 32}


def test_the_sealed_key_of_a_certificate(tmp_path: Path) -> None:
    options = load(Location(tmp_path / "pillarbox.conf", tmp_path), write=True).options
    Certificates.of(options, tmp_path, key_ring(options)).ensure()
    with pytest.raises(CertificateError, match="another ENCRYPTION_KEY"):
        Certificates.of(options, tmp_path, KeyRing({1: bytes(32)})).context()


async def test_mail(tmp_path: Path) -> None:
    def add_mail(tx: Tx) -> None:
        user = users.require(tx, f"ann@{DOMAIN}")
        inbox = mailboxes.by_name(tx, user.account_id, "INBOX")
        assert inbox is not None
        email = prepare(b"Subject: x\r\n\r\nhi\r\n", app.services.database.ids.next())
        store = app.services.content
        append.append(tx, store, user.account_id, inbox.id, email, FlagSet(), 0)

    async with AppUnderTest(tmp_path, {"TLS_MODE": "off"}) as app:
        await app.add_users("ann")
        await app.services.database.write(add_mail)
    again = AppUnderTest(tmp_path, {"TLS_MODE": "off"} | OTHER)
    with pytest.raises(Invalid, match="another ENCRYPTION_KEY"):
        await again.__aenter__()
    await again.__aexit__(None, None, None)
