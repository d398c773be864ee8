"""Mail as people and honest programs write it: all checks of the content together find little."""

import base64
from collections.abc import Collection, Mapping

import pytest

from kit.checks import arrival
from kit.clock import FakeClock
from kit.documents import archive, pdf, word
from kit.files import mail_with, rar5
from pillarbox.domain.judgement.model import JUNK_SCORE, Finding
from pillarbox.pipeline.inbound.checks import dkim, dmarc, reputation, spf
from pillarbox.pipeline.inbound.checks.attachments import AttachmentCheck
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.inbound.checks.headers import HeaderCheck
from pillarbox.pipeline.inbound.checks.html import HtmlCheck
from pillarbox.pipeline.inbound.checks.links import LinkCheck
from pillarbox.pipeline.inbound.checks.lookalike import LookalikeCheck
from pillarbox.pipeline.inbound.checks.mime import MimeCheck

MOST = 2.0
DATE = "Thu, 1 Jan 2026 11:40:00 +0000"
HOP = f"Received: from mx.sender.test (mx.sender.test [192.0.2.7])\n\tby relay.test; {DATE}\n"


async def own() -> Collection[str]:
    return frozenset(("example.test",))


async def people(domain: str) -> Collection[str]:
    return frozenset(("Bob Miller",))


def checks() -> list[Check]:
    return [
        *(HeaderCheck(FakeClock()), MimeCheck(), HtmlCheck(), LinkCheck(), AttachmentCheck()),
        LookalikeCheck(own, people),
    ]


async def found(content: str | bytes) -> list[Finding]:
    message = arrival(content)
    return [one for check in checks() for one in await check.run(message)]


MUTT = f"""\
{HOP}Date: {DATE}
From: Ann Weber <ann@sender.test>
To: Bob Miller <bob@example.test>
Subject: Re: kernel oops on 6.1
Message-ID: <ZZQ1a9q3mJ0x@sender.test>
References: <20251231.1@example.test>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii
Content-Disposition: inline
In-Reply-To: <20251231.1@example.test>
User-Agent: Mutt/2.2.12 (2023-09-09)

On Wed, Dec 31, 2025 at 10:00:00AM +0000, Bob Miller wrote:
> It happens with http://git.kernel.test/x?h=v6.1 too.

See http://lists.test/2025/123.html, and run ./configure && make!
"""

NEWSLETTER = f"""\
{HOP}Date: {DATE}
From: "Garden Shop" <news@mail.garden.test>
Reply-To: service@garden.test
To: bob@example.test
Subject: =?utf-8?Q?Fr=C3=BChling_im_Garten=3A_20_=25_auf_alles?=
Message-ID: <abc.123@mail.garden.test>
List-Id: <news.garden.test>
List-Unsubscribe: <https://click.tracker.test/u/1>, <mailto:u@garden.test>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
Precedence: bulk
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="=_b1"

--=_b1
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Frühling im Garten: bis Sonntag 20 % auf alles. Im Browser: https://click.tracker.test/v/1

--=_b1
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit

<!DOCTYPE html><html><head><title>Frühling</title><style>p {{ margin: 0 }}</style></head><body>
<div style="display:none;font-size:0;max-height:0">Bis Sonntag sparen{"&nbsp;&zwnj;" * 100}</div>
<!--[if mso]><table><tr><td><![endif]-->
<table><tr><td><a href="https://click.tracker.test/c/1"><img src="https://cdn.tracker.test/a.jpg"
 alt="Garten"></a></td></tr><tr><td><p>Frühling im Garten: bis Sonntag 20 % auf alles, was wächst
 und blüht. Besuchen Sie <a href="https://click.tracker.test/c/2">www.garden.test</a>.</p></td></tr>
</table><img src="https://click.tracker.test/o/1" width="1" height="1" style="display:none">
<p style="font-size:10px"><a href="https://click.tracker.test/u/1">Abmelden</a></p></body></html>

--=_b1--
"""

