"""litmus: what of WebDAV applies to calendars and address books, which hold no files or folders.

Its file `foo`, which it uploads under many names, is made an event or a vCard; so all have one UID.
"""

import http.client
import os
import re
from pathlib import Path
from typing import Final

import pytest

from interop.programs import ALICE, HOST, needs, run
from kit.http import basic
from kit.live import LiveServer

pytestmark = needs("litmus")

PASSING: Final = {
    "basic": (
        "init begin options put_no_parent delete_null mkcol_no_parent mkcol_with_body finish"
    ),
    "copymove": "init begin copy_cleanup move_cleanup finish",
    "props": (
        "init begin propfind_invalid propfind_invalid2 propfind_d0 propinit propextended "
        "propwformed propinit propcleanup finish"
    ),
    "http": "init begin expect100 finish",
}
"""By group, the tests that apply and pass."""
OTHERS: Final = {
    "put_get": "uploads a text of its own, which is neither event nor vCard",
    "put_get_utf8_segment": "as put_get; tests/scenarios/test_dav_cases_objects.py has such names",
    "mkcol_over_plain": "wants put_get",
    "delete": "wants put_get",
    "delete_fragment": "makes a collection in a collection",
    "mkcol": "makes a collection in a collection",
    "mkcol_again": "wants mkcol",
    "delete_coll": "wants mkcol",
    "copy_init": "makes a collection in a collection",
    "copy_simple": "wants copy_init",
    "copy_overwrite": "wants copy_init",
    "copy_nodestcoll": "wants copy_init",
    "copy_coll": "makes a collection in a collection",
    "copy_shallow": "makes a collection in a collection",
    "move": "uploads the same UID under two names: no-uid-conflict",
    "move_coll": "makes a collection in a collection",
    "propset": "sets properties of an object that the server does not know: calendars keep those",
    "propget": "wants propset",
    "propmove": "wants propset",
    "propdeletes": "wants propset",
    "propreplace": "wants propset",
    "propnullns": "wants propset",
    "prophighunicode": "wants propset",
    "propremoveset": "wants propset",
    "propsetremove": "wants propset",
    "propvalnspace": "wants propset",
    "propmanyns": "as propset",
}
"""The others, with the reason. The group `locks` is not run: there are no locks."""
_EVENT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//Litmus//EN
BEGIN:VEVENT
UID:litmus
DTSTAMP:20260101T000000Z
DTSTART:20260101T000000Z
END:VEVENT
END:VCALENDAR
"""
_CARD = """BEGIN:VCARD
VERSION:3.0
UID:litmus
FN:Litmus
N:Litmus;;;;
END:VCARD
"""
_TEST = re.compile(r"^ *\d+\. (\w+)\.* (?:WARNING: .*\n *\.* )?(pass|FAIL|SKIPPED)", re.MULTILINE)


@pytest.mark.parametrize("area", ["calendars", "contacts"])
def test_groups(server: LiveServer, area: str, tmp_path: Path) -> None:
    content = _EVENT if area == "calendars" else _CARD
    (tmp_path / "foo").write_text(content.replace("\n", "\r\n"), newline="")
    path, port = f"/dav/{area}/{ALICE}/", server.port("WEBCLIENT")
    output = run(
        *("litmus", "-k", f"http://{HOST}:{port}{path}", ALICE, server.password),
        env=os.environ | {"HTDOCS": str(tmp_path), "TESTS": " ".join(PASSING)},
        status=None,
        cwd=tmp_path,
    )
    client = http.client.HTTPConnection(HOST, port, timeout=30)
    login = {"Authorization": basic(ALICE, server.password)}
    client.request("DELETE", f"{path}litmus/", headers=login)
    assert client.getresponse().status == 204
    client.close()
    output = output.replace("\r", "\n")
    groups = dict(re.findall(r"running `(\w+)':(.*?)<- summary", output, re.DOTALL))
    assert groups.keys() == PASSING.keys(), output
    for group, text in groups.items():
        found = _TEST.findall(text)
        passed = [name for name, how in found if how == "pass"]
        assert passed == PASSING[group].split(), text
        assert {name for name, how in found if how != "pass"} <= OTHERS.keys(), text
    # The one warning there may be is that there are no locks.
    warnings = re.findall("WARNING: (.*)", output)
    assert warnings == ["server does not claim Class 2 compliance"], warnings
