"""The check itself: `check_host` of RFC 7208 §4, as a generator that asks and is answered."""

import re
from collections.abc import Generator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mailauth.spf.macro import DOMAIN_MAX, MacroString, parse_macro_string
from pillarbox.formats.mailauth.spf.question import Answer, Question, QuestionKind
from pillarbox.formats.mailauth.spf.record import (
    Directive,
    Mechanism,
    Record,
    is_spf,
    parse_record,
)
from pillarbox.formats.mailauth.spf.result import SpfResult, SpfStatus

TERMS_MAX = 10
"""Terms that ask name servers, in all records of a check (RFC 7208 §4.6.4); admins may differ."""
VOID_MAX = 2
"""Terms whose question finds nothing (RFC 7208 §4.6.4)."""
NAMES_MAX = 10
"""Hosts of one `mx`, and names of the client's address (RFC 7208 §4.6.4)."""
QUESTIONS_MAX = 150
"""More than those limits allow, so that nothing depends on how they play together."""
EXPLANATION_MAX = 400
"""Characters of a domain's own text."""
SENDER_MAX = 512

_LABEL = r"[ -\-/-\[\]-~]{1,63}+"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*+\Z")
"""What can be asked for: labels of printable characters, of which a backslash would escape."""

Address = IPv4Address | IPv6Address
Checking = Generator[Question, Answer, SpfResult]
_Asking = Generator[Question, Answer, Answer]
_Addresses = Generator[Question, Answer, list[Address]]


@dataclass(frozen=True, slots=True)
class Request:
    """Who is checked: the client's address, and the identity (RFC 7208 §4.1).

    `sender` is the reverse-path, or `postmaster@` and the HELO name where that is checked; its
    domain, in A-labels, is the one asked about. `helo`, `receiver` (our name) and `now_s` are for
    macros.
    """

    ip: str
    sender: str
    helo: str
    receiver: str = "unknown"
    now_s: int = 0


def mail_from(reverse_path: str, helo: str) -> str:
    """The sender of a MAIL FROM check: for the null path, postmaster of HELO (RFC 7208 §2.4)."""
    return reverse_path or f"postmaster@{helo}"


def check_host(request: Request, terms_max: int = TERMS_MAX) -> Checking:
    """Check one identity; yields questions, is sent answers, returns the outcome; never raises."""
    domain = request.sender.rpartition("@")[2].removesuffix(".")
    try:
        address = ip_address(request.ip)
    except ValueError:
        return SpfResult(SpfStatus.NONE, domain.lower(), reason="the client has no IP address")
    if not _is_name(domain) or "." not in domain or domain[0] == "[":
        return SpfResult(SpfStatus.NONE, domain.lower(), reason="not the name of a domain")
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (yield from _Check(request, mapped or address, terms_max).run(domain))


