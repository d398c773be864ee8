"""Who may do what: every method by every kind of user on every kind of resource."""

from dataclasses import dataclass

from kit.app import DOMAIN, PASSWORD, AppUnderTest
from kit.dav import CS, C, D, Dav, event, names_of
from kit.http import HttpWire
from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Role
from pillarbox.domain.sharing import groups
from pillarbox.storage.tx import Tx

WHO = ("owner", "reads", "writes", "busy", "member", "nobody", "elsewhere", "anonymous")
HOME, CALENDAR = f"/dav/calendars/alice@{DOMAIN}/", f"/dav/calendars/alice@{DOMAIN}/personal/"
ITEM, PRINCIPAL = CALENDAR + "{who}.ics", f"/dav/principals/alice@{DOMAIN}/"
INBOX, OUTBOX = HOME + "inbox/", HOME + "outbox/"
CARDS = f"/dav/contacts/alice@{DOMAIN}/"
NOWHERE, NO_USER = HOME + "nowhere/", f"/dav/calendars/nobody-here@{DOMAIN}/"

PROPFIND = b'<propfind xmlns="DAV:"><prop><displayname/></prop></propfind>'
PROPPATCH = (
    b'<propertyupdate xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop>'
    b"<C:calendar-timezone-id>Europe/Berlin</C:calendar-timezone-id></prop></set></propertyupdate>"
)
QUERY = (
    b'<C:calendar-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><getetag/>'
    b'</prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>'
)
BUSY = (
    b'<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav">'
    b'<C:time-range start="20260101T000000Z" end="20260201T000000Z"/></C:free-busy-query>'
)
SYNC = (
    b'<sync-collection xmlns="DAV:"><sync-token/><sync-level>1</sync-level><prop><getetag/></prop>'
    b"</sync-collection>"
)
ACL = b'<acl xmlns="DAV:">%s</acl>'
MATCH = b'<acl-principal-prop-set xmlns="DAV:"><prop><displayname/></prop></acl-principal-prop-set>'
ASKED = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nMETHOD:REQUEST\r\n"
    b"BEGIN:VFREEBUSY\r\nUID:fb\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260105T000000Z\r\n"
    b"DTEND:20260106T000000Z\r\nORGANIZER:mailto:alice@example.test\r\n"
    b"ATTENDEE:mailto:alice@example.test\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n"
)


@dataclass(frozen=True)
class Try:
    """A request, and its status for each of `WHO`."""

    method: str
    path: str
    statuses: str
    body: bytes = b""
    fields: tuple[tuple[str, str], ...] = ()