INVITATION = f"""\
{HOP}Date: {DATE}
From: Ann Weber <ann@sender.test>
To: Bob Miller <bob@example.test>
Subject: Invitation: Planning @ Fri Jan 2, 2026 10am - 11am (bob@example.test)
Message-ID: <calendar-0a1b@sender.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="m"

--m
Content-Type: multipart/alternative; boundary="a"

--a
Content-Type: text/plain; charset="UTF-8"; format=flowed

You have been invited to Planning. Reply: https://calendar.sender.test/r?x=1

--a
Content-Type: text/html; charset="UTF-8"

<html><body><p>You have been invited to <b>Planning</b>.</p>
<script type="application/ld+json">{{"@type": "EmailMessage"}}</script></body></html>

--a
Content-Type: text/calendar; charset="UTF-8"; method=REQUEST

BEGIN:VCALENDAR
METHOD:REQUEST
END:VCALENDAR

--a--

--m
Content-Type: application/ics; name="invite.ics"
Content-Disposition: attachment; filename="invite.ics"
Content-Transfer-Encoding: base64

QkVHSU46VkNBTEVOREFSDQpFTkQ6VkNBTEVOREFSDQo=

--m--
"""

SIGNED = f"""\
{HOP}Date: {DATE}
From: Ann Weber <ann@sender.test>
To: bob@example.test
Subject: Signed
Message-ID: <0a1b2c3d-1111-2222-3333-0123456789ab@sender.test>
User-Agent: Mozilla Thunderbird
MIME-Version: 1.0
Content-Type: multipart/signed; micalg=pgp-sha256; protocol="application/pgp-signature";
 boundary="------------x"

This is an OpenPGP/MIME signed message
--------------x
Content-Type: text/plain; charset=UTF-8; format=flowed
Content-Transfer-Encoding: base64

R3LDvMOfZSBhdXMgV2llbg==

--------------x
Content-Type: application/pgp-signature; name="OpenPGP_signature.asc"
Content-Description: OpenPGP digital signature
Content-Disposition: attachment; filename="OpenPGP_signature.asc"

-----BEGIN PGP SIGNATURE-----

wsB5BAABCAAjFiEE
=abcd
-----END PGP SIGNATURE-----

--------------x--
"""

BOUNCE = f"""\
{HOP}Date: {DATE}
From: Mail Delivery System <MAILER-DAEMON@mx.sender.test>
To: bob@example.test
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Message-ID: <20260101114000.4ABC@mx.sender.test>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="r"

This is a MIME-encapsulated message.

--r
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.sender.test. The mail system
<nobody@sender.test>: host mx.sender.test said: 550 5.1.1 User unknown

--r
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.sender.test

Final-Recipient: rfc822; nobody@sender.test
Action: failed
Status: 5.1.1

--r
Content-Description: Undelivered Message
Content-Type: message/rfc822

From: bob@example.test
Subject: PLEASE READ THIS
Content-Type: multipart/mixed; boundary="cut"

--cut

cut off
--r--
"""

PHONE = f"""\
{HOP}Date: {DATE}
From: Ann Weber <ann.weber@gmail.com>
To: bob@example.test
Subject: Foto
Message-ID: <0A1B2C3D-1111-2222-3333-0123456789AB@gmail.com>
X-Mailer: iPhone Mail (20A362)
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=Apple-Mail-1

--Apple-Mail-1
Content-Type: text/plain; charset=utf-8

Liebe Grüße!!
Von meinem iPhone gesendet

--Apple-Mail-1
Content-Type: multipart/related; type="text/html"; boundary=Apple-Mail-2

--Apple-Mail-2
Content-Type: text/html; charset=utf-8

<html><body dir="auto"><img src="cid:photo"><div>Liebe Grüße!!<br><div dir="ltr">Von meinem iPhone
 gesendet</div></div></body></html>

--Apple-Mail-2
Content-Type: image/jpeg; name=IMG_0001.jpeg
Content-Disposition: inline; filename=IMG_0001.jpeg
Content-Transfer-Encoding: base64
Content-Id: <photo>

/9j/4AAQSkZJRgABAQ==

--Apple-Mail-2--

--Apple-Mail-1--
"""

OUTLOOK = f"""\
{HOP}Date: {DATE}
From: Ann Weber <ann@sender.test>
To: Bob Miller <bob@example.test>, "Carl (Sales)" <carl@sender.test>
Subject: RE: Offer 2026-17
Message-ID: <AM9PR01MB1234567890ABCDEF@AM9PR01MB1234.eurprd01.prod.outlook.com>
In-Reply-To: <1@example.test>
Thread-Index: AQHaPFuL
MIME-Version: 1.0
Content-Type: text/html; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

<html xmlns:o=3D"urn:schemas-microsoft-com:office:office"><head><style><!--
p.MsoNormal {{margin:0cm; font-size:11.0pt}}
--></style></head><body lang=3DEN><p class=3DMsoNormal>Dear Bob,<o:p></o:p></p><p>please see
https://www.sender.test/offers for what we have agreed upon.</p></body></html>
"""

