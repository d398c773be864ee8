"""What attachments are in truth, and whether they can do harm.

`formats/attachment` looks; here its words get points and actions. What would be run by a click goes
into quarantine, from which its reader can have it; the rest are signs.
"""

import asyncio
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from threading import Event
from types import MappingProxyType

from pillarbox.domain.judgement.model import Action, Finding, Kind, Stage
from pillarbox.formats.attachment.found import Budget, Found, Trait
from pillarbox.formats.attachment.inspect import inspect
from pillarbox.formats.attachment.uuencoded import uuencoded
from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.section import content as content_of
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.inbound.checks.content import Content, read_content

DEADLINE_S = 8.0
GRACE_S = 2.0
AT_ONCE = 2
"""Messages whose attachments are looked at at a time."""
FILES_MAX = 100
"""Attachments of one message that are looked at."""
TEXT_REACH = 1 << 20
"""Within so many bytes files that stand in text begin."""

PASSWORD_TOLD = Kind(
    "attachment_password_told", 2.0, "has an encrypted attachment and tells the password"
)
TOO_MANY = Kind("attachments_too_many", 0.5, "has more attachments than are looked at")

KIND_OF: Mapping[Trait, Kind] = MappingProxyType(
    {
        Trait.PROGRAM: Kind("attachment_program", 5.0, "brings a program", Action.QUARANTINE),
        Trait.SCRIPT: Kind(
            "attachment_script", 5.0, "brings a script that a click would run", Action.QUARANTINE
        ),
        Trait.SOURCE: Kind("attachment_source", 0.5, "brings scripts"),
        Trait.SHORTCUT: Kind("attachment_shortcut", 2.5, "brings a file that leads elsewhere"),
        Trait.DISGUISED: Kind(
            "attachment_disguised",
            8.0,
            "brings something to be run that looks like something else",
            Action.QUARANTINE,
        ),
        Trait.TURNED_NAME: Kind(
            "attachment_turned_name", 3.0, "brings a file whose name is not what it seems"
        ),
        Trait.LONG_NAME: Kind("attachment_long_name", 1.0, "brings a file with a very long name"),
        Trait.OTHER_TYPE: Kind(
            "attachment_other_type", 1.0, "brings a file that is of another type than its name says"
        ),
        Trait.DISK_IMAGE: Kind(
            "attachment_disk_image", 4.0, "brings the image of a disk", Action.JUNK
        ),
        Trait.NOTEBOOK: Kind(
            "attachment_notebook", 3.0, "brings a notebook, which can hold programs"
        ),
        Trait.ENCRYPTED: Kind(
            "attachment_encrypted", 1.0, "brings an archive that is locked by a password"
        ),
        Trait.ENCRYPTED_DOCUMENT: Kind(
            "attachment_encrypted_document", 0.5, "brings a document that is encrypted"
        ),
        Trait.BOMB: Kind(
            "attachment_bomb",
            8.0,
            "brings an archive made to exhaust its reader",
            Action.QUARANTINE,
        ),
        Trait.DEEP: Kind("attachment_deep", 3.0, "brings archives nested too deep to be looked at"),
        Trait.DAMAGED: Kind("attachment_damaged", 0.5, "brings a file that can't be read"),
        Trait.RARE_ARCHIVE: Kind(
            "attachment_rare_archive", 2.0, "brings an archive of a kind that people don't use"
        ),
        Trait.MACRO: Kind("attachment_macro", 2.0, "brings a document with macros"),
        Trait.STARTING_MACRO: Kind(
            "attachment_starting_macro", 3.5, "brings a document whose macros start by themselves"
        ),
        Trait.EXCEL4_MACRO: Kind(
            "attachment_excel4_macro", 4.0, "brings a table with macros of a kind long given up"
        ),
        Trait.PACKAGE: Kind("attachment_package", 2.5, "brings a document with a program object"),
        Trait.REMOTE_TEMPLATE: Kind(
            "attachment_remote_template", 4.0, "brings a document that loads parts from elsewhere"
        ),
        Trait.PDF_SCRIPT: Kind("attachment_pdf_script", 1.0, "brings a PDF file with scripts"),
        Trait.PDF_LAUNCH: Kind(
            "attachment_pdf_launch", 4.0, "brings a PDF file that starts programs"
        ),
        Trait.HTML_FILE: Kind("attachment_html", 0.5, "brings a page as a file"),
        Trait.HTML_SCRIPT: Kind(
            "attachment_html_script", 1.5, "brings a page with scripts as a file"
        ),
        Trait.HTML_LOGIN: Kind(
            "attachment_html_login", 3.0, "brings a page that asks for a password"
        ),
        Trait.HTML_SMUGGLING: Kind(
            "attachment_html_smuggling",
            4.0,
            "brings a page that makes a file by itself",
            Action.JUNK,
        ),
        Trait.SVG_SCRIPT: Kind("attachment_svg_script", 4.0, "brings a picture with scripts"),
        Trait.NOT_ALL: Kind("attachment_not_all", 0.0, "brings more than is looked through"),
    }
)
KINDS = (*KIND_OF.values(), PASSWORD_TOLD, TOO_MANY)