OWN = "403 403 403 403 403 403 401"
"""For all but the owner, of what is nobody else's business."""
DESTINATION = (("Destination", "/dav/calendars/{address}/personal/from-{who}.ics"),)
MATRIX = (
    # owner reads writes busy member nobody elsewhere anonymous
    Try("PROPFIND", HOME, "207 207 207 207 207 403 403 401", PROPFIND),
    Try("PROPFIND", CALENDAR, "207 207 207 207 207 403 403 401", PROPFIND),
    Try("PROPFIND", ITEM, "207 207 207 403 207 403 403 401", PROPFIND),
    Try("PROPFIND", PRINCIPAL, "207 207 207 207 207 207 403 401", PROPFIND),
    Try("PROPFIND", INBOX, f"207 {OWN}", PROPFIND),
    Try("PROPFIND", OUTBOX, f"207 {OWN}", PROPFIND),
    Try("PROPFIND", CARDS, f"207 {OWN}", PROPFIND),
    Try("PROPFIND", NOWHERE, f"404 {OWN}", PROPFIND),
    Try("PROPFIND", NO_USER, f"403 {OWN}", PROPFIND),
    Try("GET", HOME, "200 200 200 200 200 403 403 401"),
    Try("GET", CALENDAR, "200 200 200 403 200 403 403 401"),
    Try("GET", ITEM, "200 200 200 403 200 403 403 401"),
    Try("HEAD", ITEM, "200 200 200 403 200 403 403 401"),
    Try("GET", PRINCIPAL, "200 200 200 200 200 200 403 401"),
    Try("GET", INBOX, f"200 {OWN}"),
    Try("GET", NOWHERE + "x.ics", f"404 {OWN}"),
    Try("PUT", ITEM, "204 403 204 403 403 403 403 401", event("{who}")),
    Try("PUT", CALENDAR + "new-{who}.ics", "201 403 201 403 403 403 403 401", event("new-{who}")),
    Try("PUT", INBOX + "x.ics", f"403 {OWN}", event("x")),
    Try("PUT", NOWHERE + "x.ics", f"409 {OWN}", event("x")),
    Try("POST", CALENDAR, "201 403 201 403 403 403 403 401", event("post-{who}")),
    Try("POST", OUTBOX, f"200 {OWN}", ASKED),
    Try("REPORT", CALENDAR, "207 207 207 403 207 403 403 401", QUERY),
    Try("REPORT", CALENDAR, "207 207 207 403 207 403 403 401", SYNC),
    Try("REPORT", CALENDAR, "200 200 200 200 200 403 403 401", BUSY),
    Try("REPORT", CALENDAR, "207 207 207 207 207 403 403 401", MATCH),
    Try("REPORT", INBOX, f"207 {OWN}", QUERY),
    Try("REPORT", NOWHERE, f"404 {OWN}", QUERY),
    Try("PROPPATCH", HOME, f"207 {OWN}", PROPPATCH),
    Try("PROPPATCH", CALENDAR, f"207 {OWN}", PROPPATCH),
    Try("PROPPATCH", ITEM, f"207 {OWN}", PROPPATCH),
    Try("PROPPATCH", PRINCIPAL, f"207 {OWN}", PROPPATCH),
    Try("PROPPATCH", INBOX, f"207 {OWN}", PROPPATCH),
    Try("MKCALENDAR", HOME + "made-{who}/", f"201 {OWN}"),
    Try("MKCOL", CARDS + "made-{who}/", f"201 {OWN}"),
    Try("MKCALENDAR", INBOX, "403 403 403 403 403 403 403 401"),
    Try("ACL", ITEM, "403 403 403 403 403 403 403 401", ACL % b""),
    Try("COPY", ITEM, "409 201 201 403 201 403 403 401", fields=DESTINATION),
    Try("MOVE", ITEM, "201 403 204 403 403 403 403 401", fields=DESTINATION),
    Try("MOVE", CALENDAR, "403 403 403 403 403 403 403 401", fields=(("Destination", CARDS),)),
    Try("COPY", INBOX + "x.ics", f"404 {OWN}", fields=DESTINATION),
    Try("ACL", HOME, f"403 {OWN}", ACL % b""),
    Try("ACL", INBOX, f"403 {OWN}", ACL % b""),
    Try("DELETE", CALENDAR + "new-writes.ics", "204 403 404 403 403 403 403 401"),
    Try("DELETE", CALENDAR + "{who}.ics", "404 403 404 403 403 403 403 401"),
    Try("DELETE", HOME, f"403 {OWN}"),
    Try("DELETE", INBOX, f"403 {OWN}"),
    Try("DELETE", INBOX + "x.ics", f"404 {OWN}"),
    Try("DELETE", PRINCIPAL, "403 403 403 403 403 403 403 401"),
    Try("DELETE", CALENDAR, f"403 {OWN}"),
    Try("DELETE", NOWHERE, f"404 {OWN}"),
    Try("DELETE", HOME + "made-owner/", f"204 {OWN}"),
)


def ace(address: str, *privileges: str) -> bytes:
    """An entry that grants privileges to somebody."""
    granted = "".join(f"<privilege><{one}/></privilege>" for one in privileges)
    return (
        f"<ace><principal><href>/dav/principals/{address}/</href></principal>"
        f"<grant>{granted}</grant></ace>"
    ).encode()


def _more(tx: Tx, secret: str) -> None:
    domains.create(tx, "other.test")
    users.create(tx, "elsewhere@other.test", secret, "", Role.USER, 0)
    team = groups.create(tx, f"team@{DOMAIN}")
    groups.add_member(tx, team, users.require(tx, f"member@{DOMAIN}"))


async def _people(server: AppUnderTest) -> dict[str, Dav]:
    await server.add_users("reads", "writes", "busy", "member", "nobody")
    services = server.services
    secret = await services.cpu.run(services.passwords.hash, PASSWORD)
    await services.database.write(_more, secret)
    found = {who: await Dav.open(server, who) for who in WHO[1:6]}
    found["owner"] = await Dav.open(server, "alice")
    wire = await HttpWire.open(server.ports["https"], "elsewhere@other.test", PASSWORD)
    found["elsewhere"] = Dav(wire, "elsewhere")
    found["elsewhere"].address = "elsewhere@other.test"
    found["anonymous"] = await Dav.open(server, "")
    shared = (
        ace(f"reads@{DOMAIN}", "read"),
        ace(f"writes@{DOMAIN}", "read", "write-content"),
        ace(f"busy@{DOMAIN}", "C:read-free-busy"),
        ace(f"team@{DOMAIN}", "read"),
    )
    body = ACL % b"".join(shared)
    body = body.replace(b'xmlns="DAV:"', b'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"')
    given = await found["owner"].ask("ACL", CALENDAR, body)
    assert given.status == 200, given.heard.text
    for who in WHO:
        made = await found["owner"].put(CALENDAR + f"{who}.ics", event(who))
        assert made.status == 201
    return found


