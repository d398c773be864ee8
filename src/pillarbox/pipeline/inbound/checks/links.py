"""What is odd about the links of a message: where they lead, and what they show instead."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.formats.mailauth.organizational import load_suffixes, registrable
from pillarbox.formats.text.links import Link
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.inbound.checks.content import Content, examine

HOSTS_MANY = 40

SHOWS_OTHER = Kind(
    "link_shows_other_host", 2.5, "has a link that shows another host than it leads to"
)
TO_ADDRESS = Kind("link_to_address", 1.5, "has a link to a bare IP address")
TO_NUMBER = Kind("link_to_number", 2.0, "has a link to an IP address in an odd spelling")
PUNYCODE = Kind("link_punycode", 0.5, "has a link to a domain in another script")
LOGIN = Kind("link_with_login", 2.5, "has a link that shows another name before its host")
SHORTENED = Kind("link_shortened", 0.5, "has a link through a service that hides where it leads")
PROGRAM = Kind("link_to_program", 1.0, "has a link to a program")
PORT = Kind("link_odd_port", 0.5, "has a link to an odd port")
MANY_HOSTS = Kind("link_many_hosts", 0.5, "has links to very many domains")

KINDS = (
    *(SHOWS_OTHER, TO_ADDRESS, TO_NUMBER, PUNYCODE, LOGIN, SHORTENED, PROGRAM, PORT, MANY_HOSTS),
)

# Browsers take a backslash for a slash.
_AUTHORITY = re.compile(r"\s*+(?:https?:)?[/\\]{2}([^/\\?#\s]*+)([^?#\s]*+)", re.IGNORECASE)
_QUAD = re.compile(r"(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}\Z")
_NUMBER = re.compile(r"(?:0x[0-9a-f]++|\d++)(?:\.(?:0x[0-9a-f]++|\d++)){0,3}+\.?\Z", re.IGNORECASE)
_PROGRAMS = (
    *(".exe", ".scr", ".msi", ".bat", ".cmd", ".pif", ".hta", ".vbs", ".jar", ".ps1", ".lnk"),
    *(".iso", ".img", ".vhd", ".cpl", ".msix"),
)
_SHORTENER_NAMES = """
bit.ly bitly.com buff.ly cutt.ly goo.gl is.gd lnkd.in ow.ly qr.ae rb.gy rebrand.ly s.id shorturl.at
shorte.st soo.gd t.co t.ly t2m.io tiny.cc tiny.one tinyurl.com tr.im u.to urlz.fr v.gd vk.cc x.co
"""
SHORTENERS = frozenset(_SHORTENER_NAMES.split())
_PORTS = frozenset(("", "80", "443", "8080", "8443"))


class LinkCheck(Check):
    """Checks where links lead.

    A link may show the author's own domain, under whatever suffix, and lead elsewhere: newsletters
    count clicks so.
    """

    name = "links"
    stage = Stage.DATA
    asks_nobody = True
    kinds = KINDS
    deadline_s = 10.0

    def __init__(self) -> None:
        self._ready = False

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Look at each link once."""
        if arrival.content is None:
            return ()
        if not self._ready:
            await asyncio.to_thread(load_suffixes)
            self._ready = True
        return await examine(arrival.content, _look)


def _look(content: Content) -> list[Finding]:
    author = registrable(content.from_domain)
    found: dict[str, Finding] = {}
    for link in content.links:
        for one in _judge(link, author):
            found.setdefault(one.name, one)
    domains = {registrable(link.host) for link in content.links}
    if len(domains) > HOSTS_MANY:
        found[MANY_HOSTS.name] = MANY_HOSTS.found(f"{len(domains)} domains")
    return list(found.values())


def _judge(link: Link, author: str) -> Iterator[Finding]:
    parsed = _AUTHORITY.match(link.url)
    login, _, place = parsed[1].rpartition("@") if parsed else ("", "", "")
    if "." in login:
        yield LOGIN.found(link.url)
    if parsed:
        yield from _place(place, link)
        if parsed[2].lower().endswith(_PROGRAMS):
            yield PROGRAM.found(link.url)
    domain = registrable(link.host)
    if domain and domain == author:
        return
    if link.shown_host and not _is_address(link.host):
        shown = registrable(link.shown_host)
        label = author.partition(".")[0]
        if shown and shown not in (domain, author) and shown.partition(".")[0] != label:
            yield SHOWS_OTHER.found(f"{link.shown_host} leads to {link.host}")
    if "xn--" in link.host:
        yield PUNYCODE.found(link.host)
    if link.host in SHORTENERS or link.host.removeprefix("www.") in SHORTENERS:
        yield SHORTENED.found(link.host)


def _place(place: str, link: Link) -> Iterator[Finding]:
    """What is odd about host and port."""
    host, _, port = place.rpartition(":") if not place.endswith("]") else (place, "", "")
    if not host:
        host, port = place, ""
    if _QUAD.match(host) or _is_address(host.strip("[]")):
        yield TO_ADDRESS.found(link.url)
    elif _NUMBER.match(host):
        yield TO_NUMBER.found(link.url)
    if port not in _PORTS and port.isdigit():
        yield PORT.found(link.url)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
