"""Whose a message is, as far as that is proved: what reputations are kept of.

A name in From that nobody vouches for has no reputation: else forged mail would profit from the
good one of its victim, and spoil it.
"""

import re

from pillarbox.base.errors import GrammarError
from pillarbox.domain.reputation.model import Origin
from pillarbox.formats.mailauth.authentication_results import AuthenticationResults, parse_results
from pillarbox.formats.mailauth.results import Status
from pillarbox.formats.mailauth.spf.result import SpfStatus
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.content import Content

_CLIENT = re.compile(rb"^from\s+\S{1,255}\s+\([^()\[]{0,300}\[(?:IPv6:)?([0-9A-Fa-f.:]{2,45})\]")
_BY = re.compile(rb"\sby\s+([a-z0-9.-]{1,255})\s")
_OURS_MOST = 3


def origin_of(arrival: Arrival) -> Origin:
    """The origin of a message on its way in; before its content has come, that of its envelope."""
    results, content = arrival.results, arrival.content
    signers = tuple(
        dict.fromkeys(
            one.domain.lower()
            for one in results.dkim or ()
            if one.status is Status.PASS and not one.beyond
        )
    )
    spf = results.spf
    passed = spf.domain.lower() if spf is not None and spf.status is SpfStatus.PASS else ""
    ip = arrival.peer.ip if arrival.peer.outside else ""
    if content is None:
        return Origin(domain=passed, ip=ip)
    dmarc, author = results.dmarc, content.from_domain
    proved = bool(author) and (
        (dmarc is not None and (dmarc.spf_aligned or dmarc.dkim_aligned))
        or (dmarc is not None and dmarc.status is Status.PASS)
        or author == passed
        or author in signers
    )
    return _origin(content, author if proved else "", signers, ip)


def stored_origin_of(content: Content, authserv_id: str) -> Origin:
    """The origin of a message that came in earlier, by what we wrote into its header then.

    Only fields of ours are believed, above those the message came with; where our name stands in
    none, nothing is known but the client's address.
    """
    found = _our_results(content, authserv_id.lower())
    received = content.headers.all(b"received")[:1]
    client = _CLIENT.match(received[0]) if received else None
    by_us = client is not None and _BY.search(received[0].lower())
    ip = ""
    if client is not None and by_us and by_us[1].decode() == authserv_id.lower():
        ip = client[1].decode()
    if found is None:
        return Origin(ip=ip)
    signers = tuple(
        dict.fromkeys(
            one.value("header", "d").lower() for one in found.of("dkim") if one.result == "pass"
        )
    )
    author = content.from_domain
    passed = {
        one.value("smtp", "mailfrom").rpartition("@")[2].lower()
        for one in found.of("spf")
        if one.result == "pass"
    }
    proved = bool(author) and (
        any(
            one.result == "pass" and one.value("header", "from").lower() == author
            for one in found.of("dmarc")
        )
        or author in passed
        or author in signers
    )
    return _origin(content, author if proved else "", signers, ip)


def _origin(content: Content, domain: str, signers: tuple[str, ...], ip: str) -> Origin:
    address = content.from_address if domain else ""
    return Origin(address, domain, tuple(one for one in signers if one), ip)


def _our_results(content: Content, authserv_id: str) -> AuthenticationResults | None:
    for raw in content.headers.all(b"authentication-results")[:_OURS_MOST]:
        try:
            results = parse_results(raw)
        except GrammarError:
            continue
        if results.authserv_id == authserv_id:
            return results
    return None
