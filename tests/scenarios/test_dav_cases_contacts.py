"""Cards and address books: what is taken, found, told and refused."""

from collections.abc import AsyncIterator

import pytest

from kit.app import AppUnderTest
from kit.dav import A, D, Dav, card, event, names_of

BOOK = "~card/contacts/"
GROUP = card("team", "X-ADDRESSBOOKSERVER-KIND:group", "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:ada")
TAKEN = {
    "version 3": card("x", "EMAIL;TYPE=INTERNET,PREF:a@example.org"),
    "version 4": card("x", "EMAIL;PREF=1:a@example.org", version="4.0"),
    "a group": GROUP,
    "a group of version 4": card("x", "KIND:group", "MEMBER:urn:uuid:y", version="4.0"),
    "items of Apple's": card("x", "item1.URL:http://example.org", "item1.X-ABLabel:_$!<Home>!$_"),
    "a picture": card("x", "PHOTO;ENCODING=b;TYPE=PNG:" + "QUJD" * 5000),
    "a picture in lines": card("x", "PHOTO;BASE64:\r\n  QUJD\r\n  QUJD"),
    "a picture elsewhere": card("x", "PHOTO;VALUE=uri:https://example.org/p.png"),
    "letters of all kinds": card("x", "NOTE:\u00fc \u6771 \U0001f600\\, \\; \\n \\\\"),
    "empty parts of a name": card("x").replace(b"N:x;;;;", b"N:;;;;"),
    "no N in version 4": card("x", version="4.0").replace(b"N:x;;;;\r\n", b""),
    "a birthday without a year": card("x", "BDAY;X-APPLE-OMIT-YEAR=1604:1604-05-06"),
    "unknown properties": card("x", 'X-ODD;X-P="a;b":c', "FUTURE:1"),
    "line ends of Unix": card("x").replace(b"\r\n", b"\n"),
    "names in small letters": card("x").replace(b"BEGIN:VCARD", b"begin:vcard"),
}
REFUSED = {
    "nothing": b"",
    "a calendar object": event("x"),
    "no end": card("x").replace(b"END:VCARD\r\n", b""),
    "two cards": card("x") + card("y"),
    "no version": card("x").replace(b"VERSION:3.0\r\n", b""),
    "no name": card("x").replace(b"FN:x\r\n", b""),
    "a line without a colon": card("x", "NOTE"),
    "no UTF-8": card("x", "NOTE:q").replace(b"NOTE:q", b"NOTE:\xff\xfe"),
}
CARDS = {
    "ada": card("ada", "EMAIL;TYPE=HOME:ada@example.org", "EMAIL;TYPE=WORK:lady@work.example",
                "TEL;TYPE=CELL:+44 1", "NICKNAME:Countess"),
    "bob": card("bob", "EMAIL;TYPE=WORK:bob@work.example", "NOTE:Gr\u00fc\u00dfe"),
    "cyd": card("cyd", "ORG:Works;Dance", version="4.0"),
    "team": GROUP,
}  # fmt: skip
ALL = set(CARDS)
ABSENT = "<A:is-not-defined/>"


def prop(name: str, inside: str = "", attributes: str = "") -> str:
    return f'<A:prop-filter name="{name}" {attributes}>{inside}</A:prop-filter>'


def text(value: str, kind: str = "", attributes: str = "") -> str:
    match = f'match-type="{kind}"' if kind else ""
    return f"<A:text-match {match} {attributes}>{value}</A:text-match>"


def param(name: str, inside: str = "") -> str:
    return f'<A:param-filter name="{name}">{inside}</A:param-filter>'


