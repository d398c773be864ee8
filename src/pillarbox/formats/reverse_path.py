"""What stays the same of a reverse-path while its message is tried again.

Lists and mailers put numbers and signatures into it (VERP, BATV, SRS), some of them anew with each
attempt. Used where senders are recognized, not where anybody is answered.
"""

import re

_LENGTH_MAX = 320
# prvs=1234abcdef=user (BATV), msprvs1=18000abc=user, btv1==0123==user.
_SIGNED = re.compile(r"(?:ms)?(?:prvs|btv)1?={1,2}[^=]{1,40}={1,2}(?=[^=])")
# SRS0=hash=day=domain=user, SRS1=hash=forwarder==hash=day=domain=user.
_SRS0 = re.compile(r"srs0[=+-][^=]+=[^=]+=([^=]+)=(.+)\Z", re.DOTALL)
_SRS1 = re.compile(r"srs1[=+-][^=]+=[^=]+=[=+-]?[^=]+=[^=]+=([^=]+)=(.+)\Z", re.DOTALL)
_WORD = re.compile(r"[a-z0-9]+")
_HEX = re.compile(r"[0-9a-f]{8,}\Z")
_DIGITS = re.compile(r"[0-9]+")
_LONG_WORD = 20
"""No word of a name is so long and has digits: it is a code."""


def stable_sender(path: str) -> str:
    """A reverse-path in lower case, without signatures and with `#` for numbers and codes.

    Two senders may come to the same; an address comes to no other because it is tried again.
    """
    local, at, domain = path[-_LENGTH_MAX:].lower().rpartition("@")
    if not at:
        return domain
    local = _SIGNED.sub("", local, count=1) if _SIGNED.match(local) else local
    rewritten = _SRS0.match(local) or _SRS1.match(local)
    if rewritten is not None:
        local = f"{rewritten[2]}={rewritten[1]}"
    return f"{_WORD.sub(_stable_word, local)}@{domain.rstrip('.')}"


def _stable_word(match: re.Match[str]) -> str:
    word = match[0]
    with_digits = _DIGITS.search(word) is not None
    if with_digits and (len(word) >= _LONG_WORD or _HEX.match(word)):
        return "#"
    return _DIGITS.sub("#", word)
