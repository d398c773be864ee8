"""Who makes a request: credentials in their forms, what is remembered, what is refused.

The form of Basic is that of RFC 7617 §2.
"""

from base64 import b64encode

import pytest

from kit.http import HttpWire, basic
from kit.login import NARROW_TOKEN, PASSWORD, TOKEN
from kit.web_house import ALICE, WebHouse


async def ask(house: WebHouse, http: HttpWire, field: str | None) -> tuple[int, str]:
    fields = {} if field is None else {"Authorization": field}
    heard = await http.ask("GET", "/who", fields=fields)
    if heard.status == 401:
        assert heard.fields["www-authenticate"] == 'Basic realm="pillarbox", charset="UTF-8"'
    return heard.status, heard.text


async def test_basic_is_checked_once_for_a_connection(house: WebHouse) -> None:
    http = await house.open()
    right = basic(ALICE, PASSWORD)
    for _ in range(3):
        assert await ask(house, http, right) == (200, ALICE)
    (client,) = house.login.asked
    assert (client.protocol, client.ip) == ("dav", "127.0.0.1")
    assert (await ask(house, http, basic(ALICE, "wrong")))[0] == 401
    assert await ask(house, http, right) == (200, ALICE)
    assert len(house.login.asked) == 2  # who logged in stays so, whatever comes between
    house.login.holds = False
    assert await ask(house, http, right) == (200, ALICE)  # asked anew, and still right
    assert len(house.login.asked) == 3
    other = await house.open()
    assert (await ask(house, other, None))[0] == 401
    assert await ask(house, other, right) == (200, ALICE)


async def test_bearer(house: WebHouse) -> None:
    http = await house.open()
    assert await ask(house, http, f"Bearer {TOKEN}") == (200, ALICE)
    assert await ask(house, http, f"bearer {TOKEN}") == (200, ALICE)
    assert (await ask(house, http, "Bearer pbt_wrong"))[0] == 401
    status, text = await ask(house, http, f"Bearer {NARROW_TOKEN}")
    assert status == 403
    assert "scope dav" in text


@pytest.mark.parametrize(
    "field",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic " + b64encode(b"no colon").decode(),
        "Basic " + b64encode(b":no user").decode(),
        "Basic " + b64encode(b"a\0b:c").decode(),
        "Basic " + b64encode(b"a:b\nc").decode(),
        "Digest username=x",
        "Basic " + "A" * 9000,
    ],
)
async def test_what_is_no_login_is_no_failed_one(house: WebHouse, field: str) -> None:
    http = await house.open()
    assert (await ask(house, http, field))[0] == 401
    assert house.login.asked == []


async def test_two_logins_in_one_request_are_none(house: WebHouse) -> None:
    field = f"Authorization: {basic(ALICE, PASSWORD)}\r\n".encode()
    said = await house.raw(b"GET /who HTTP/1.1\r\nHost: a\r\n" + field * 2 + b"\r\n")
    assert said.startswith(b"HTTP/1.1 401 ")


async def test_unknown_and_known_users_get_one_answer(house: WebHouse) -> None:
    http = await house.open()
    known = await ask(house, http, basic(ALICE, "wrong"))
    assert known == await ask(house, http, basic("nobody@example.test", "wrong"))
    assert known[0] == 401


async def test_each_face_asks_itself(house: WebHouse) -> None:
    http = await house.open()
    fields = {"Authorization": basic(ALICE, PASSWORD)}
    for path in ("/who", "/other", "/who"):
        assert (await http.ask("GET", path, fields=fields)).text == ALICE
    assert [one.protocol for one in house.login.asked] == ["dav", "other", "dav"]


async def test_the_log_has_no_secrets(house: WebHouse, capsys: pytest.CaptureFixture[str]) -> None:
    http = await house.open()
    fields = {"Authorization": basic(ALICE, PASSWORD)}
    await http.ask("GET", "/who?key=hidden-one", fields=fields)
    for path in ("/calendars/public/hidden-two.ics", "/calendars/%70ublic/hidden-three"):
        assert (await http.ask("GET", path)).text == "no"
    logged = capsys.readouterr().out
    assert "path=/who status=200 user=alice@example.test" in logged
    assert logged.count("path=/calendars/public/...") == 2
    assert "hidden" not in logged
    assert fields["Authorization"].partition(" ")[2] not in logged
