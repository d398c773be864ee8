"""What trusted forwarders say they found when a message came to them (RFC 8617 §7.2).

Only a chain that passes says anything, and only sets that trusted hosts sealed, from the last one
down: what a set below somebody else's says may be that one's invention, however many good seals
stand above it.
"""

from collections.abc import Collection, Iterable

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mailauth.arc import ChainResult
from pillarbox.formats.mailauth.authentication_results import (
    AuthenticationResults,
    MethodResult,
    parse_arc_results,
)
from pillarbox.formats.mailauth.organizational import registrable
from pillarbox.formats.mailauth.results import Status


def last_sealer(chain: ChainResult, trusted: Collection[str]) -> str:
    """The domain of the last seal, if that is trusted and the chain passes; else empty."""
    if chain.status is not Status.PASS or not chain.sets:
        return ""
    domain = chain.sets[-1].seal.domain
    return domain if domain in trusted else ""


def believed_results(
    chain: ChainResult, trusted: Collection[str]
) -> tuple[AuthenticationResults, ...]:
    """What the trusted hosts found that handled the message one after the other, the first one
    first; sets that can't be read are left out."""
    if chain.status is not Status.PASS:
        return ()
    found: list[AuthenticationResults] = []
    for one in reversed(chain.sets):
        if one.seal.domain not in trusted:
            break
        try:
            found.append(parse_arc_results(one.results.value))
        except GrammarError:
            continue
    return tuple(reversed(found))


def vouched_before(author: str, believed: Iterable[AuthenticationResults]) -> bool:
    """Whether the author's domain vouched for a message when it came to any of those hosts.

    That is DMARC that passed for it, or SPF or DKIM that passed for a domain registered under the
    same name. The public suffix list must have been read (`load_suffixes`).
    """
    registered = registrable(author)
    for results in believed:
        for one in results.results:
            if one.result != Status.PASS:
                continue
            if one.method == "dmarc" and _domain(one.value("header", "from")) == author:
                return True
            named = _identity(one)
            if named == author or (registered and named and registrable(named) == registered):
                return True
    return False


def _identity(one: MethodResult) -> str:
    if one.method == "spf":
        return _domain(one.value("smtp", "mailfrom"))
    if one.method == "dkim":
        return _domain(one.value("header", "d") or one.value("header", "i"))
    return ""


def _domain(text: str) -> str:
    return text.rpartition("@")[2].strip("<>").rstrip(".").lower()
