"""Whether a message pretends to come from somebody whom its reader trusts.

Not whether the domain in From is forged (`dmarc`): a sender who owns a domain like another one, or
puts another name beside the address, passes every other check of identity.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from itertools import pairwise

from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.formats.mailauth.organizational import load_suffixes, registrable
from pillarbox.pipeline.inbound.checks import brands
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.inbound.checks.content import Content
from pillarbox.pipeline.inbound.checks.disguise import mixed_scripts, skeleton, unseen
from pillarbox.pipeline.inbound.checks.resemblance import (
    ADDED,
    NEAR,
    OTHER_SUFFIX,
    Name,
    label_way,
    resembled,
    taken_apart,
)

RECIPIENT_DOMAINS_MAX = 5
NAME_MAX = 200
"""Characters of a display name that are looked at."""
LETTERS_MIN = 6
FEW = 100
"""Domains with which a sender is compared on the event loop."""

OTHER_ADDRESS = Kind("name_shows_other_address", 2.0, "shows another address as its sender's name")
OTHER_DOMAIN = Kind("name_shows_other_domain", 1.5, "shows another domain as its sender's name")
OF_OWN_DOMAIN = Kind(
    "name_shows_own_domain", 2.5, "shows a domain of this server as its sender's name"
)
OF_USER = Kind(
    "name_of_user", 2.0, "has a user of this server as its sender's name, from elsewhere"
)
OF_OFFICE = Kind("name_of_office", 2.0, "speaks as if for the administration here, from elsewhere")
OF_BRAND = Kind("name_of_brand", 1.5, "has the name of a brand that its domain is not of")
NAME_UNSEEN = Kind("name_unseen", 2.0, "has unseen characters in its sender's name")
NAME_MIXED = Kind("name_mixed_scripts", 2.0, "has a sender's name whose words mix scripts")
LIKE_OWN = Kind("domain_like_own", 4.0, "comes from a domain that resembles one of this server")
SUFFIX = Kind(
    "domain_other_suffix", 1.0, "comes from a domain of this server's name under another suffix"
)
LIKE_KNOWN = Kind(
    "domain_like_known", 3.0, "comes from a domain that resembles one its reader writes to"
)
LIKE_BRAND = Kind("domain_like_brand", 2.5, "comes from a domain that resembles one of a brand")
DOMAIN_MIXED = Kind("domain_mixed_scripts", 2.0, "comes from a domain whose label mixes scripts")

KINDS = (
    *(OTHER_ADDRESS, OTHER_DOMAIN, OF_OWN_DOMAIN, OF_USER, OF_OFFICE, OF_BRAND, NAME_UNSEEN),
    *(NAME_MIXED, LIKE_OWN, SUFFIX, LIKE_KNOWN, LIKE_BRAND, DOMAIN_MIXED),
)

Domains = Callable[[], Awaitable[Collection[str]]]
Names = Callable[[str], Awaitable[Collection[str]]]
Correspondents = Callable[[Arrival], Awaitable[Collection[str]]]

_ADDRESS = re.compile(r"[\w.+-]{1,64}+\s?[@＠]\s?((?:[\w-]{1,63}+\.){1,8}+[\w-]{2,63}+)")
_DOMAIN = re.compile(
    r"(?<![\w.@-])((?:[\w-]{1,63}\.){1,5}(?:com|net|org|edu|gov|info|biz|eu|io|app|shop|bank|de|at|ch"
    r"|uk|fr|nl|be|it|es|pt|pl|cz|se|no|dk|fi|ie|us|ca|au|nz|br|mx|jp|cn|in|ru|ua|tr|za|test))"
    r"(?![\w.@-])",
    re.IGNORECASE,
)
# Signs that stand for letters do so within words.
_WORD = re.compile(r"[^\W_](?:[\w@$!|]{0,40}[^\W_])?")
_OFFICE_NAMES = """
account accounts admin administrator billing center centre desk email helpdesk hr it mail mailbox
notification notifications payroll postmaster security server service services support system team
webmail webmaster
"""
_OFFICES = frozenset(map(skeleton, _OFFICE_NAMES.split()))
_BRAND_NAMES = {skeleton(name): name for name in brands.NAMES}
_BRAND_SKELETONS = {skeleton(label): label for label in brands.LABELS}


class LookalikeCheck(Check):
    """Compares the sender with those whom the recipients know.

    `own_domains` gives the domains served here, `names` the display names of a domain's users,
    `correspondents` the domains to which the recipients write. All domains are A-labels in lower
    case; whoever gives them remembers them, and gives the same object until they change.
    """

    name = "lookalike"
    stage = Stage.DATA
    asks_nobody = True
    kinds = KINDS
    deadline_s = 10.0

    def __init__(
        self, own_domains: Domains, names: Names, correspondents: Correspondents | None = None
    ) -> None:
        self._own_domains = own_domains
        self._names = names
        self._correspondents = correspondents
        self._ready = False
        self._compared: dict[str, tuple[Collection[str], frozenset[str]]] = {}

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Look at the author's name and domain."""
        content = arrival.content
        if content is None or not content.fields.from_:
            return ()
        own = await self._own_domains()
        people: set[str] = set()
        domains = dict.fromkeys(one.domain for one in arrival.recipients if one.domain in own)
        if _compared(content.fields.from_[0].name[:NAME_MAX]):
            for domain in list(domains)[:RECIPIENT_DOMAINS_MAX]:
                people |= await self._people(domain)
        known = await self._correspondents(arrival) if self._correspondents else ()
        if self._ready and len(own) + len(known) <= FEW:
            return _look(content, own, people, known)
        findings = await asyncio.to_thread(_look, content, own, people, known)
        self._ready = True
        return findings

    async def _people(self, domain: str) -> frozenset[str]:
        """The names of a domain's users in the form in which they are compared."""
        names = await self._names(domain)
        kept = self._compared.get(domain)
        if kept is None or kept[0] is not names:
            if len(self._compared) > 1000:
                self._compared.clear()
            made = await asyncio.to_thread(lambda: frozenset(map(_compared, names)) - {""})
            kept = self._compared[domain] = names, made
        return kept[1]


