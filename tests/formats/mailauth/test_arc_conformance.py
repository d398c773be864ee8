"""The ValiMail ARC test suite: validation of chains, and the sets a host adds to them."""

import base64
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pillarbox.formats.mailauth.arc import ChainResult, ChainVerification
from pillarbox.formats.mailauth.arc_seal import seal
from pillarbox.formats.mailauth.keys import key_record, load_pem
from pillarbox.formats.mailauth.message import read_message
from pillarbox.formats.mailauth.results import Status
from pillarbox.formats.mailauth.sign import Signer
from pillarbox.formats.mailauth.tags import parse_tags

VECTORS = Path(__file__).parents[4] / "shared" / "conformance" / "arc"
pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason=f"no vectors in {VECTORS.name}")
NOW_S = 1_500_000_000


def cases(name: str) -> list[object]:
    path = VECTORS / name
    if not path.is_file():
        return []
    return [
        pytest.param(suite, test, id=key)
        for suite in yaml.safe_load_all(path.read_text())
        if suite
        for key, test in suite["tests"].items()
    ]


def records(suite: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {
        name.lower(): ("".join(re.findall(r'"([^"]*)"', text)) or text,)
        for name, text in suite.get("txt-records", {}).items()
    }


def crlf(text: str) -> bytes:
    return text.encode().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def chain(content: bytes, dns: dict[str, tuple[str, ...]]) -> ChainResult:
    verification = ChainVerification(read_message(content))
    answers = {name: dns.get(name, ()) for name in verification.questions}
    return verification.result(answers, NOW_S)


@pytest.mark.parametrize(("suite", "test"), cases("arc-draft-validation-tests-part.yml"))
def test_validation(suite: dict[str, Any], test: dict[str, Any]) -> None:
    found = chain(crlf(test["message"]), records(suite))
    assert found.status == (test["cv"].lower() or "fail"), found.reason


@pytest.mark.parametrize(("suite", "test"), cases("arc-draft-sign-tests-part.yml"))
def test_sealing(suite: dict[str, Any], test: dict[str, Any]) -> None:
    content, dns = crlf(test["message"]), records(suite)
    key = load_pem(suite["privatekey"].encode())
    dns[f"{suite['sel']}._domainkey.{suite['domain']}"] = (key_record(key.algorithm, key.public()),)
    before = chain(content, dns)
    signer = Signer(suite["domain"], suite["sel"], key)
    added = seal(read_message(content), before, signer, test["srv-id"], "spf=pass", test["t"])
    if not test["AS"]:
        assert added == b""
        return
    wanted = parse_tags(test["AS"].encode())
    fields = {field.name: field for field in read_message(added + b"\r\n").fields}
    got = parse_tags(fields[b"arc-seal"].value)
    assert {name: got[name] for name in ("i", "cv", "d", "s", "t", "a")} == {
        name: wanted[name] for name in ("i", "cv", "d", "s", "t", "a")
    }
    ams = parse_tags(fields[b"arc-message-signature"].value)
    wanted_ams = parse_tags(test["AMS"].encode())
    assert base64.b64decode(ams["bh"]) == base64.b64decode(re.sub(r"\s", "", wanted_ams["bh"]))
    after = chain(added + content, dns)
    assert after.instance == int(wanted["i"])
    assert after.status is (Status.FAIL if wanted["cv"] == "fail" else Status.PASS), after.reason
    assert after.closed == (wanted["cv"] == "fail")