async def test_the_matrix(server: AppUnderTest) -> None:
    people = await _people(server)
    wrong: list[str] = []
    for row in MATRIX:
        for who, status in zip(WHO, row.statuses.split(), strict=True):
            client = people[who]

            def filled(text: str, who: str = who, client: Dav = client) -> str:
                return text.replace("{who}", who).replace("{address}", client.address)

            body = filled(row.body.decode()).encode()
            fields = {key: filled(value) for key, value in row.fields}
            if row.method == "POST":
                fields["Content_Type"] = "text/calendar"
            answer = await client.ask(row.method, filled(row.path), body, **fields)
            if answer.status != int(status):
                wrong.append(f"{row.method} {row.path} by {who}: {answer.status}, not {status}")
            elif status == "403" and who != "owner":
                assert b"BEGIN:" not in answer.heard.body
    assert not wrong, "\n".join(wrong)
    for client in people.values():
        await client.close()


async def test_who_may_know_nothing_learns_nothing(server: AppUnderTest) -> None:
    """What is there and what is not is told alike to who has no rights."""
    people = await _people(server)
    told = set()
    for path in (CALENDAR, NOWHERE, CALENDAR + "owner.ics", NOWHERE + "x.ics", NO_USER):
        for method in ("PROPFIND", "GET", "PUT", "DELETE"):
            if (method, path[-1]) == ("PUT", "/"):
                continue
            answer = await people["nobody"].ask(
                method, path, event("x") if method == "PUT" else b""
            )
            told.add((answer.status, frozenset(answer.conditions)))
    assert told == {(403, frozenset({D + "need-privileges"}))}
    for client in people.values():
        await client.close()


async def test_privileges_are_told_as_they_are(server: AppUnderTest) -> None:
    people = await _people(server)
    name = D + "current-user-privilege-set"

    async def privileges(who: str) -> set[str]:
        found = await people[who].propfind(CALENDAR, "current-user-privilege-set")
        return {child[0].tag for child in found.only.props[200][name]}

    assert {D + "all", D + "read", D + "write", D + "bind", D + "share"} <= await privileges(
        "owner"
    )
    assert await privileges("reads") == {
        D + "read",
        D + "read-current-user-privilege-set",
        C + "read-free-busy",
    }
    assert {D + "write-content", D + "bind", D + "unbind"} <= await privileges("writes")
    assert D + "write-properties" not in await privileges("writes")
    assert await privileges("busy") == {C + "read-free-busy"}
    for client in people.values():
        await client.close()


async def test_what_is_shared_is_told(server: AppUnderTest) -> None:
    people = await _people(server)
    found = await people["owner"].propfind(CALENDAR, "acl", "resourcetype", "acl-restrictions")
    assert found.only.hrefs(D + "acl") == [
        PRINCIPAL,
        *(f"/dav/principals/{who}@{DOMAIN}/" for who in ("reads", "writes", "busy", "team")),
    ]
    assert CS + "shared-owner" in found.only.inner(D + "resourcetype")
    found = await people["reads"].propfind(CALENDAR, "acl", "owner")
    assert found.only.hrefs(D + "owner") == [PRINCIPAL]
    assert f"/dav/principals/writes@{DOMAIN}/" not in found.only.hrefs(D + "acl")
    taken = await people["owner"].ask("ACL", CALENDAR, ACL % ace(f"team@{DOMAIN}", "read"))
    assert taken.status == 200
    assert (await people["reads"].ask("GET", CALENDAR)).status == 403
    assert (await people["member"].ask("GET", CALENDAR)).status == 200
    home = await people["member"].propfind(HOME, "displayname", depth="1")
    assert names_of(home.rows) == [f"alice@{DOMAIN}", "personal"]
    for client in people.values():
        await client.close()


async def test_entries_that_are_not_understood(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        for inside, condition in (
            (ace(f"nobody-here@{DOMAIN}", "read"), "recognized-principal"),
            (ace(f"bob@{DOMAIN}", "fly"), "not-supported-privilege"),
            (ace(f"bob@{DOMAIN}", "read").replace(b"grant>", b"deny>"), "grant-only"),
            (
                ace(f"bob@{DOMAIN}", "read")
                .replace(b"<principal>", b"<invert><principal>")
                .replace(b"</principal>", b"</principal></invert>"),
                "no-invert",
            ),
        ):
            answer = await alice.ask("ACL", CALENDAR, ACL % inside)
            assert (answer.status, answer.conditions) == (403, {D + condition})
        everybody = (
            b"<ace><principal><authenticated/></principal><grant><privilege><read/></privilege>"
            b"</grant></ace>"
        )
        assert (await alice.ask("ACL", CALENDAR, ACL % everybody)).status == 200
        async with await Dav.open(server, "bob") as bob:
            assert (await bob.ask("GET", CALENDAR)).status == 200