ORDINARY = {
    "mutt": MUTT,
    "newsletter": NEWSLETTER,
    "invitation": INVITATION,
    "signed": SIGNED,
    "bounce": BOUNCE,
    "phone": PHONE,
    "outlook": OUTLOOK,
    "invoice": mail_with("Rechnung 2026-0017.pdf", pdf("Rechnung"), "application/pdf"),
    "document": mail_with("Angebot v1.2.docx", word("Angebot")),
}


@pytest.mark.parametrize("name", ORDINARY)
async def test_ordinary_mail_has_less_than_two_points(name: str) -> None:
    findings = await found(ORDINARY[name])
    assert sum(one.points for one in findings) < MOST, findings
    assert all(one.action is None for one in findings)


async def test_junk_has_more_than_five() -> None:
    findings = await found(
        """
        From: "PayPal Support" <x@paypa1-help.test>
        Reply-To: claims@gmail.com
        Subject: YOUR ACCOUNT IS LOCKED!!!
        Content-Type: text/html

        <p>Confirm at <a href="http://192.0.2.9/x">https://www.paypal.com</a> within a day.</p>
        """
    )
    assert sum(one.points for one in findings) > 5


def test_no_check_has_the_name_of_another_and_no_kind_either() -> None:
    every = checks()
    assert len({one.name for one in every}) == len(every)
    names = [kind.name for one in every for kind in one.kinds]
    assert len(set(names)) == len(names)
    assert all(not kind.text.endswith(".") for one in every for kind in one.kinds)


def test_no_weak_sign_makes_junk_alone() -> None:
    for check in checks():
        for kind in check.kinds:
            assert kind.points < 5 or kind.action is not None


PROVED = sum(one.points for one in (spf.PASS, dkim.PASS, dmarc.PASS, reputation.NEW))
"""What a sender comes to who never wrote, but is who it says."""
HTML = "text/html; charset=utf-8"


def encoded(text: str, charset: str = "utf-8") -> str:
    return f"=?{charset}?B?{base64.b64encode(text.encode(charset)).decode()}?="


def letter(
    author: str,
    subject: str,
    kind: str,
    body: str | bytes,
    fields: Mapping[str, str] | None = None,
) -> bytes:
    """A letter of one part; bytes are encoded."""
    text = body if isinstance(body, str) else base64.encodebytes(body).decode()
    every = {
        "Date": DATE,
        "From": author,
        "To": "Bob Miller <bob@example.test>",
        "Subject": subject,
        "Message-ID": "<1.abc@sender.test>",
        "MIME-Version": "1.0",
        "Content-Type": kind,
        "Content-Transfer-Encoding": "8bit" if isinstance(body, str) else "base64",
        **(fields or {}),
    }
    head = HOP + "".join(f"{name}: {value}\n" for name, value in every.items() if value)
    return f"{head}\n{text}\n".replace("\n", "\r\n").encode()


def parts(*some: str) -> str:
    return "".join(f"--b\n{one}\n" for one in some) + "--b--"


def html_with(name: str, data: bytes) -> bytes:
    """A file in a letter of HTML alone."""
    return mail_with(name, data).replace(b"Content-Type: text/plain", b"Content-Type: text/html")


