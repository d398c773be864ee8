"""Header fields of WebDAV requests (RFC 4918 §10, RFC 9110 §13.1, RFC 7240, RFC 6638 §8)."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pillarbox.base.errors import GrammarError
from pillarbox.wire.dav.hrefs import OtherHost, href_path

MAX_HEADER_CHARACTERS: Final = 16 * 1024
MAX_ETAGS: Final = 100
MAX_CONDITIONS: Final = 100

# With spaces, as RFC 4918 has them in its examples.
_ETAG = re.compile(r'(W/)?"([\x20\x21\x23-\x7e\x80-\U0010ffff]*)"')
_GAP = re.compile(r"[ \t]*")
_COMMAS = re.compile(r"[ \t,]*")
_URL = re.compile(r"<([^<>\s]{1,4096})>")
_PREFERENCE = re.compile(
    r'([!#$%&\'*+.^_`|~0-9A-Za-z-]+)(?:[ \t]*=[ \t]*([!#$%&\'*+.^_`|~0-9A-Za-z-]+|"[^"\\]*"))?'
    r"[^,]*"
)


class Depth(Enum):
    """How far below a resource a request goes."""

    ZERO = "0"
    ONE = "1"
    INFINITY = "infinity"


@dataclass(frozen=True, slots=True)
class Etags:
    """Entity tags of a condition, without quotes; `any` for `*`.

    `weak` are those marked so: they never match strongly, and match weakly like others.
    """

    any: bool = False
    strong: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()

    def matches(self, etag: str | None, *, weakly: bool = False) -> bool:
        """Whether a resource's strong tag is among these; `None` is no resource at all."""
        if etag is None:
            return False
        return self.any or etag in self.strong or (weakly and etag in self.weak)


@dataclass(frozen=True, slots=True)
class StateTest:
    """One test of an If field: a state token or an entity tag (without quotes)."""

    negate: bool = False
    token: str | None = None
    etag: str | None = None
    weak: bool = False


