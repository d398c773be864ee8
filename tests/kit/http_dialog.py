"""Plays the dialogs of HTTP, such as `tests/dialogs/dav`; CONTRIBUTING.md describes their form."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lxml.etree

from kit.http import Heard, HttpWire

NAMESPACES = {
    "D": "DAV:",
    "C": "urn:ietf:params:xml:ns:caldav",
    "A": "urn:ietf:params:xml:ns:carddav",
    "CS": "http://calendarserver.org/ns/",
    "I": "http://apple.com/ns/ical/",
    "ME": "http://me.com/_namespace/",
}
"""Prefixes that expected bodies can use."""

_LINE = re.compile(r"([CS])(\d?)([:!])(?: (.*))?")
_PLACE = re.compile(r"\{([a-z_]+)\}|\.\.\.")


@dataclass
class Exchange:
    """A request and what has to come of it; `absent` are texts the answer may not have."""

    session: str
    line_number: int
    request: list[str] = field(default_factory=list)
    answer: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def read_exchanges(path: Path) -> list[Exchange]:
    """What a file holds; fails at the first line that is none of a dialog."""
    found: list[Exchange] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        spoken = _LINE.fullmatch(line)
        assert spoken, f"{path.name}:{number}: no line of a dialog: {line}"
        side, session, mark, text = spoken[1], spoken[2] or "1", spoken[3], spoken[4] or ""
        if side == "C":
            assert mark == ":", f"{path.name}:{number}: a client says nothing with {mark}"
            if not found or found[-1].answer:
                found.append(Exchange(session, number))
            found[-1].request.append(text)
        else:
            assert found, f"{path.name}:{number}: a server says nothing by itself"
            (found[-1].answer if mark == ":" else found[-1].absent).append(text)
        assert found[-1].session == session, f"{path.name}:{number}: another session's turn"
    assert found, f"{path.name} asks nothing"
    assert all(one.answer for one in found), f"{path.name} expects nothing of a request"
    return found


async def play_http(path: Path, open_session: Callable[[str], Awaitable[HttpWire]]) -> None:
    """Play a dialog; fails at the first answer that differs. `open_session` is given its digit."""
    places: dict[str, str] = {}
    sessions: dict[str, HttpWire] = {}
    try:
        for one in read_exchanges(path):
            if one.session not in sessions:
                sessions[one.session] = await open_session(one.session)
            heard = await _ask(sessions[one.session], one.request, places)
            fault = _fault(one, heard, places)
            if fault:
                fields = "".join(f"{name}: {value}\n" for name, value in heard.fields.items())
                raise AssertionError(
                    f"{path.name}:{one.line_number}: {fault}; heard\n{heard.status}\n{fields}\n"
                    + heard.body.decode("utf-8", "replace")
                )
    finally:
        for session in sessions.values():
            await session.close()


async def _ask(session: HttpWire, lines: list[str], places: dict[str, str]) -> Heard:
    lines = [_filled(line, places) for line in lines]
    end = lines.index("") if "" in lines else len(lines)
    method, _, target = lines[0].partition(" ")
    fields = dict(line.split(": ", 1) for line in lines[1:end])
    body = lines[end + 1 :]
    # XML as one text; everything else has lines that end in CRLF.
    between = "\n" if body and body[0].startswith("<") else "\r\n"
    content = "".join(line + between for line in body).encode()
    return await session.ask(method, target, content, fields)


def _filled(text: str, places: dict[str, str]) -> str:
    return _PLACE.sub(lambda at: places.get(at[1], at[0]) if at[1] else at[0], text)


def _fault(one: Exchange, heard: Heard, places: dict[str, str]) -> str:
    """What differs, if something does; what placeholders stand for is added to `places`."""
    end = one.answer.index("") if "" in one.answer else len(one.answer)
    if str(heard.status) != one.answer[0]:
        return f"not {one.answer[0]}"
    for line in one.answer[1:end]:
        name, _, value = line.partition(": ")
        if name.lower() not in heard.fields:
            return f"no field {name}"
        if not _fits(value, heard.fields[name.lower()], places):
            return f"not {line}"
    body = "\n".join(one.answer[end + 1 :])
    text = heard.body.decode("utf-8", "replace")
    if body.startswith("<"):
        declared = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
        wanted = lxml.etree.fromstring(re.sub(r"(?<=[^/])(?=/?>)", declared, body, count=1))
        fault = _element_fault(wanted, lxml.etree.fromstring(heard.body), places)
        if fault:
            return fault
    elif end < len(one.answer) and not _fits(
        body, text.replace("\r\n", "\n").removesuffix("\n"), places, many=True
    ):
        return "another body"
    for absent in one.absent:
        said = [text, *(f"{name}: {value}" for name, value in heard.fields.items())]
        if any(_filled(absent, places) in part for part in said):
            return f"there is {absent}"
    return ""


def _fits(wanted: str, said: str, places: dict[str, str], *, many: bool = False) -> bool:
    """Whether a text is as wanted; with `many` a line of `...` alone stands for any lines."""
    pieces: list[str] = []
    at, named = 0, set()
    if many:
        wanted = re.sub(r"(?m)^\.\.\.\n", "{any_lines}", wanted + "\n")
        said += "\n"
    for place in _PLACE.finditer(wanted):
        pieces.append(re.escape(wanted[at : place.start()]))
        at, name = place.end(), place[1]
        if name is None:
            pieces.append("[^\n]*")
        elif name == "any_lines":
            pieces.append("(?:[^\n]*\n)*?")
        elif name in places:
            pieces.append(re.escape(places[name]))
        elif name in named:
            pieces.append(f"(?P={name})")
        else:
            named.add(name)
            pieces.append(f"(?P<{name}>[^\n]+?)")
    pieces.append(re.escape(wanted[at:]))
    found = re.fullmatch("".join(pieces), said)
    if found is not None:
        places.update(found.groupdict())
    return found is not None


def _element_fault(wanted: Any, said: Any, places: dict[str, str]) -> str:
    """What of an element differs: all that is wanted has to be there, other things may be."""
    if wanted.tag != said.tag:
        return f"not {wanted.tag} but {said.tag}"
    for name, value in wanted.attrib.items():
        if not _fits(value, said.get(name, ""), places):
            return f"not {name} of {wanted.tag}"
    text = (wanted.text or "").strip()
    if text and not _fits(text, (said.text or "").strip().replace("\r\n", "\n"), places, many=True):
        return f"not {text} but {said.text} in {wanted.tag}"
    left = list(said)
    for child in wanted:
        faults = []
        for candidate in left:
            tried = dict(places)
            fault = _element_fault(child, candidate, tried)
            if not fault:
                places.update(tried)
                left.remove(candidate)
                break
            faults.append(fault)
        else:
            shown = lxml.etree.tostring(child, with_tail=False).decode()
            shown = re.sub(r' xmlns:\w+="[^"]*"', "", shown)
            return f"no {shown} ({'; '.join(dict.fromkeys(faults[:5]))})"
    return ""
