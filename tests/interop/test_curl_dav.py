"""curl finds calendars and contacts as a client does that knows only the server's name."""

import pytest

from interop.programs import ALICE, needs, run
from kit.live import LiveServer

pytestmark = needs("curl")

ASKED = '<propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>'
FACTS = "%{http_code} %{num_redirects} %{url_effective} %header{www-authenticate}"


def curl(server: LiveServer, path: str, *options: str) -> tuple[str, list[str]]:
    """What was answered; and status, redirections, last URL and WWW-Authenticate."""
    url = f"https://localhost:{server.port('HTTPS')}{path}"
    said = run("curl", "--silent", "--insecure", "--write-out", "\n" + FACTS, *options, url)
    body, _, facts = said.rpartition("\n")
    return body, facts.split(" ", 3)


@pytest.mark.parametrize("path", ["/.well-known/caldav", "/.well-known/carddav"])
def test_discovery(server: LiveServer, path: str) -> None:
    login = ("--user", f"{ALICE}:{server.password}")
    question = ("--request", "PROPFIND", "--header", "Depth: 0", "--data", ASKED)
    _, (status, *_) = curl(server, path)
    assert status == "301"
    # Left to itself curl sends no body to where it is sent on, which asks for something else.
    follow = ("--location", "--post301", *question)
    body, (status, count, url, _) = curl(server, path, *follow, *login)
    assert (status, count, url.rpartition("/dav/")[1:]) == ("207", "1", ("/dav/", ""))
    assert f"/dav/principals/{ALICE}/" in body
    _, (status, _, _, asked) = curl(server, path, *follow)
    assert (status, asked.split(" ")[0]) == ("401", "Basic")
    # Whoever waits to be asked, or would rather use what is not offered.
    body, (status, *_) = curl(server, "/dav/", "--anyauth", *question, *login)
    assert (status, ALICE in body) == ("207", True)
    for scheme in ("--digest", "--ntlm", "--negotiate"):
        _, (status, *_) = curl(server, "/dav/", scheme, *question, *login)
        assert status == "401", scheme
    _, (status, *_) = curl(server, "/dav/", *question, "--user", f"{ALICE}:wrong")
    assert status == "401"


@pytest.mark.parametrize(
    "field",
    [
        'Digest username="alice@example.test", realm="x", nonce="y", uri="/dav/", response="z"',
        "Basic",
        "Basic ####",
        "Basic YWxpY2U=",
        "Bearer x",
        "",
    ],
)
def test_logins_of_other_kinds(server: LiveServer, field: str) -> None:
    _, facts = curl(server, "/dav/", "--header", f"Authorization: {field}")
    assert facts[0] == "401"
    assert facts[3].startswith("Basic realm=")
    assert 'charset="UTF-8"' in facts[3]


def test_a_day_of_a_plain_client(server: LiveServer) -> None:
    """Put, get, change if it is the same still, delete."""
    login = ("--user", f"{ALICE}:{server.password}")
    path = f"/dav/contacts/{ALICE}/contacts/curl.vcf"
    card = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:curl\r\nFN:Curl\r\nN:Curl;;;;\r\nEND:VCARD\r\n"
    put = (*login, "--request", "PUT", "--data-binary", card, "--header", "Expect: 100-continue")
    new = ("--header", "If-None-Match: *", "--header", "Content-Type: text/vcard")
    assert curl(server, path, *put, *new)[1][0] == "201"
    assert curl(server, path, *put, *new)[1][0] == "412"
    assert "FN:Curl" in curl(server, path, *login)[0]
    assert curl(server, path, *login, "--head")[1][0] == "200"
    wrong = ("--header", 'If-Match: "no"', "--request", "DELETE")
    assert curl(server, path, *login, *wrong)[1][0] == "412"
    assert curl(server, path, *login, "--request", "DELETE")[1][0] == "204"
    assert curl(server, path, *login)[1][0] == "404"
