"""Sharing, in Apple's words and in those of draft-pot-webdav-resource-sharing."""

import lxml.etree
import pytest

from pillarbox.wire.dav.markup import document
from pillarbox.wire.dav.names import CS, D
from pillarbox.wire.dav.sharing import (
    Invitation,
    Invitee,
    InviteReply,
    InviteStatus,
    Publish,
    Reply,
    Share,
    ShareAccess,
    ShareChange,
    cs_invitation_body,
    cs_invite_value,
    cs_notification_type_value,
    cs_reply_body,
    dav_invitation_body,
    dav_invite_value,
    parse_sharing,
)
from pillarbox.wire.dav.xml import XmlError

CSNS = 'xmlns:D="DAV:" xmlns:CS="http://calendarserver.org/ns/"'
NS = {
    "D": "DAV:",
    "CS": "http://calendarserver.org/ns/",
    "C": "urn:ietf:params:xml:ns:caldav",
    "A": "urn:ietf:params:xml:ns:carddav",
}


def parse(text: str) -> Share | InviteReply | Publish:
    return parse_sharing(text.encode())


def test_shares_in_apples_words() -> None:
    assert parse(
        f"<CS:share {CSNS}><CS:set><D:href>mailto:b@x.test</D:href>"
        "<CS:common-name>B</CS:common-name><CS:summary>Work</CS:summary><CS:read-write/></CS:set>"
        "<CS:set><D:href>/dav/principals/c@x.test/</D:href><CS:read/></CS:set>"
        "<CS:set><D:href>mailto:e@x.test</D:href><CS:read-write-schedule/></CS:set>"
        "<CS:other/><CS:remove><D:href>mailto:d@x.test</D:href></CS:remove></CS:share>"
    ) == Share(
        (
            ShareChange("mailto:b@x.test", ShareAccess.READ_WRITE, "Work", "B"),
            ShareChange("/dav/principals/c@x.test/", ShareAccess.READ),
            ShareChange("mailto:e@x.test", ShareAccess.READ_WRITE),
            ShareChange("mailto:d@x.test", ShareAccess.NO_ACCESS),
        )
    )


def test_shares_of_resources() -> None:
    assert parse(
        "<share-resource xmlns='DAV:'><sharee><href>mailto:b@x.test</href>"
        "<prop><displayname>B</displayname></prop><comment>Work</comment>"
        "<share-access><read-write/></share-access></sharee>"
        "<sharee><href>mailto:c@x.test</href><share-access><no-access/></share-access></sharee>"
        "</share-resource>"
    ) == Share(
        (
            ShareChange("mailto:b@x.test", ShareAccess.READ_WRITE, "Work", "B"),
            ShareChange("mailto:c@x.test", ShareAccess.NO_ACCESS),
        )
    )


def test_answers_to_invitations() -> None:
    assert parse(
        f"<CS:invite-reply {CSNS}><D:href>mailto:b@x.test</D:href><CS:invite-accepted/>"
        "<CS:hosturl><D:href>/dav/calendars/a@x.test/work/</D:href></CS:hosturl>"
        "<CS:in-reply-to>uid-1</CS:in-reply-to><CS:summary>Work</CS:summary></CS:invite-reply>"
    ) == InviteReply(True, "/dav/calendars/a@x.test/work/", "uid-1", "Work")
    assert parse(
        "<invite-reply xmlns='DAV:'><invite-accepted/><create-in><href>/dav/calendars/b/</href>"
        "</create-in><slug>work</slug></invite-reply>"
    ) == InviteReply(True, create_in="/dav/calendars/b/", slug="work")
    assert parse("<invite-reply xmlns='DAV:'><invite-declined/></invite-reply>") == InviteReply(
        False
    )


def test_public_links() -> None:
    assert parse(f"<CS:publish-calendar {CSNS}/>") == Publish(True)
    assert parse(f"<CS:unpublish-calendar {CSNS}/>") == Publish(False)


@pytest.mark.parametrize(
    "text",
    [
        f"<CS:share {CSNS}/>",
        f"<CS:share {CSNS}><CS:set><CS:read/></CS:set></CS:share>",
        f"<CS:share {CSNS}>" + "<CS:set><D:href>a</D:href></CS:set>" * 501 + "</CS:share>",
        "<share-resource xmlns='DAV:'><sharee><href>a</href></sharee></share-resource>",
        "<share-resource xmlns='DAV:'><sharee><href>a</href><share-access><shared-owner/>"
        "</share-access></sharee></share-resource>",
        "<share-resource xmlns='DAV:'><sharee><href>a</href><share-access><read/><read-write/>"
        "</share-access></sharee></share-resource>",
        "<invite-reply xmlns='DAV:'/>",
        "<invite-reply xmlns='DAV:'><invite-accepted/><invite-declined/></invite-reply>",
        "<propfind xmlns='DAV:'/>",
        "",
    ],
)
def test_wrong_bodies_are_refused(text: str) -> None:
    with pytest.raises(XmlError):
        parse(text)