@dataclass(frozen=True, slots=True)
class StateList:
    """Tests that have to hold together; of the resource at `path`, `None` for the request's."""

    path: str | None
    tests: tuple[StateTest, ...]
    other_host: bool = False


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a client would like (RFC 7240 §4.2, RFC 8144)."""

    minimal: bool = False
    representation: bool = False
    depth_noroot: bool = False
    wait_s: int | None = None


def parse_depth(value: str | None, default: Depth) -> Depth:
    """The Depth field (RFC 4918 §10.2)."""
    if value is None:
        return default
    try:
        return Depth(value.strip().lower())
    except ValueError:
        raise GrammarError("Depth is 0, 1 or infinity.") from None


def parse_overwrite(value: str | None) -> bool:
    """The Overwrite field (RFC 4918 §10.6)."""
    if value is None or value.strip() in ("T", "t"):
        return True
    if value.strip() in ("F", "f"):
        return False
    raise GrammarError("Overwrite is T or F.")


def parse_flag(name: str, value: str | None, default: bool) -> bool:
    """A field of T or F, such as Schedule-Reply and CalDAV-Timezones."""
    if value is None:
        return default
    if value.strip().upper() not in ("T", "F"):
        raise GrammarError(f"{name} is T or F.")
    return value.strip().upper() == "T"


def parse_etags(value: str) -> Etags:
    """A list of entity tags as in If-Match and If-None-Match (RFC 9110 §13.1.1)."""
    _bounded(value)
    if value.strip(" \t") == "*":
        return Etags(any=True)
    strong: list[str] = []
    weak: list[str] = []
    at = _end(_COMMAS, value, 0)
    while at < len(value):
        found = _ETAG.match(value, at)
        if found is None:
            raise GrammarError("Entity tags are in double quotes.", at)
        (weak if found[1] else strong).append(found[2])
        if len(strong) + len(weak) > MAX_ETAGS:
            raise GrammarError(f"More than {MAX_ETAGS} entity tags.", at)
        at = _end(_GAP, value, found.end())
        if at < len(value) and value[at] != ",":
            raise GrammarError("Entity tags are separated by commas.", at)
        at = _end(_COMMAS, value, at)
    if not strong and not weak:
        raise GrammarError("There is no entity tag.")
    return Etags(strong=tuple(strong), weak=tuple(weak))


def parse_schedule_tag(value: str) -> str:
    """The tag of If-Schedule-Tag-Match without quotes (RFC 6638 §8.3)."""
    found = _ETAG.fullmatch(_bounded(value).strip(" \t"))
    if found is None or found[1]:
        raise GrammarError("A schedule tag is a strong entity tag in double quotes.")
    return found[2]


def parse_if(value: str, hosts: Collection[str]) -> tuple[StateList, ...]:
    """The lists of an If field, one of which has to hold (RFC 4918 §10.4)."""
    _bounded(value)
    lists: list[StateList] = []
    path: str | None = None
    other_host = False
    tests = 0
    at = _end(_GAP, value, 0)
    tagged = value.startswith("<", at)
    fresh = False
    while at < len(value):
        url = _URL.match(value, at)
        if url is not None:
            if not tagged or fresh:
                raise GrammarError("A list is missing in the If field.", at)
            path, other_host = _resource(url[1], hosts)
            fresh = True
            at = url.end()
        elif value[at] == "(":
            found, at = _state_list(value, at + 1)
            lists.append(StateList(path, found, other_host))
            tests += len(found)
            fresh = False
            if tests > MAX_CONDITIONS:
                raise GrammarError(f"More than {MAX_CONDITIONS} tests in the If field.", at)
        else:
            raise GrammarError("The If field is not understood.", at)
        at = _end(_GAP, value, at)
    if fresh or not lists:
        raise GrammarError("A list is missing in the If field.", at)
    return tuple(lists)


def _resource(url: str, hosts: Collection[str]) -> tuple[str | None, bool]:
    try:
        return href_path(url, hosts), False
    except OtherHost:
        return None, True


def _state_list(value: str, at: int) -> tuple[tuple[StateTest, ...], int]:
    tests: list[StateTest] = []
    at = _end(_GAP, value, at)
    while at < len(value) and value[at] != ")":
        negate = value[at : at + 3].lower() == "not"
        if negate:
            at = _end(_GAP, value, at + 3)
        token = _URL.match(value, at)
        if token is not None:
            tests.append(StateTest(negate, token=token[1]))
            at = token.end()
        elif value.startswith("[", at):
            etag = _ETAG.match(value, at + 1)
            if etag is None or not value.startswith("]", etag.end()):
                raise GrammarError("An entity tag in the If field is not understood.", at)
            tests.append(StateTest(negate, etag=etag[2], weak=bool(etag[1])))
            at = etag.end() + 1
        else:
            raise GrammarError("A test in the If field is not understood.", at)
        at = _end(_GAP, value, at)
    if at >= len(value) or not tests:
        raise GrammarError("A list in the If field is empty or has no end.", at)
    return tuple(tests), at + 1


def parse_prefer(values: Collection[str]) -> Preferences:
    """The Prefer fields of a request, and Brief (`t`) of older clients as `return=minimal`.

    What is not understood is left aside, as it has to be (RFC 7240 §2).
    """
    found: dict[str, str] = {}
    for value in values:
        if len(value) > MAX_HEADER_CHARACTERS:
            continue
        for part in _PREFERENCE.finditer(value):
            found.setdefault(part[1].lower(), (part[2] or "").strip('"').lower())
    wait = found.get("wait", "")
    wanted = found.get("return", "")
    return Preferences(
        minimal=wanted == "minimal" or "return-minimal" in found,
        representation=wanted == "representation" or "return-representation" in found,
        depth_noroot="depth-noroot" in found,
        wait_s=int(wait) if wait.isascii() and wait.isdigit() and len(wait) < 6 else None,
    )


def _bounded(value: str) -> str:
    if len(value) > MAX_HEADER_CHARACTERS:
        raise GrammarError(f"A field is longer than {MAX_HEADER_CHARACTERS} characters.")
    return value


def _end(pattern: re.Pattern[str], value: str, at: int) -> int:
    found = pattern.match(value, at)
    return at if found is None else found.end()