ANY, EVERY = 'test="anyof"', 'test="allof"'
WORK = param("TYPE", text("work", "equals"))
FILTERS = (
    ("", "", ALL),
    ("", prop("NICKNAME"), {"ada"}),
    ("", prop("NICKNAME", ABSENT), ALL - {"ada"}),
    ("", prop("FN", text("B")), {"bob"}),
    ("", prop("FN", text("a")), {"ada", "team"}),
    ("", prop("FN", text("ad", "starts-with")), {"ada"}),
    ("", prop("FN", text("am", "ends-with")), {"team"}),
    ("", prop("FN", text("ad", "equals")), set()),
    ("", prop("FN", text("ADA", "equals")), {"ada"}),
    ("", prop("FN", text("ADA", "equals", 'collation="i;octet"')), set()),
    ("", prop("FN", text("a", "contains", 'negate-condition="yes"')), {"bob", "cyd"}),
    ("", prop("NOTE", text("GR\u00dc")), {"bob"}),
    ("", prop("EMAIL", WORK), {"ada", "bob"}),
    ("", prop("EMAIL", param("TYPE", text("home"))), {"ada"}),
    ("", prop("EMAIL", text("lady") + param("TYPE", text("home")), EVERY), set()),
    ("", prop("EMAIL", text("bob") + param("TYPE", text("home")), ANY), {"ada", "bob"}),
    ("", prop("TEL", param("PREF", ABSENT)), {"ada"}),
    (ANY, prop("FN", text("cyd")) + prop("NICKNAME"), {"ada", "cyd"}),
    (EVERY, prop("FN", text("a")) + prop("NICKNAME"), {"ada"}),
    ("", prop("FN", text("cyd")) + prop("NICKNAME"), {"ada", "cyd"}),
    ("", prop("ORG", text("dance")), {"cyd"}),
    ("", prop("X-ADDRESSBOOKSERVER-KIND", text("group", "equals")), {"team"}),
)


@pytest.fixture
async def alice(server: AppUnderTest) -> AsyncIterator[Dav]:
    """A client whose address book holds the above."""
    async with await Dav.open(server) as client:
        for name, content in CARDS.items():
            assert (await client.put(f"{BOOK}{name}.vcf", content)).status == 201
        yield client


async def query(alice: Dav, attributes: str, inside: str, more: str = "") -> set[str]:
    asked = f"<prop><getetag/></prop><A:filter {attributes}>{inside}</A:filter>{more}"
    answer = await alice.report(BOOK, "A:addressbook-query", asked, Depth="1")
    assert answer.status == 207, answer.heard.text
    return {name.removesuffix(".vcf") for name in names_of(answer.rows)}


async def test_what_is_taken_is_kept(server: AppUnderTest) -> None:
    wrong = []
    async with await Dav.open(server) as alice:
        for name, content in TAKEN.items():
            made = await alice.put(BOOK + "x.vcf", content, Content_Type="text/vcard")
            if made.status != 201:
                wrong.append(f"{name}: {made.status} {made.heard.text}")
                continue
            found = await alice.ask("GET", BOOK + "x.vcf")
            assert found.fields["content-type"].startswith("text/vcard")
            if found.heard.body != content:
                wrong.append(f"{name}: {found.heard.text}")
            await alice.ask("DELETE", BOOK + "x.vcf")
    assert not wrong, "\n".join(wrong)


async def test_what_is_refused_is_nowhere(server: AppUnderTest) -> None:
    wrong = []
    async with await Dav.open(server) as alice:
        made = await alice.put(BOOK + "old.vcf", card("x"))
        for name, content in REFUSED.items():
            for path in ("new.vcf", "old.vcf"):
                answer = await alice.put(BOOK + path, content)
                if (answer.status, answer.conditions) != (403, {A + "valid-address-data"}):
                    wrong.append(f"{name}: {answer.status} {answer.heard.text}")
        for path, content in (("two.vcf", card("x")), ("old.vcf", card("y"))):
            answer = await alice.put(BOOK + path, content)
            assert (answer.status, answer.conditions) == (409, {A + "no-uid-conflict"})
        typed = await alice.put(BOOK + "new.vcf", card("z"), Content_Type="text/calendar")
        assert (typed.status, typed.conditions) == (403, {A + "supported-address-data"})
        assert (await alice.ask("GET", BOOK + "new.vcf")).status == 404
        assert (await alice.ask("GET", BOOK + "old.vcf")).etag == made.etag
    assert not wrong, "\n".join(wrong)


async def test_filters(alice: Dav) -> None:
    wrong = []
    for attributes, inside, wanted in FILTERS:
        names = await query(alice, attributes, inside)
        if names != wanted:
            wrong.append(f"{attributes} {inside}: {sorted(names)}, not {sorted(wanted)}")
    assert not wrong, "\n".join(wrong)
    limited = await query(alice, "", "", "<A:limit><A:nresults>2</A:nresults></A:limit>")
    assert len(limited - {"contacts"}) == 2


