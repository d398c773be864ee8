"""Cards in the way of programs that people use, made up for these tests."""

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5E"
    "rkJggg=="
)

APPLE = """\
BEGIN:VCARD
VERSION:3.0
PRODID:-//Apple Inc.//macOS 14.5//EN
N:Moritz;Ada;Rosa;Dr.;
FN:Dr. Ada Rosa Moritz
NICKNAME:Adi
ORG:Sample Works\\, Ltd.;Research;
TITLE:Engineer
EMAIL;type=INTERNET;type=HOME;type=pref:ada@example.org
EMAIL;type=INTERNET;type=WORK:ada.moritz@example.com
TEL;type=CELL;type=VOICE;type=pref:+49 30 901820
item1.TEL:+49 30 901821
item1.X-ABLabel:Boat
item2.ADR;type=HOME;type=pref:;;Example Road 5;Sampleton;;12345;Germany
item2.X-ABADR:de
item3.URL;type=pref:https\\://example.org/ada
item3.X-ABLabel:_$!<HomePage>!$_
BDAY;X-APPLE-OMIT-YEAR=1604:1604-02-29
item4.X-ABDATE;type=pref:2010-06-12
item4.X-ABLabel:_$!<Anniversary>!$_
item5.X-ABRELATEDNAMES;type=pref:Ben Moritz
item5.X-ABLabel:_$!<Spouse>!$_
IMPP;X-SERVICE-TYPE=Jabber;type=HOME;type=pref:xmpp:ada@example.org
X-SOCIALPROFILE;type=twitter;x-user=ada:https://social.example/ada
NOTE:Line one\\nline two
PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRgABAQ==
X-IMAGETYPE:PHOTO
REV:2024-05-01T12:30:00Z
UID:0C5C04A9-6E13-4C06-8F5C-7F4A3C1E2B01
END:VCARD
"""

APPLE_GROUP = """\
BEGIN:VCARD
VERSION:3.0
PRODID:-//Apple Inc.//macOS 14.5//EN
N:Rowing club
FN:Rowing club
X-ADDRESSBOOKSERVER-KIND:group
X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:0C5C04A9-6E13-4C06-8F5C-7F4A3C1E2B01
X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:6a1f1b62-1d4f-4c8a-8a52-0f63d12b7c55
REV:2024-05-01T12:30:00Z
UID:9A9F5B31-55D2-4E45-9B8B-6C2A5B0F7D02
END:VCARD
"""

APPLE_COMPANY = """\
BEGIN:VCARD
VERSION:3.0
N:;;;;
FN:Sample Works
ORG:Sample Works;
X-ABShowAs:COMPANY
UID:31B1A8E2-7DFB-44B0-8FDE-B2D1F2D1A603
END:VCARD
"""

DAVX5 = f"""\
BEGIN:VCARD
VERSION:4.0
PRODID:DAVx5/4.4-ose ez-vcard/0.12.1
UID:6a1f1b62-1d4f-4c8a-8a52-0f63d12b7c55
FN:Ben Moritz
N:Moritz;Ben;;;
TEL;TYPE=cell;PREF=1:+49 170 5550100
TEL;VALUE=uri;TYPE="voice,home":tel:+49-30-901820
EMAIL;TYPE=home;PREF=1:ben@example.org
davdroid1.EMAIL:ben@boats.example
davdroid1.X-ABLABEL:Boat
ADR;LABEL="Example Road 5\\n12345 Sampleton";TYPE=home:;;Example Road 5;Sampleton;;12345;Germany
IMPP;TYPE=home:xmpp:ben@example.org
RELATED;TYPE=spouse;VALUE=text:Ada Moritz
RELATED;TYPE=friend:urn:uuid:0C5C04A9-6E13-4C06-8F5C-7F4A3C1E2B01
BDAY:19850412
ANNIVERSARY:20100612
GENDER:M
LANG;PREF=1:de
CATEGORIES:friends,rowing
PHOTO:data:image/png;base64,{PIXEL}
REV:20240501T123000Z
END:VCARD
"""

DAVX5_GROUP = """\
BEGIN:VCARD
VERSION:4.0
PRODID:DAVx5/4.4-ose ez-vcard/0.12.1
UID:ba0a1d4e-8cb4-4f60-9e6a-34a5f4d2f304
KIND:group
FN:Friends
MEMBER:urn:uuid:6a1f1b62-1d4f-4c8a-8a52-0f63d12b7c55
MEMBER:mailto:someone@example.net
END:VCARD
"""

