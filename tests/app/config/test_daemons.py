"""Settings that name daemons."""

import pytest

from pillarbox.app.config.daemons import (
    HTTP_DAEMON,
    MILTERS,
    USER,
    HttpDaemon,
    MilterSetting,
    daemon,
)
from pillarbox.app.config.options import ALIASES, BY_KEY
from pillarbox.net.daemon_address import DaemonAddress

HERE = DaemonAddress(host="127.0.0.1", port=8891)


def test_nothing_is_asked_unless_it_is_named() -> None:
    assert daemon(783).parse("") is None
    assert HTTP_DAEMON.parse("") is None
    assert MILTERS.parse("") == ()
    for key in ("CLAMAV_SOCKET", "SPAMASSASSIN", "RSPAMD_URL", "MILTERS"):
        assert BY_KEY[key].default == ""


def test_names_of_other_servers() -> None:
    assert (
        ALIASES["CLAMAV_SOCKET_PATH"] == ALIASES["SECURITY_CLAMAV_SOCKET_PATH"] == "CLAMAV_SOCKET"
    )
    assert BY_KEY["RSPAMD_PASSWORD"].secret


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http://127.0.0.1:8891", HttpDaemon(HERE)),
        ("http://127.0.0.1:8891/", HttpDaemon(HERE)),
        ("http://rspamd/a/b/", HttpDaemon(DaemonAddress(host="rspamd", port=80), "/a/b")),
        ("http://[::1]:11334", HttpDaemon(DaemonAddress(host="::1", port=11334))),
    ],
)
def test_http(text: str, found: HttpDaemon) -> None:
    assert HTTP_DAEMON.parse(text) == found


@pytest.mark.parametrize(
    "text",
    ["https://rspamd", "rspamd:11334", "http://", "http://a@b", "http://a/?b", "http://a/ b"],
)
def test_no_http(text: str) -> None:
    with pytest.raises(ValueError):
        HTTP_DAEMON.parse(text)


def test_users() -> None:
    assert USER.parse("vmail") == "vmail"
    with pytest.raises(ValueError):
        USER.parse("vmail\r\nSet: remote")


def test_milters() -> None:
    found = MILTERS.parse("inet:127.0.0.1:8891,fail=tempfail,timeout=5s; unix:/run/x.sock")
    assert found == (
        MilterSetting(HERE, "tempfail", 5),
        MilterSetting(DaemonAddress(path="/run/x.sock"), "accept", 30),
    )


@pytest.mark.parametrize(
    "text",
    ["inet:127.0.0.1", "inet:a:9,fail=discard", "inet:a:9,fail", "inet:a:9,timeout=0",
     "inet:a:9,timeout=x", "inet:a:9,other=1", " ".join(["inet:a:9"] * 11)],
)  # fmt: skip
def test_no_milters(text: str) -> None:
    with pytest.raises(ValueError):
        MILTERS.parse(text)
