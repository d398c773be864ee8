"""A Dovecot of a test: it checks passwords for Postfix, and takes mail by LMTP."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit.daemons import PATH, START_S, start, wait_for_port

HOST = "127.0.0.1"
USER, PASSWORD = "relayed", "a secret between servers"
"""Who may log in with Postfix."""

needs_dovecot = pytest.mark.skipif(
    shutil.which("dovecot", path=PATH) is None or not Path("/usr/lib/dovecot/lmtp").exists(),
    reason="needs dovecot-core and dovecot-lmtpd",
)

_MAIL_UID = 5000  # which need not exist
_CONF = """\
base_dir = {folder}/run
state_dir = {folder}/state
instance_name = {folder}
protocols = lmtp
listen = 127.0.0.1
log_path = {folder}/log
ssl = no
auth_mechanisms = plain login scram-sha-256
auth_failure_delay = 0
mail_location = maildir:~/Maildir
first_valid_uid = {uid}
postmaster_address = postmaster@inside.test
hostname = inside.test
lmtp_save_to_detail_mailbox = no
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
service auth {{
  inet_listener {{
    address = 127.0.0.1
    port = {login_port}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp_port}
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


class Dovecot:
    """Knows `USER`, and the mailboxes of those at inside.test it was told of."""

    def __init__(self, folder: Path, login_port: int, lmtp_port: int) -> None:
        self.login_port = login_port
        self.lmtp_port = lmtp_port
        self._folder = folder

    def mail(self, user: str) -> list[bytes]:
        """What was delivered to a user."""
        folder = self._folder / "mail" / user / "Maildir" / "new"
        files = sorted(folder.iterdir()) if folder.exists() else []
        return [one.read_bytes().replace(b"\n", b"\r\n") for one in files]

    async def message(self, user: str) -> bytes:
        """Wait for the only message of a user."""
        async with asyncio.timeout(START_S):
            while not (found := self.mail(user)):  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.02)
        (message,) = found
        return message

    def log(self) -> str:
        """What it wrote to its log."""
        return (self._folder / "log").read_text(errors="replace")


@contextmanager
def dovecot(login_port: int, lmtp_port: int, users: tuple[str, ...]) -> Iterator[Dovecot]:
    """A Dovecot that runs for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
    folder.chmod(0o755)
    mail = folder / "mail"
    mail.mkdir()
    os.chown(mail, _MAIL_UID, _MAIL_UID)
    names = [USER, *(f"{user}@inside.test" for user in users)]
    (folder / "users").write_text(
        "".join(
            f"{name}:{{PLAIN}}{PASSWORD}:{_MAIL_UID}:{_MAIL_UID}::{mail}/{name.split('@')[0]}::\n"
            for name in names
        )
    )
    (folder / "users").chmod(0o644)
    conf = folder / "dovecot.conf"
    conf.write_text(
        _CONF.format(folder=folder, uid=_MAIL_UID, login_port=login_port, lmtp_port=lmtp_port)
    )
    process = start("dovecot", "-F", "-c", str(conf))
    made = Dovecot(folder, login_port, lmtp_port)
    try:
        for port, greeting in ((login_port, b"VERSION\t"), (lmtp_port, b"220 ")):
            wait_for_port(process, HOST, port, greeting, folder / "log")
        yield made
    finally:
        process.terminate()
        process.wait(START_S)
        shutil.rmtree(folder)