SCAN = base64.encodebytes(pdf("x")).decode()
RARE: dict[str, str | bytes] = {
    "a password reset with a counted link": letter(
        '"Shop" <noreply@shop.test>', "Reset your password", HTML,
        '<p>Hello, <a href="https://u1.ct.mailer.test/ls/click?upn=x">www.shop-shop.test/reset</a>'
        '</p><img src="https://u1.ct.mailer.test/wf/open" width=1>',
    ),
    "a contract to sign": letter(
        '"Ann Weber via DocuSign" <dse@docusign.net>', "Complete with DocuSign: Contract.pdf", HTML,
        '<p>Ann sent you a document. <a href="https://na3.docusign.net/s?a=1">REVIEW DOCUMENT</a>'
        ' <a href="https://click.mailer.test/a">www.docusign.com</a></p>',
        {"Reply-To": "Ann Weber <ann.weber@gmail.com>"},
    ),
    "German": letter(
        f"{encoded('Jürgen Müller', 'iso-8859-1')} <jm@firma.test>",
        encoded("Rückfrage: Angebot", "iso-8859-1"), "text/plain; charset=iso-8859-1",
        "Schöne Grüße".encode("iso-8859-1"),
    ),
    "French": letter(
        f"{encoded('Hélène')} <h@societe.test>", encoded("Réunion de lundi"),
        "text/plain; charset=utf-8", "Bonjour à tous".encode(),
    ),
    "Chinese": letter(
        f"{encoded('王小明', 'gb18030')} <wang@qq.com>", encoded("回复：明天的会议", "gb18030"),
        "text/plain; charset=gb18030", "明天下午三点开会。".encode("gb18030"),
        {"X-Priority": "3", "X-Mailer": "QQMail 2.x", "Message-ID": "<tencent_5F2A0C1B@qq.com>"},
    ),
    "Arabic": letter(
        f"{encoded('محمد علي')} <m@sharika.test>",
        encoded("دعوة \u200f(Teams)\u200e يوم الأحد"), HTML,
        '<div dir="rtl">نرجو حضور الاجتماع\u200f (Zoom)\u200e غدا.</div>',
    ),
    "Persian": letter(
        f"{encoded('سارا')} <s@sherkat.test>", encoded("کتاب\u200cها"),
        "text/plain; charset=utf-8", "می\u200cخواهم کتاب\u200cها را ببینم",
    ),
    "capitals": letter(
        "ANN WEBER <ann@sender.test>", "PURCHASE ORDER 4711 ACME GMBH", HTML, "<p>ATTACHED.</p>"
    ),
    "a scan without text": letter(
        "Ann Weber <ann@sender.test>", "FYI", "multipart/mixed; boundary=b",
        parts("Content-Type: text/plain\n\n", "Content-Type: application/pdf; name=SCAN0001.PDF\n"
              f"Content-Transfer-Encoding: base64\n\n{SCAN}"),
    ),
    "a printer": "From: printer@sender.test\nSubject: TONER LOW WARNING\n\nToner low.\n",
    "a receipt": letter(
        '"service@paypal.de" <service@paypal.de>', encoded("Beleg für Ihre Zahlung an eBay"), HTML,
        '<p>12,00 EUR an eBay</p><a href="https://www.paypal.com/de/x">www.paypal.de</a>',
    ),
    "a picture for a newsletter": letter(
        '"Mode" <news@mode.test>', "SALE! 50% auf ALLES!", HTML,
        '<a href="https://t.esp.test/1"><img src="https://cdn.esp.test/1.jpg"></a>',
        {"List-Unsubscribe": "<https://t.esp.test/u>", "Precedence": "bulk"},
    ),
    "a contact form": letter(
        '"carl@kunde.test" <wordpress@firma.test>', "Kontaktformular: ANFRAGE",
        "text/plain; charset=utf-8", "Hallo", {"Reply-To": "carl@gmail.com"},
    ),
    "a reply to an invitation": letter(
        "Ann <ann@sender.test>", "Accepted: Planning",
        "text/calendar; method=REPLY; charset=utf-8", "BEGIN:VCALENDAR\nEND:VCALENDAR",
    ),
    "OpenPGP": letter(
        "Ann <ann@sender.test>", "...",
        'multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b',
        parts("Content-Type: application/pgp-encrypted\n\nVersion: 1\n",
              "Content-Type: application/octet-stream; name=encrypted.asc\n\n"
              "-----BEGIN PGP MESSAGE-----\n\nhQIMA\n-----END PGP MESSAGE-----"),
    ),
    "S/MIME": letter(
        "Ann <ann@sender.test>", "Vertraulich",
        'application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"', bytes(range(200)),
        {"Content-Disposition": 'attachment; filename="smime.p7m"'},
    ),
    "a digest": letter(
        "users-request@lists.sender.test", "users Digest, Vol 12, Issue 3",
        "multipart/digest; boundary=b",
        parts("\nFrom: a@x.test\nSubject: A\n\nHow?", "\nFrom: b@y.test\nSubject: Re: A\n\nSo."),
        {"List-Id": "<users.lists.sender.test>", "Precedence": "list"},
    ),
    "a program's source": html_with("a.zip", archive({"a.c": "x", "build.sh": "#!/bin/sh"})),
    "a locked archive": html_with("Lohn.rar", rar5({"a.txt": b"x"}, locked=True)),
    "a table with macros": html_with(
        "Rechnung.xlsm",
        archive({"[Content_Types].xml": "<Types/>", "xl/vbaProject.bin": b"Workbook_Open"}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RARE)
async def test_wanted_mail_stays_out_of_junk(name: str) -> None:
    message = arrival(RARE[name])
    findings = [one for check in checks() for one in await check.run(message)]
    assert PROVED + sum(one.points for one in findings) < JUNK_SCORE - 0.3, findings
    assert all(one.action is None for one in findings), findings