async def test_parts_and_versions(alice: Dav) -> None:
    async def told(inside: str, name: str = "ada") -> str:
        asked = f"<prop>{inside}</prop><href>{alice.path(BOOK)}{name}.vcf</href>"
        answer = await alice.report(BOOK, "A:addressbook-multiget", asked)
        assert answer.status == 207, answer.heard.text
        return answer.only.text(A + "address-data")

    assert (await told("<A:address-data/>")).encode() == CARDS["ada"]
    part = await told('<A:address-data><A:prop name="EMAIL"/><A:prop name="FN"/></A:address-data>')
    assert part.count("EMAIL") == 2
    assert "TEL" not in part
    assert "FN:ada" in part
    four = await told('<A:address-data content-type="text/vcard" version="4.0"/>')
    assert "VERSION:4.0" in four
    three = await told('<A:address-data content-type="text/vcard" version="3.0"/>', "cyd")
    assert "VERSION:3.0" in three
    assert "N:" in three
    got = await alice.ask("GET", BOOK + "ada.vcf", Accept="text/vcard; version=4.0")
    assert got.status == 200
    wrong = await alice.report(
        BOOK, "A:addressbook-query",
        '<prop><A:address-data content-type="text/vcard" version="9.0"/></prop><A:filter/>',
    )  # fmt: skip
    assert wrong.status == 403


@pytest.mark.parametrize(
    "inside",
    [
        "<A:prop-filter/>",
        prop("FN", text("x", "sounds-like")),
        prop("FN", text("x", "", 'collation="i;none"')),
        prop("FN", "<A:param-filter/>"),
        prop("FN", text("x"), 'test="someof"'),
        prop("FN", text("x", "", 'negate-condition="maybe"')),
    ],
)
async def test_filters_that_are_none(server: AppUnderTest, inside: str) -> None:
    async with await Dav.open(server) as client:
        asked = f"<prop><getetag/></prop><A:filter>{inside}</A:filter>"
        answer = await client.report(BOOK, "A:addressbook-query", asked, Depth="1")
        assert answer.status in (400, 403), answer.heard.text
        if answer.status == 403:
            assert answer.conditions <= {
                A + "valid-filter", A + "supported-filter", A + "supported-collation",
            }  # fmt: skip


async def test_address_books(server: AppUnderTest) -> None:
    """Made, named, copied between, moved and removed."""
    body = (
        '<mkcol xmlns="DAV:" xmlns:A="urn:ietf:params:xml:ns:carddav"><set><prop>'
        "<resourcetype><collection/><A:addressbook/></resourcetype><displayname>Club</displayname>"
        "<A:addressbook-description>Who dances</A:addressbook-description></prop></set></mkcol>"
    )
    async with await Dav.open(server) as alice:
        assert (await alice.ask("MKCOL", "~card/club/", body)).status == 201
        assert (await alice.ask("MKCOL", "~card/club/", body)).status == 405
        assert (await alice.ask("MKCOL", BOOK + "inner/", body)).status in (403, 409)
        found = await alice.propfind(
            "~card/club/", "displayname", "A:addressbook-description", "A:supported-address-data",
            "A:max-resource-size", "A:supported-collation-set", "supported-report-set", "owner",
        )  # fmt: skip
        assert found.only.names(404) == set()
        assert found.only.text(A + "addressbook-description") == "Who dances"
        assert int(found.only.text(A + "max-resource-size")) > 1 << 20
        await alice.put(BOOK + "ada.vcf", CARDS["ada"])
        for method, source, target, status in (
            ("COPY", BOOK + "ada.vcf", "~card/club/ada.vcf", 201),
            ("COPY", BOOK + "ada.vcf", "~card/club/ada.vcf", 204),
            ("COPY", BOOK + "ada.vcf", "~card/club/other.vcf", 409),
            ("MOVE", BOOK + "ada.vcf", "~card/club/ada.vcf", 204),
            ("MOVE", "~card/club/ada.vcf", "~cal/personal/ada.vcf", 403),
            ("MOVE", "~card/club/", BOOK + "club/", 403),
        ):
            answer = await alice.ask(method, source, Destination=target)
            assert answer.status == status, (method, source, target)
        assert (await alice.ask("GET", "~card/club/ada.vcf")).heard.body == CARDS["ada"]
        first = await alice.sync("~card/club/")
        assert names_of(first.rows) == ["ada.vcf"]
        await alice.ask("DELETE", "~card/club/ada.vcf")
        second = await alice.sync("~card/club/", first.token)
        assert second.only.status == 404
        assert (await alice.ask("DELETE", "~card/club/")).status == 204
        assert (await alice.sync("~card/club/", second.token)).status == 404
        asked = "<prop><getetag/></prop><C:filter><C:comp-filter name='VCALENDAR'/></C:filter>"
        wrong = await alice.report(BOOK, "C:calendar-query", asked)
        assert (wrong.status, wrong.conditions) == (403, {D + "supported-report"})
