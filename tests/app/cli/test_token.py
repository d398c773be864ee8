"""`pillarbox token`."""

import json
from functools import partial

import pytest

from kit.cli import Cli
from pillarbox.domain.accounts.tokens import PREFIX
from pillarbox.pipeline.passwords import PasswordHasher


@pytest.fixture(autouse=True)
def user(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user ann@example.org."""
    monkeypatch.setattr(PasswordHasher, "hash", lambda self, plain: "hash of " + plain)
    cli.printed("domain", "add", "example.org")
    cli.printed("user", "add", "ann@example.org", "--password", "correct horse")


def test_a_life(cli: Cli) -> None:
    call = partial(cli.printed, "token")
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
def test_refusals(cli: Cli, arguments: tuple[str, ...], code: int) -> None:
    assert cli("token", *arguments).code == code
