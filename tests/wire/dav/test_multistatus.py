"""Multistatus answers and error bodies, as another parser reads them."""

import time
from typing import Any
from xml.etree.ElementTree import canonicalize

import lxml.etree
import pytest

from pillarbox.wire.dav.markup import href_value, text_value, xml_text
from pillarbox.wire.dav.multistatus import (
    MultiStatus,
    PropStatus,
    error_body,
    made_body,
    missing_privileges_body,
    ready_missing,
    ready_properties,
    status_line,
)
from pillarbox.wire.dav.names import LANG, C, D
from pillarbox.wire.dav.xml import parse_body

NS = {"D": "DAV:", "C": "urn:ietf:params:xml:ns:caldav", "u": "u"}


def read(body: bytes) -> Any:
    return lxml.etree.fromstring(body)


def canonical(text: bytes) -> str:
    return canonicalize(text, rewrite_prefixes=True)


def texts(node: Any, path: str) -> list[str]:
    return [str(found.text) for found in node.findall(path, NS)]


def test_a_resource_with_what_it_has_and_lacks() -> None:
    answer = MultiStatus()
    answer.response(
        "/dav/a b/\u00e9&<.ics",
        [
            (D + "displayname", text_value("A & <B> ]]>")),
            (D + "owner", href_value("/dav/principals/a@x.test/")),
            (D + "resourcetype", ""),
        ],
        [D + "getetag", "{u}other", "bare"],
    )
    root = read(answer.build())
    assert root.tag == D + "multistatus"
    assert texts(root, "D:response/D:href") == ["/dav/a%20b/%C3%A9%26%3C.ics"]
    found, missing = root.findall("D:response/D:propstat", NS)
    assert texts(found, "D:status") == ["HTTP/1.1 200 OK"]
    assert texts(found, "D:prop/D:displayname") == ["A & <B> ]]>"]
    assert texts(found, "D:prop/D:owner/D:href") == ["/dav/principals/a@x.test/"]
    assert texts(missing, "D:status") == ["HTTP/1.1 404 Not Found"]
    assert [child.tag for child in missing.find("D:prop", NS)] == [
        D + "getetag",
        "{u}other",
        "bare",
    ]


def test_without_anything_there_is_an_empty_200() -> None:
    answer = MultiStatus()
    answer.response("/a")
    (only,) = read(answer.build()).findall("D:response/D:propstat", NS)
    assert texts(only, "D:status") == ["HTTP/1.1 200 OK"]
    assert len(only.find("D:prop", NS)) == 0


def test_only_what_is_lacking_has_no_200() -> None:
    answer = MultiStatus()
    answer.response("/a", (), [D + "x"])
    answer.response("/b", (), (), [PropStatus(403, (D + "y",))])
    assert texts(read(answer.build()), "D:response/D:propstat/D:status") == [
        "HTTP/1.1 404 Not Found",
        "HTTP/1.1 403 Forbidden",
    ]


def test_other_states_say_why() -> None:
    answer = MultiStatus()
    answer.response(
        "/a",
        others=[
            PropStatus(
                403, (D + "getetag",), (D + "cannot-modify-protected-property",), "No <no>."
            ),
            PropStatus(424, ("{u}b", "{u}c")),
        ],
    )
    first, second = read(answer.build()).findall("D:response/D:propstat", NS)
    assert texts(first, "D:status") == ["HTTP/1.1 403 Forbidden"]
    assert first.find("D:error/D:cannot-modify-protected-property", NS) is not None
    assert texts(first, "D:responsedescription") == ["No <no>."]
    assert [child.tag for child in second.find("D:prop", NS)] == ["{u}b", "{u}c"]
    # RFC 4918 §14.22: prop, status, error, responsedescription.
    assert [child.tag.removeprefix(D) for child in first] == [
        "prop",
        "status",
        "error",
        "responsedescription",
    ]