def test_who_has_been_invited() -> None:
    invitees = [
        Invitee(
            "b@x.test",
            "B <b>",
            ShareAccess.READ_WRITE,
            InviteStatus.ACCEPTED,
            "/dav/principals/b@x.test/",
            "S&S",
        ),
        Invitee("c@y.test", "", ShareAccess.READ, InviteStatus.WAITING),
    ]
    value = cs_invite_value(invitees, "/dav/principals/a@x.test/", "A & co")
    root = lxml.etree.fromstring(document(CS + "invite", value))
    assert root.findtext("CS:organizer/D:href", namespaces=NS) == "/dav/principals/a@x.test/"
    assert root.findtext("CS:organizer/CS:common-name", namespaces=NS) == "A & co"
    first, second = root.findall("CS:user", NS)
    assert first.findtext("D:href", namespaces=NS) == "mailto:b@x.test"
    assert first.find("CS:access/CS:read-write", NS) is not None
    assert first.find("CS:invite-accepted", NS) is not None
    assert first.findtext("CS:summary", namespaces=NS) == "S&S"
    assert second.find("CS:access/CS:read", NS) is not None
    assert second.find("CS:invite-noresponse", NS) is not None

    root = lxml.etree.fromstring(document(D + "invite", dav_invite_value(invitees)))
    first, second = root.findall("D:sharee", NS)
    assert first.findtext("D:principal/D:href", namespaces=NS) == "/dav/principals/b@x.test/"
    assert first.findtext("D:prop/D:displayname", namespaces=NS) == "B <b>"
    assert first.find("D:share-access/D:read-write", NS) is not None
    assert first.findtext("D:comment", namespaces=NS) == "S&S"
    assert second.find("D:principal", NS) is None
    assert second.find("D:invite-noresponse", NS) is not None


def invitation(access: ShareAccess, is_calendar: bool = True) -> Invitation:
    return Invitation(
        uid="uid-1",
        sharee_address="b@x.test",
        sharee_principal="/dav/principals/b@x.test/",
        access=access,
        status=InviteStatus.WAITING,
        host_path="/dav/calendars/a@x.test/my work/",
        owner_address="a@x.test",
        owner_name="A & co",
        owner_principal="/dav/principals/a@x.test/",
        summary="Work <w>",
        is_calendar=is_calendar,
        changed="20260104T000000Z",
        components=("VEVENT",),
    )


def test_notifications_of_invitations() -> None:
    assert cs_notification_type_value() == "<CS:invite-notification/>"
    root = lxml.etree.fromstring(cs_invitation_body(invitation(ShareAccess.READ_WRITE)))
    assert root.tag == CS + "notification"
    assert root.findtext("CS:dtstamp", namespaces=NS) == "20260104T000000Z"
    (inside,) = root.findall("CS:invite-notification", NS)
    assert inside.get("shared-type") == "calendar"
    assert inside.findtext("CS:uid", namespaces=NS) == "uid-1"
    assert inside.findtext("D:href", namespaces=NS) == "mailto:b@x.test"
    assert inside.find("CS:invite-noresponse", NS) is not None
    assert inside.find("CS:access/CS:read-write", NS) is not None
    assert (
        inside.findtext("CS:hosturl/D:href", namespaces=NS) == "/dav/calendars/a@x.test/my%20work/"
    )
    assert inside.findtext("CS:organizer/CS:common-name", namespaces=NS) == "A & co"
    assert inside.findtext("CS:summary", namespaces=NS) == "Work <w>"
    components = inside.find("C:supported-calendar-component-set/C:comp", NS)
    assert components.get("name") == "VEVENT"

    gone = lxml.etree.fromstring(cs_invitation_body(invitation(ShareAccess.NO_ACCESS)))
    assert gone.find("CS:invite-notification/CS:deleted", NS) is not None
    assert gone.find("CS:invite-notification/CS:access", NS) is None

    book = lxml.etree.fromstring(cs_invitation_body(invitation(ShareAccess.READ, False)))
    (inside,) = book.findall("CS:invite-notification", NS)
    assert inside.get("shared-type") == "addressbook"
    assert inside.find("D:resourcetype/A:addressbook", NS) is not None

    root = lxml.etree.fromstring(dav_invitation_body(invitation(ShareAccess.READ)))
    (inside,) = root.findall("D:share-invite-notification", NS)
    assert inside.findtext("D:sharer-resource-uri/D:href", namespaces=NS).endswith("/my%20work/")
    assert inside.find("D:share-access/D:read", NS) is not None


def test_what_an_owner_is_told() -> None:
    reply = Reply("uid-1", "b@x.test", False, "/dav/calendars/a@x.test/my work/", "W", True, "now")
    root = lxml.etree.fromstring(cs_reply_body(reply))
    (inside,) = root.findall("CS:invite-reply", NS)
    assert inside.get("shared-type") == "calendar"
    assert inside.findtext("D:href", namespaces=NS) == "mailto:b@x.test"
    assert inside.find("CS:invite-declined", NS) is not None
    assert inside.findtext("CS:in-reply-to", namespaces=NS) == "uid-1"
    assert cs_notification_type_value(is_reply=True) == "<CS:invite-reply/>"
