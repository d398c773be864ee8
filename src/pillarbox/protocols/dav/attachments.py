"""Managed attachments: POSTs to events, and the files for whoever has the address (RFC 8607)."""

import asyncio
import re
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from pillarbox.base.errors import TooLarge
from pillarbox.domain.collections.attachments import FILENAME_CHARACTERS, MAX_BYTES
from pillarbox.domain.collections.model import PreconditionFailed
from pillarbox.pipeline.collections.attachments import PATH, Attachments, File, Target
from pillarbox.pipeline.collections.objects import Stored
from pillarbox.protocols.dav.call import Call
from pillarbox.protocols.dav.errors import DavError, forbidden
from pillarbox.protocols.dav.get import item_headers
from pillarbox.protocols.dav.options import DavServices
from pillarbox.protocols.dav.put import require_writable
from pillarbox.wire.dav.attachments import Action, AttachmentRequest, disposition_filename
from pillarbox.wire.dav.names import C

READ_AT_ONCE: Final = 4
"""Files that are opened for everybody at once, since each is in memory as a whole."""
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,100}/[A-Za-z0-9][A-Za-z0-9.+_-]{0,100}")
_ANY_TYPE: Final = "application/octet-stream"
_NOTHING: Final = "There is no such attachment.\n"


async def attach(call: Call, request: AttachmentRequest) -> Response:
    """Answer a POST that is about attachments."""
    require_writable(call.path)
    attachments = _of(call.services)
    target = Target(
        await call.place(), call.path.href, await call.condition(), request.rids, call.manner()
    )
    managed_id = request.managed_id or ""
    try:
        if request.action is Action.REMOVE:
            return _answer(call, await attachments.remove(call.actor, target, managed_id))
        file = await _file(call)
        if request.action is Action.ADD:
            stored, made = await attachments.add(call.actor, target, file)
            return _answer(call, stored, made, HTTPStatus.CREATED)
        stored, made = await attachments.update(call.actor, target, managed_id, file)
        return _answer(call, stored, made)
    except PreconditionFailed:
        raise DavError(HTTPStatus.PRECONDITION_FAILED) from None


async def _file(call: Call) -> File:
    try:
        content = await call.body(MAX_BYTES)
    except TooLarge as failure:
        raise forbidden(C + "max-attachment-size", text=failure.public) from None
    said = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    name = disposition_filename(call.headers.get("content-disposition", "")) or "attachment"
    media_type = said if _MEDIA_TYPE.fullmatch(said) else _ANY_TYPE
    return File(content, name[:FILENAME_CHARACTERS], media_type)


def _answer(
    call: Call, stored: Stored, managed_id: str = "", status: int = HTTPStatus.NO_CONTENT
) -> Response:
    headers = item_headers(stored.item)
    del headers["content-type"]
    if managed_id:
        headers["cal-managed-id"] = managed_id
    if call.preferences.representation:
        headers["preference-applied"] = "return=representation"
        headers["content-type"] = "text/calendar; charset=utf-8"
        headers["content-location"] = call.url(call.path)
        status = HTTPStatus.OK if status == HTTPStatus.NO_CONTENT else status
        return Response(stored.content, status, headers)
    return Response(b"", status, headers)


def _of(services: DavServices) -> Attachments:
    return Attachments(
        services.database, services.keys, services.objects, services.options.hostname
    )


def attachment_routes(services: DavServices) -> tuple[BaseRoute, ...]:
    """The route of attached files."""
    files = AttachedFiles(_of(services))
    return (Route(PATH + "{token}/{name}", files.answer, methods=["GET", "HEAD"]),)


class AttachedFiles:
    """Answers whoever has the address of an attachment; one for a process."""

    def __init__(self, attachments: Attachments) -> None:
        self._attachments = attachments
        self._turns = asyncio.Semaphore(READ_AT_ONCE)

    async def answer(self, request: Request) -> Response:
        """Answer a GET or HEAD."""
        async with self._turns:
            found = await self._attachments.read(request.path_params["token"][:100])
        if found is None:
            return PlainTextResponse(_NOTHING, 404, {"cache-control": "no-store"})
        attachment, content = found
        name = quote(attachment.filename, safe="")
        headers = {
            # Never shown by a browser as a page of this server.
            "content-disposition": f"attachment; filename*=UTF-8''{name}",
            "content-type": attachment.media_type,
            "cache-control": "private, max-age=86400, immutable",
            "x-robots-tag": "noindex, nofollow",
        }
        return Response(content, 200, headers)
