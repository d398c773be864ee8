"""OpenDKIM checks what we sign, and we check what it signs."""

import re
import shutil
import time
from pathlib import Path

import pytest

from interop.programs import needs, run
from kit.mailauth import MESSAGE
from pillarbox.formats.mailauth.keys import KeyAlgorithm, key_record, new_key
from pillarbox.formats.mailauth.message import read_message
from pillarbox.formats.mailauth.results import Status
from pillarbox.formats.mailauth.sign import Signer, sign
from pillarbox.formats.mailauth.verify import Verification

OPENDKIM = shutil.which("opendkim", path="/usr/sbin:/usr/local/sbin:/usr/bin") or "opendkim"
pytestmark = needs(OPENDKIM)
KINDS = [(KeyAlgorithm.RSA, 2048), (KeyAlgorithm.RSA, 4096), (KeyAlgorithm.ED25519, 256)]
MESSAGES = {
    "plain": MESSAGE,
    "no body": b"From: ann@example.org\r\nSubject: x\r\n\r\n",
    "blank lines": b"From: ann@example.org\r\n\r\n \r\na\t b \r\n\r\n\r\n",
    "8 bit": "From: ann@example.org\r\nSubject: grüße\r\n\r\nschöne  grüße\r\n".encode(),
    "large": b"From: ann@example.org\r\n\r\n" + b"many words in this line\r\n" * 20_000,
}


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind[0]}{kind[1]}")
def signer(request: pytest.FixtureRequest) -> Signer:
    kind, bits = request.param
    return Signer("example.org", "sel", new_key(kind, bits))


def record(signer: Signer) -> str:
    return key_record(signer.key.algorithm, signer.key.public())


def checked_by_opendkim(folder: Path, signer: Signer, content: bytes) -> str:
    (folder / "records").write_text(f"sel._domainkey.example.org {record(signer)}\n")
    config = folder / "conf"
    config.write_text(f"Mode v\nSyslog no\nTestDNSData file:{folder}/records\n")
    (folder / "mail").write_bytes(content)
    return run(OPENDKIM, "-x", str(config), "-t", str(folder / "mail"), "-v")


@pytest.mark.parametrize("name", MESSAGES)
def test_it_accepts_ours(tmp_path: Path, signer: Signer, name: str) -> None:
    content = MESSAGES[name]
    now_s = int(time.time())
    content = sign(read_message(content), [signer], now_s, lasts_s=3600) + content
    assert "succeeded" in checked_by_opendkim(tmp_path, signer, content)
    changed = content.replace(b"ann@example.org\r\n", b"eve@example.org\r\n").replace(
        b"<ann", b"<e"
    )
    assert "failed" in checked_by_opendkim(tmp_path, signer, changed)


@pytest.mark.parametrize("forms", ["relaxed/relaxed", "relaxed/simple", "simple/simple"])
def test_we_accept_its(tmp_path: Path, signer: Signer, forms: str) -> None:
    if signer.key.algorithm is KeyAlgorithm.ED25519 and forms.startswith("simple"):
        pytest.skip("what OpenDKIM 2.11 makes of this is accepted by nobody, itself included")
    key = tmp_path / "key"
    key.touch(0o600)
    key.write_text(signer.key.pem())
    (tmp_path / "conf").write_text(
        f"Mode s\nDomain example.org\nSelector sel\nKeyFile {key}\nSyslog no\n"
        f"SignatureAlgorithm {signer.key.algorithm.signature_name}\nCanonicalization {forms}\n"
        "RequireSafeKeys no\nOversignHeaders From,Cc\n"
    )
    (tmp_path / "mail").write_bytes(MESSAGE)
    printed = run(OPENDKIM, "-x", str(tmp_path / "conf"), "-t", str(tmp_path / "mail"), "-v")
    field = printed[printed.index("DKIM-Signature:") :].rstrip("\n") + "\n"
    content = re.sub(r"\r?\n", "\r\n", field).encode() + MESSAGE
    for text, status in ((content, Status.PASS), (b"Cc: x\r\n" + content, Status.FAIL)):
        verification = Verification(read_message(text))
        answers = {name: (record(signer),) for name in verification.questions}
        (result,) = verification.results(answers, int(time.time()))
        assert (result.status, result.selector) == (status, "sel"), result.reason