THUNDERBIRD = """\
BEGIN:VCARD
VERSION:4.0
EMAIL;PREF=1:cora@example.org
EMAIL:cora@example.net
FN:Cora Lind
NICKNAME:Co
N:Lind;Cora;;;
TEL;TYPE=work;VALUE=TEXT:+46 8 550 200
TZ;VALUE=TEXT:Europe/Stockholm
BDAY;VALUE=DATE:--0704
ANNIVERSARY;VALUE=DATE:20150620
X-CUSTOM1;VALUE=TEXT:something of her own
UID:f1c3fd0e-2d23-4f1e-8dd1-6f8c0e9c4c05
END:VCARD
"""

GOOGLE = """\
BEGIN:VCARD
VERSION:3.0
N:Okafor;Dan;;;
FN:Dan Okafor
REV:2024-04-02T09:11:21Z
UID:3a5b7c9d0e1f2a3b
EMAIL;TYPE=INTERNET;TYPE=PREF:dan@example.org
item1.EMAIL;TYPE=INTERNET:dan@example.com
item1.X-ABLabel:Old
TEL;TYPE=CELL:+234 1 555 0102
BDAY:1990-12-31
CATEGORIES:myContacts
END:VCARD
"""

OUTLOOK = """\
BEGIN:VCARD
VERSION:2.1
X-MS-OL-DEFAULT-POSTAL-ADDRESS:2
N;LANGUAGE=de;CHARSET=Windows-1252;ENCODING=QUOTED-PRINTABLE:M=FCller;Eva
FN;CHARSET=Windows-1252;ENCODING=QUOTED-PRINTABLE:Eva M=FCller
ORG:Sample Works, Ltd.;Sales
TEL;WORK;VOICE:+49 (30) 901830
TEL;CELL;VOICE:+49 170 5550103
ADR;WORK;PREF;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:;;Stra=C3=9Fe des=
 17. Juni 1;Berlin;;10623;Germany
LABEL;WORK;PREF;ENCODING=QUOTED-PRINTABLE:Road 1=0D=0A=
10623 Berlin
EMAIL;PREF;INTERNET:eva@example.org
NOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:one; two, three=0D=0A=C3=A4=
=C3=B6
PHOTO;TYPE=JPEG;ENCODING=BASE64:
 /9j/4AAQSkZJRgABAQ
 AAAQABAAD=

REV:20240501T123000Z
END:VCARD
"""

EVOLUTION = """\
BEGIN:VCARD
VERSION:3.0
UID:pas-id-65A1B2C300000001
REV:2024-05-01T12:30:00Z(3)
PRODID:-//GNOME//Evolution
FN:Finn Berg
N:Berg;Finn;;;
X-EVOLUTION-FILE-AS:Berg\\, Finn
EMAIL;X-EVOLUTION-UI-SLOT=1;TYPE=WORK:finn@example.org
TEL;TYPE=WORK,VOICE;X-EVOLUTION-E164=5550104,+47:+47 555 0104
LABEL;TYPE=HOME:Road 9\\n0150 Oslo
ADR;TYPE=HOME:;;Road 9;Oslo;;0150;Norway
X-EVOLUTION-SPOUSE:Gro Berg
X-EVOLUTION-ANNIVERSARY:2001-09-08
X-JABBER;X-EVOLUTION-UI-SLOT=1;TYPE=HOME:finn@example.org
GEO:59.913;10.752
TZ:+01:00
CLASS:PRIVATE
BDAY:1970-01-02T00:00:00Z
SORT-STRING:Berg
END:VCARD
"""

STORED = {
    "apple": APPLE,
    "apple group": APPLE_GROUP,
    "apple company": APPLE_COMPANY,
    "davx5": DAVX5,
    "davx5 group": DAVX5_GROUP,
    "thunderbird": THUNDERBIRD,
    "google": GOOGLE,
    "evolution": EVOLUTION,
}


def sent(text: str) -> bytes:
    """A card's text as it is sent."""
    return text.replace("\n", "\r\n").encode()


def card_text(*lines: str, version: str = "3.0") -> bytes:
    """A card of these lines, with what every card needs."""
    own = "".join(f"{line}\n" for line in lines)
    names = {line.partition(":")[0] for line in lines}
    needed = "".join(
        f"{name}:{value}\n"
        for name, value in (("UID", "u-1"), ("FN", "Ann"), ("N", "Ann;;;;"))
        if name not in names
    )
    return sent(f"BEGIN:VCARD\nVERSION:{version}\n{needed}{own}END:VCARD\n")