_PASSWORD = re.compile(
    r"\b(?:pass(?:word|code|wd|phrase)|passwort|kennwort|mot de passe|contraseña|wachtwoord|senha"
    r"|hasło|пароль)\b|密码|パスワード",
    re.IGNORECASE,
)
_SIGNATURES = frozenset(("pgp-signature", "pkcs7-signature", "x-pkcs7-signature", "pgp-encrypted"))
_ENCODED = frozenset(("base64", "quoted-printable"))
_PASSED_OVER = frozenset(("multipart", "message"))


class AttachmentCheck(Check):
    """Checks files, and files inside archives, in a thread that ends when nobody waits any more."""

    name = "attachments"
    stage = Stage.DATA
    asks_nobody = True
    kinds = KINDS

    def __init__(self, deadline_s: float = DEADLINE_S) -> None:
        """After `deadline_s` no further file is looked at; the check itself may last longer."""
        self.deadline_s = deadline_s + GRACE_S
        self._looking_s = deadline_s
        self._places = asyncio.Semaphore(AT_ONCE)

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Look into every file."""
        content = arrival.content
        if content is None:
            return ()
        files = [part for part in content.parts if _is_file(part)]
        if not files and content.data.find(b"\nbegin ", 0, TEXT_REACH) < 0:
            return ()
        async with self._places:
            over = Event()
            until = time.monotonic() + self._looking_s
            budget = Budget(stop=lambda: over.is_set() or time.monotonic() >= until)
            try:
                return await asyncio.to_thread(_look, content, files, budget)
            finally:
                over.set()


def _is_file(part: Part) -> bool:
    if part.type in _PASSED_OVER and not part.filename:
        return part.type == "message" and part.encoding in _ENCODED
    if part.subtype in _SIGNATURES or part.is_message:
        return False
    return part.type != "text" or part.disposition == "attachment" or bool(part.filename)


def _look(content: Content, files: list[Part], budget: Budget) -> list[Finding]:
    found: list[Found] = []
    for name, declared, data in _each(content, files, budget):
        found.extend(inspect(name, declared, data, budget))
    if budget.stop():
        found.append(Found(Trait.NOT_ALL, ""))
    findings: dict[str, Finding] = {}
    for one in found:
        kind = KIND_OF[one.trait]
        findings.setdefault(kind.name, kind.found(one.where))
    if len(files) > FILES_MAX:
        findings[TOO_MANY.name] = TOO_MANY.found(f"{len(files)} attachments")
    if KIND_OF[Trait.ENCRYPTED].name in findings and _tells_password(content):
        findings[PASSWORD_TOLD.name] = PASSWORD_TOLD.found()
    return list(findings.values())


def _each(
    content: Content, files: list[Part], budget: Budget, nested: bool = False
) -> Iterator[tuple[str, str, bytes]]:
    """Name, type and content of each file, and of those in messages that are files themselves."""
    for part in files[:FILES_MAX]:
        if budget.stop() or budget.files_left <= 0:
            return
        budget.files_left -= 1
        name, data = part.filename or "", content_of(content.data, part)
        if not nested and (part.type == "message" or name.lower().endswith(".eml")):
            inner = read_content(data)
            inside = [one for one in inner.parts if _is_file(one)]
            yield from _each(inner, inside, budget, nested=True)
        else:
            yield name, f"{part.type}/{part.subtype}", data
    for text in content.texts:
        for name, data in uuencoded(text.text) if text.subtype == "plain" else ():
            yield name, "", data


def _tells_password(content: Content) -> bool:
    return any(_PASSWORD.search(one.text) for one in content.texts)
