"""DNS records of calendars and contacts."""

import dns.zone
import pytest

from pillarbox.formats.dav_records import dav_records


@pytest.mark.parametrize("dot", ["", "."])
def test_records_of_a_domain(dot: str) -> None:
    records = dav_records(f"example.org{dot}", f"mail.example.net{dot}", 5232)
    assert list(map(str, records)) == [
        "_caldavs._tcp.example.org. IN SRV 0 1 5232 mail.example.net.",
        '_caldavs._tcp.example.org. IN TXT "path=/dav/"',
        "_caldav._tcp.example.org. IN SRV 0 0 0 .",
        "_carddavs._tcp.example.org. IN SRV 0 1 5232 mail.example.net.",
        '_carddavs._tcp.example.org. IN TXT "path=/dav/"',
        "_carddav._tcp.example.org. IN SRV 0 0 0 .",
    ]


def test_they_can_stand_in_a_zone_file() -> None:
    lines = "\n".join(map(str, dav_records("example.org", "mail.example.org", 443)))
    zone = dns.zone.from_text(f"$TTL 300\n{lines}\n", "example.org", check_origin=False)
    (found,) = zone.find_rdataset("_caldavs._tcp", "SRV")
    assert (found.port, str(found.target)) == (443, "mail")
    (text,) = zone.find_rdataset("_carddavs._tcp", "TXT")
    assert text.strings == (b"path=/dav/",)