class _StopError(Exception):
    """The check is over, with an error."""

    def __init__(self, status: SpfStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a record said, the term that did, and where an explanation of it is."""

    status: SpfStatus
    term: str = ""
    domain: str = ""
    exp: MacroString | None = None


class _Check:
    """One check under way: what it knows, and how far its limits are used up."""

    def __init__(self, request: Request, address: Address, terms_max: int) -> None:
        local, _, self._sender_domain = request.sender[-SENDER_MAX:].rpartition("@")
        self._local = local or "postmaster"
        self._address = address
        self._request = request
        self._names: list[str] | None = None
        self._terms_max = terms_max
        self._terms = 0
        self._voids = 0
        self._questions = 0

    def run(self, domain: str) -> Checking:
        try:
            outcome = yield from self._evaluate(domain, ())
        except _StopError as stop:
            return SpfResult(stop.status, domain.lower(), "", stop.reason, "", self._terms)
        explanation = ""
        if outcome.status is SpfStatus.FAIL and outcome.exp is not None:
            explanation = yield from self._explanation(outcome.exp, outcome.domain)
        return SpfResult(
            outcome.status,
            domain.lower(),
            outcome.term,
            explanation=explanation,
            lookups=self._terms,
        )

    # Records

    def _evaluate(
        self, domain: str, above: tuple[str, ...]
    ) -> Generator[Question, Answer, _Outcome]:
        """What a domain's record says of the client; `above` are those that led to it."""
        while True:
            key = domain.lower()
            if key in above:
                raise _StopError(SpfStatus.PERMERROR, f"{_shown(domain)} leads back to itself")
            above = (*above, key)
            record = yield from self._record(domain)
            if record is None:
                if len(above) == 1:
                    return _Outcome(SpfStatus.NONE)
                raise _StopError(SpfStatus.PERMERROR, f"{_shown(domain)} has no SPF record")
            for one in record.directives:
                if (yield from self._matches(one, domain, above)):
                    return _Outcome(one.result, one.text, domain, record.exp)
            if record.redirect is None:
                return _Outcome(SpfStatus.NEUTRAL)
            self._count_term()
            domain = yield from self._expanded(record.redirect, domain)

    def _record(self, domain: str) -> Generator[Question, Answer, Record | None]:
        texts = (yield from self._ask(QuestionKind.TXT, domain)) if _is_name(domain) else ()
        found = [one for one in texts or () if is_spf(one)]
        if not found:
            return None
        if len(found) > 1:
            reason = f"{_shown(domain)} has {len(found)} SPF records"
            raise _StopError(SpfStatus.PERMERROR, reason)
        try:
            return parse_record(found[0])
        except GrammarError as error:
            reason = f"{_shown(domain)}: {error.text}"
            raise _StopError(SpfStatus.PERMERROR, reason) from error

    def _explanation(self, exp: MacroString, domain: str) -> Generator[Question, Answer, str]:
        """The domain's own text; empty where there is none, or none that can be told."""
        try:
            name = yield from self._expanded(exp, domain)
            texts = (yield from self._ask(QuestionKind.TXT, name)) if _is_name(name) else ()
            if texts is None or len(texts) != 1 or not texts[0].isascii():
                return ""
            text = parse_macro_string(texts[0], explanation=True)
            values = yield from self._values(text, domain)
            told = text.expand(values, EXPLANATION_MAX)
        except (_StopError, GrammarError):
            return ""
        return "".join(one if " " <= one <= "~" else "?" for one in told[:EXPLANATION_MAX])

    # Mechanisms

    def _matches(
        self, one: Directive, domain: str, above: tuple[str, ...]
    ) -> Generator[Question, Answer, bool]:
        mechanism = one.mechanism
        if mechanism is Mechanism.ALL:
            return True
        if one.network is not None:
            return self._is_near(one.network, one)
        self._count_term()
        target = domain
        if one.domain is not None:
            target = yield from self._expanded(one.domain, domain)
        if mechanism is Mechanism.INCLUDE:
            return (yield from self._includes(target, above))
        if not _is_name(target):
            return False  # no such name can be asked for (RFC 7208 §4.8)
        if mechanism is Mechanism.PTR:
            names = yield from self._client_names()
            return any(_is_at_or_below(name, target.lower()) for name in names)
        if mechanism is Mechanism.EXISTS:
            found = yield from self._answer(QuestionKind.A, target)
            self._count_void(found)
            return bool(found)
        if mechanism is Mechanism.MX:
            return (yield from self._is_exchanger(one, target))
        addresses = yield from self._addresses(target)
        self._count_void(addresses)
        return any(self._is_near(address, one) for address in addresses)

    def _includes(self, target: str, above: tuple[str, ...]) -> Generator[Question, Answer, bool]:
        outcome = yield from self._evaluate(target, above)
        return outcome.status is SpfStatus.PASS

    def _is_exchanger(self, one: Directive, target: str) -> Generator[Question, Answer, bool]:
        hosts = yield from self._answer(QuestionKind.MX, target)
        # That hosts have no address of the client's kind is usual, so it counts for nothing.
        self._count_void(hosts)
        if len(hosts) > NAMES_MAX:
            raise _StopError(SpfStatus.PERMERROR, f"{_shown(target)} has too many MX hosts")
        for host in hosts:
            if not _is_name(host):
                continue
            addresses = yield from self._addresses(host)
            if any(self._is_near(address, one) for address in addresses):
                return True
        return False

    def _is_near(self, address: Address, one: Directive) -> bool:
        """Whether the client is in the network around an address."""
        client = self._address
        if address.version != client.version:
            return False
        length = one.ip4_length if client.version == 4 else one.ip6_length
        return (int(client) ^ int(address)) >> (client.max_prefixlen - length) == 0

    def _client_names(self) -> Generator[Question, Answer, list[str]]:
        """The names of the client that lead back to it (RFC 7208 §5.5); none where that fails.

        A sender's domain can't help it if they do not exist, so that counts for nothing.
        """
        if self._names is None:
            self._names = []
            found = yield from self._ask(QuestionKind.PTR, str(self._address), may_fail=True)
            for name in (found or ())[:NAMES_MAX]:
                if not _is_name(name):
                    continue
                addresses = yield from self._ask(self._kind, name, may_fail=True)
                if self._address in _read(addresses or ()):
                    self._names.append(name.lower().removesuffix("."))
        return self._names

    # Macros

    def _expanded(self, spec: MacroString, domain: str) -> Generator[Question, Answer, str]:
        values = yield from self._values(spec, domain)
        return spec.expand_domain(values)

    def _values(
        self, text: MacroString, domain: str
    ) -> Generator[Question, Answer, dict[str, str]]:
        """What the letters of macros stand for (RFC 7208 §7.2)."""
        request, address = self._request, self._address
        values = {
            "s": f"{self._local}@{self._sender_domain}",
            "l": self._local,
            "o": self._sender_domain,
            "d": domain,
            "i": _dotted(address),
            "v": "in-addr" if address.version == 4 else "ip6",
            "h": request.helo[:DOMAIN_MAX],
            "c": str(address),
            "r": request.receiver,
            "t": str(request.now_s),
        }
        if "p" in text.letters:
            values["p"] = yield from self._client_name(domain.lower())
        return values

    def _client_name(self, domain: str) -> Generator[Question, Answer, str]:
        names = yield from self._client_names()
        below = [name for name in names if _is_at_or_below(name, domain)]
        if domain in below:
            return domain
        return (*below, *names, "unknown")[0]

    # Questions

    @property
    def _kind(self) -> QuestionKind:
        return QuestionKind.A if self._address.version == 4 else QuestionKind.AAAA

    def _addresses(self, name: str) -> _Addresses:
        """The addresses of a host, of the kind the client has."""
        found = yield from self._answer(self._kind, name)
        return _read(found)

    def _answer(
        self, kind: QuestionKind, name: str
    ) -> Generator[Question, Answer, tuple[str, ...]]:
        return (yield from self._ask(kind, name)) or ()

    def _ask(self, kind: QuestionKind, name: str, *, may_fail: bool = False) -> _Asking:
        self._questions += 1
        if self._questions > QUESTIONS_MAX:
            raise _StopError(SpfStatus.PERMERROR, "it takes too many questions")
        answer = yield Question(kind, name.lower().removesuffix("."))
        if answer is None and not may_fail:
            reason = f"no answer to {kind} {_shown(name)}"
            raise _StopError(SpfStatus.TEMPERROR, reason)
        return answer

    def _count_term(self) -> None:
        self._terms += 1
        if self._terms > self._terms_max:
            self._terms = self._terms_max
            reason = f"more than {self._terms_max} terms ask name servers"
            raise _StopError(SpfStatus.PERMERROR, reason)

    def _count_void(self, found: object) -> None:
        self._voids += not found
        if self._voids > VOID_MAX:
            reason = f"more than {VOID_MAX} terms lead to nothing"
            raise _StopError(SpfStatus.PERMERROR, reason)


def _read(addresses: tuple[str, ...]) -> list[Address]:
    found: list[Address] = []
    for one in addresses:
        try:
            found.append(ip_address(one))
        except ValueError:
            continue
    return found


def _dotted(address: Address) -> str:
    if address.version == 4:
        return str(address)
    return ".".join(address.exploded.replace(":", "").upper())


def _is_name(name: str) -> bool:
    return len(name) <= DOMAIN_MAX + 1 and _NAME.match(name.removesuffix(".")) is not None


def _is_at_or_below(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")


def _shown(name: str) -> str:
    return "".join(one if " " <= one <= "~" else "?" for one in name[:DOMAIN_MAX])