def _look(
    content: Content, own: Collection[str], people: Collection[str], known: Collection[str]
) -> list[Finding]:
    load_suffixes()
    author = content.fields.from_[0]
    domain = content.from_domain
    apart = taken_apart(domain) if domain else None
    ours = domain in own or registrable(domain) in own
    shown = author.name[:NAME_MAX].strip()
    found = list(_letters(shown))
    if shown and apart is not None:
        listed = b"list-id" in content.headers and " via " in shown
        if not listed:
            found.extend(_claims(shown, apart, own))
        if not ours and (person := _compared(shown)) and person in people:
            found.append(OF_USER.found(shown))
        if not ours:
            found.extend(_offices(shown, own))
    if apart is not None and not ours:
        found.extend(_domain(apart, own, known))
    return found


def _letters(shown: str) -> Iterator[Finding]:
    if unseen(shown):
        yield NAME_UNSEEN.found(ascii(shown)[1:-1])
    if mixed_scripts(shown):
        yield NAME_MIXED.found(shown)


def _claims(shown: str, author: Name, own: Collection[str]) -> Iterator[Finding]:
    """Addresses, domains and brands that a display name holds and the address does not have."""
    address = _ADDRESS.search(shown)
    if address:
        if not _related(address[1].lower(), author):
            yield OTHER_ADDRESS.found(shown)
        return
    domain = next((one[1].lower() for one in _DOMAIN.finditer(shown)), "")
    if domain and not _related(domain, author):
        ours = domain in own or registrable(domain) in own
        yield (OF_OWN_DOMAIN if ours else OTHER_DOMAIN).found(shown)
        return
    words = _words(shown)
    brand = next((_BRAND_NAMES[word] for word in words if word in _BRAND_NAMES), "")
    if brand and brand not in author.label:
        yield OF_BRAND.found(f"{shown}, from {author.domain}")


def _related(domain: str, author: Name) -> bool:
    """Whether a domain in a name is the author's, or of the same label under another suffix."""
    other = taken_apart(domain)
    if other is None or other.label in author.label:
        return True
    return len(author.label) > 3 and author.label in other.label


def _offices(shown: str, own: Collection[str]) -> Iterator[Finding]:
    words = set(_words(shown))
    if not words & _OFFICES:
        return
    for domain in own:
        apart = taken_apart(domain)
        if apart is not None and len(apart.label) > 3 and apart.skeleton in words:
            yield OF_OFFICE.found(shown)
            return


def _domain(author: Name, own: Collection[str], known: Collection[str]) -> Iterator[Finding]:
    if mixed_scripts(author.shown):
        yield DOMAIN_MIXED.found(author.shown)
    whole = f"{author.label}.{author.suffix}"
    if whole in known or author.domain in known:
        return
    pairs = ((LIKE_OWN, own), (LIKE_KNOWN, known))
    for kind, domains in pairs:
        hit = next(resembled(author, domains), None)
        if hit:
            kind = SUFFIX if kind is LIKE_OWN and hit[1] == OTHER_SUFFIX else kind
            yield kind.found(f"{author.domain} and {hit[0]}: {hit[1]}")
            return
    detail = _brand(author)
    if detail:
        yield LIKE_BRAND.found(detail)


def _brand(author: Name) -> str:
    """How a domain resembles that of a brand; empty if it does not, or is the brand's."""
    if author.label in brands.LABELS:
        return ""
    same = _BRAND_SKELETONS.get(author.skeleton)
    if same:
        return f"{author.domain} looks the same as {same}"
    before = [*author.before, author.label]
    # paypal.com.login.example, paypal-com.example
    for label, behind in pairwise(before):
        if label in brands.LABELS and behind in ("com", "net", "org", "co", "de"):
            return f"{author.domain} has {label} as a subdomain"
    for brand in brands.LABELS:
        way = label_way(author.label, brand)
        if (way == ADDED and brand in brands.HYPHENATED) or (way == NEAR and len(brand) < 6):
            continue
        if way:
            return f"{author.domain} and {brand}: {way}"
    return ""


def _compared(name: str) -> str:
    """A person's name with its words in order; empty if it is none that tells a person."""
    words = sorted(_words(name))
    return " ".join(words) if len(words) > 1 and sum(map(len, words)) >= LETTERS_MIN else ""


def _words(text: str) -> list[str]:
    return [skeleton(word) for word in _WORD.findall(text)]
