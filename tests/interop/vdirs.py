"""Folders of calendars and contacts that vdirsyncer keeps like those of an account."""

import http.client
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from interop.programs import certificate, run
from kit.live import LiveServer
from kit.wire import trusting_context

SYNC_S = 120

SETTINGS = """
[general]
status_path = "{folder}/status/"

[pair calendars]
a = "calendars_near"
b = "calendars_far"
collections = {calendars}
conflict_resolution = "b wins"
metadata = ["displayname", "color"]

[storage calendars_near]
type = "filesystem"
path = "{folder}/calendars/"
fileext = ".ics"

[storage calendars_far]
type = "caldav"
url = "{url}"
username = "{user}"
password = "{password}"
verify = "{certificate}"

[pair contacts]
a = "contacts_near"
b = "contacts_far"
collections = {books}
conflict_resolution = "b wins"

[storage contacts_near]
type = "filesystem"
path = "{folder}/contacts/"
fileext = ".vcf"

[storage contacts_far]
type = "carddav"
url = "{url}"
username = "{user}"
password = "{password}"
verify = "{certificate}"
"""


class Vdirs:
    """Folders `calendars/NAME` and `contacts/NAME` beside an account's collections."""

    def __init__(
        self,
        server: LiveServer,
        folder: Path,
        user: str,
        *,
        calendars: str,
        books: str,
        path: str = "/",
    ) -> None:
        for part in (folder, folder / "calendars", folder / "contacts"):
            part.mkdir(exist_ok=True)
        self._server, self._user = server, user
        self.folder = folder
        self._settings = folder / "vdirsyncer.conf"
        self._settings.write_text(
            SETTINGS.format(
                folder=folder,
                calendars=calendars,
                books=books,
                url=f"https://localhost:{server.port('HTTPS')}{path}",
                user=user,
                password=server.password,
                certificate=certificate(server, folder),
            )
        )

    def run(self, *command: str, status: int = 0) -> str:
        """Run vdirsyncer, with yes to all it asks; gives what it said."""
        whole = ("vdirsyncer", "--config", str(self._settings), *command)
        return run(*whole, input="y\n" * 20, status=status, limit_s=SYNC_S)

    def files(self, name: str) -> dict[str, bytes]:
        """What is in a folder such as `calendars/personal`, by the names of files."""
        folder = self.folder / name
        return {one.name: one.read_bytes() for one in folder.glob("*.*")}

    def stored(self, name: str) -> dict[str, bytes]:
        """What the server gives of that collection with GET, by the last segments of paths."""
        kind, _, name = name.partition("/")
        base = f"/dav/{kind}/{self._user}/{name}/"
        found = {}
        with asking(self._server, self._user) as ask:
            _, listing = ask("PROPFIND", base, b"")
            for part in listing.split(b"<D:response><D:href>")[1:]:
                href = part.partition(b"</")[0].decode()
                if href != base:
                    status, found[href.removeprefix(base)] = ask("GET", href, b"")
                    assert status == 200, href
        return found


@contextmanager
def asking(
    server: LiveServer, user: str
) -> Iterator[Callable[[str, str, bytes], tuple[int, bytes]]]:
    """A function that sends a request over one connection; gives status and body."""
    port = server.port("HTTPS")
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=trusting_context())
    login = b64encode(f"{user}:{server.password}".encode()).decode()

    def ask(method: str, path: str, body: bytes) -> tuple[int, bytes]:
        fields = {"Authorization": f"Basic {login}", "Depth": "1"}
        connection.request(method, path, body or None, fields)
        answer = connection.getresponse()
        return answer.status, answer.read()

    try:
        yield ask
    finally:
        connection.close()
