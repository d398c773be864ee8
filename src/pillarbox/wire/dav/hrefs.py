"""Hrefs and paths: what may be a resource's name, and how it is written (RFC 4918 §8.3)."""

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from pillarbox.base.errors import GrammarError

MAX_HREF_CHARACTERS: Final = 4096
_SAFE: Final = "/@:!$()*+,;=~"
_PLAIN = re.compile(r"[A-Za-z0-9/@:!$()*+,;=~._-]*")
_UNESCAPED_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HIDDEN_SLASH = re.compile(r"%2f|%5c", re.IGNORECASE)
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\ufffe\uffff]")
_ABSOLUTE = re.compile(r"https?://([^/?#]*)([^?#]*)([?#].*)?", re.IGNORECASE | re.DOTALL)
_AUTHORITY = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%-]+)(?::[0-9]{0,5})?")
_MAILTO = re.compile(r"mailto:([^?#]*)", re.IGNORECASE)


class OtherHost(GrammarError):
    """A URL of another server than this one: 502 for a Destination."""


def quoted(path: str) -> str:
    """A path percent-encoded; `@` and what else a path may hold stay as they are."""
    if _PLAIN.fullmatch(path):
        return path
    return quote(path, safe=_SAFE, encoding="utf-8", errors="replace")


def decoded_path(path: str) -> str:
    """A path without percent-encoding; GrammarError for one that means different things to some.

    That is one with control characters, invalid UTF-8, dot segments, empty segments, or slashes
    and backslashes inside of a segment.
    """
    if len(path) > MAX_HREF_CHARACTERS:
        raise GrammarError(f"A path is longer than {MAX_HREF_CHARACTERS} characters.")
    if not path.startswith("/"):
        raise GrammarError("A path does not begin with a slash.")
    if "?" in path or "#" in path:
        raise GrammarError("A path has a query or fragment.", path.find("?"))
    if "%" in path:
        wrong = _UNESCAPED_PERCENT.search(path) or _HIDDEN_SLASH.search(path)
        if wrong is not None:
            raise GrammarError("A path has a percent-encoding it can't have.", wrong.start())
        try:
            path = unquote_to_bytes(path).decode("utf-8")
        except UnicodeDecodeError:
            raise GrammarError("A path is not valid UTF-8.") from None
    control = _CONTROL.search(path)
    if control is not None or "\\" in path:
        raise GrammarError("A path has a character it can't have.")
    segments = path.split("/")
    if "." in segments or ".." in segments:
        raise GrammarError("A path has a dot segment.")
    if "" in segments[1:-1]:
        raise GrammarError("A path has an empty segment.")
    return path


def href_path(href: str, hosts: Collection[str] | None = None) -> str:
    """The decoded path of an href, an absolute URL or a path.

    With `hosts` (names without ports, in lower case) a URL of another host is OtherHost.
    """
    href = href.strip(" \t\r\n")
    absolute = _ABSOLUTE.fullmatch(href) if len(href) <= MAX_HREF_CHARACTERS else None
    if absolute is None:
        if href.startswith("//"):
            raise GrammarError("An href names a host without a scheme.")
        return decoded_path(href)
    if _AUTHORITY.fullmatch(absolute[1]) is None:
        raise GrammarError("The host of an href is none.")
    if hosts is not None and host_name(absolute[1]) not in hosts:
        raise OtherHost("The URL is of another server.")
    return decoded_path((absolute[2] or "/") + (absolute[3] or ""))


def host_name(authority: str) -> str:
    """A host in lower case, without its port."""
    name, colon, port = authority.rpartition(":")
    return (name if colon and (not port or port.isdigit()) else authority).lower().rstrip(".")


def href_address(href: str) -> str | None:
    """The address of a `mailto:` URI; `None` for what is none."""
    found = _MAILTO.match(href.strip()) if len(href) <= MAX_HREF_CHARACTERS else None
    if found is None or _UNESCAPED_PERCENT.search(found[1]):
        return None
    try:
        address = unquote_to_bytes(found[1]).decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(address) or "@" not in address else address