def test_resources_with_one_state_and_a_sync_token() -> None:
    answer = MultiStatus()
    answer.status("/gone", 404)
    answer.status("/", 507, [D + "number-of-matches-within-limits"], "More.")
    answer.sync_token("http://x.test/<1>")
    root = read(answer.build())
    assert texts(root, "D:response/D:status") == [
        "HTTP/1.1 404 Not Found",
        "HTTP/1.1 507 Insufficient Storage",
    ]
    assert root.find("D:response/D:error/D:number-of-matches-within-limits", NS) is not None
    assert texts(root, "D:sync-token") == ["http://x.test/<1>"]
    assert root[-1].tag == D + "sync-token"


def test_nothing_is_an_empty_multistatus() -> None:
    assert len(read(MultiStatus().build())) == 0


def test_pieces_are_the_whole() -> None:
    whole, pieces = MultiStatus(), MultiStatus()
    sent = b""
    for number in range(10):
        for answer in (whole, pieces):
            answer.response(f"/{number}", [(D + "getetag", '"1"')])
        sent += pieces.taken()
    assert pieces.taken() == b""
    assert sent + pieces.build() == whole.build()


@pytest.mark.parametrize(
    "text",
    [
        '<Z:a xmlns:Z="u" xml:lang="de">gr\u00fc\u00df <Z:b xmlns:D="other"><D:c/></Z:b></Z:a>',
        '<a xmlns="u"><![CDATA[]]]]><![CDATA[>]]></a>',
        "<a><b/></a>",
    ],
)
def test_dead_properties_come_back_whole(text: str) -> None:
    answer = MultiStatus()
    element = parse_body(text.encode())
    answer.response("/a", [(element.name, xml_text(element)), (D + "getetag", "x")])
    prop = read(answer.build()).find("D:response/D:propstat/D:prop", NS)
    dead, etag = prop
    assert canonical(lxml.etree.tostring(dead, with_tail=False)) == canonical(text.encode())
    assert dead.get(LANG) == element.lang
    assert (etag.tag, etag.text) == (D + "getetag", "x")


def test_error_bodies() -> None:
    root = read(error_body([D + "lock-token-submitted", (C + "no-uid-conflict", ["/a b"])], "W<y."))
    assert root.tag == D + "error"
    assert [child.tag for child in root] == [
        D + "lock-token-submitted",
        C + "no-uid-conflict",
        D + "responsedescription",
    ]
    assert texts(root, "C:no-uid-conflict/D:href") == ["/a%20b"]
    root = read(missing_privileges_body([("/a", D + "read"), ("/b", C + "read-free-busy")]))
    assert texts(root, "D:need-privileges/D:resource/D:href") == ["/a", "/b"]
    assert root.find("D:need-privileges/D:resource/D:privilege/C:read-free-busy", NS) is not None


def test_bodies_of_made_collections() -> None:
    root = read(made_body(C + "mkcalendar-response", [PropStatus(200, (D + "displayname",))]))
    assert root.tag == C + "mkcalendar-response"
    assert texts(root, "D:propstat/D:status") == ["HTTP/1.1 200 OK"]


def test_status_lines() -> None:
    assert status_line(207) == "HTTP/1.1 207 Multi-Status"


def test_five_hundred_resources_are_built_in_a_moment() -> None:
    content = text_value("BEGIN:VEVENT\r\nSUMMARY:a & b\r\n" * 20)

    def built() -> float:
        began = time.process_time()
        answer = MultiStatus()
        for number in range(500):
            answer.response(
                f"/dav/calendars/a@x.test/personal/{number}.ics",
                [(D + "getetag", f'"{number}"'), (C + "calendar-data", content)],
                [D + "x"],
            )
        answer.build()
        return time.process_time() - began

    # 0.9 ms here; a hundred times that is a fault on any machine.
    assert min(built() for _ in range(5)) < 0.1


@pytest.mark.parametrize("missing", [[], [D + "displayname", "{u}x"]])
@pytest.mark.parametrize("found", [[(D + "getetag", '"1"')], [(D + "a", ""), ("{u}b", "<c/>")]])
def test_a_row_is_a_response(found: list[tuple[str, str]], missing: list[str]) -> None:
    one, other = MultiStatus(), MultiStatus()
    one.response("/dav/a b.ics", found, missing)
    other.row("/dav/a%20b.ics", ready_properties(found), ready_missing(missing))
    assert one.build() == other.build()
