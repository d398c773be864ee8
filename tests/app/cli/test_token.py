"""`pillarbox token`."""

import json
from pathlib import Path

import pytest

from pillarbox.app.cli.main import run
from pillarbox.domain.accounts.tokens import PREFIX
from pillarbox.pipeline.passwords import PasswordHasher


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with the user ann@example.org."""
    for name in ("PILLARBOX_DATA", "PILLARBOX_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(PasswordHasher, "hash", lambda self, plain: "hash of " + plain)
    folder = tmp_path / "data"
    assert run(["--data", str(folder), "domain", "add", "example.org"]) == 0
    options = ["ann@example.org", "--password", "correct horse"]
    assert run(["--data", str(folder), "user", "add", *options]) == 0
    return folder


def test_a_life(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def call(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        assert run(["--data", str(data), "token", *arguments]) == code
        return capsys.readouterr().out

    text = call("mint", "Ann@example.org", "--label", "my phone", "--days", "30")
    assert text.startswith(PREFIX)
    assert len(text.splitlines()) == 1
    call("mint", "ann@example.org", "--scope", "imap")
    first, second = json.loads(call("list", "ann@example.org", "--json"))
    assert (first["label"], first["scopes"], first["expired"]) == (
        "my phone",
        ["mail", "send"],
        False,
    )
    assert first["last_used"] is second["expires"] is None
    assert first["expires"] > first["created"]
    assert second["scopes"] == ["imap"]
    listing = call("list", "ann@example.org")
    assert "my phone" in listing
    assert text.strip() not in listing
    assert call("revoke", "ann@example.org", str(first["id"])) == (
        "Revoked 1 token of ann@example.org.\n"
    )
    call("revoke", "ann@example.org", str(first["id"]), code=1)
    assert call("revoke", "ann@example.org", "--all") == "Revoked 1 token of ann@example.org.\n"
    assert json.loads(call("list", "ann@example.org", "--json")) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("mint",), 2),
        (("mint", "bob@example.org"), 1),
        (("mint", "ann@example.org", "--scope", "all"), 2),
        (("mint", "ann@example.org", "--days", "0"), 2),
        (("revoke", "ann@example.org"), 2),
        (("revoke", "ann@example.org", "1", "--all"), 2),
        (("revoke", "ann@example.org", "x"), 2),
        (("list", "bob@example.org"), 1),
    ],
)
def test_refusals(data: Path, arguments: tuple[str, ...], code: int) -> None:
    assert run(["--data", str(data), "token", *arguments]) == code
