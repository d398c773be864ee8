"""The base subject: a Subject without "Re:", "Fwd:", list tags and such (RFC 5256 §2.1).

Called by sorting and threading; calls nothing of ours. Time is linear in the length, whatever the
subject is.
"""

import re

_WHITE = re.compile(r"[ \t\r\n]+")
_BLOB = re.compile(r"\[[^\[\]]*+\] *+")
_REFWD = re.compile(r"(?:re|fwd?) *+(?:\[[^\[\]]*+\] *+)?:", re.IGNORECASE | re.ASCII)
_FWD_HEADER = "[fwd:"
_TRAILER = "(fwd)"


def base_subject(subject: str) -> tuple[str, bool]:
    """The base of a decoded subject, and whether it is one of a reply or of forwarded mail."""
    text = _WHITE.sub(" ", subject)
    start, end = 0, len(text)
    is_reply = False
    while True:
        end, trailed = _without_trailers(text, start, end)
        start, led = _without_leaders(text, start, end)
        is_reply |= trailed or led
        if not _is_forward(text, start, end):
            return text[start:end], is_reply
        start, end, is_reply = start + len(_FWD_HEADER), end - 1, True


def _is_forward(text: str, start: int, end: int) -> bool:
    return (
        end - start > len(_FWD_HEADER)
        and text[end - 1] == "]"
        and text[start : start + len(_FWD_HEADER)].lower() == _FWD_HEADER
    )


def _without_trailers(text: str, start: int, end: int) -> tuple[int, bool]:
    """Where the text ends without `(fwd)` and white space behind it, and whether one stood there.

    A trailer before which nothing stands goes too: the base is then empty.
    """
    found = False
    while end > start:
        if text[end - 1] == " ":
            end -= 1
        elif text[max(start, end - len(_TRAILER)) : end].lower() == _TRAILER:
            end -= len(_TRAILER)
            found = True
        else:
            break
    return end, found


def _without_leaders(text: str, start: int, end: int) -> tuple[int, bool]:
    """Where the text begins without `Re:` and blobs, and whether there was a `Re:` or `Fwd:`.

    A blob goes only where something is left behind it.
    """
    found = False
    while start < end:
        if text[start] == " ":
            start += 1
            continue
        at = last = start
        while (blob := _BLOB.match(text, at, end)) is not None:
            last, at = at, blob.end()
        refwd = _REFWD.match(text, at, end)
        if refwd is not None:
            start, found = refwd.end(), True
        elif start == at:
            break
        elif at < end:
            start = at
        else:
            # Nothing but blobs: the last one is the base.
            start = last
            break
    return start, found
