"""Reading what a request brings, with bounds on its size and on the memory of all of them.

Nothing is read before a face asks for it: who is refused first need not send it (RFC 9110 §10.1.1).
"""

from typing import TYPE_CHECKING

from pillarbox.base.errors import Busy, TooLarge
from pillarbox.protocols.http.visit import room_of

if TYPE_CHECKING:
    from starlette.requests import Request

TOO_LARGE = "The request is too large: {most} bytes are taken"
NO_ROOM = "The server is taking in too much at once; try again later"


async def read_body(request: "Request", most_bytes: int) -> bytes:
    """All that a request brings; `b""` where it brings nothing. To be called once.

    Raises `TooLarge` (413), before any of it is read where its length is announced, and `Busy`
    (503) when all requests of the process together hold too much. When the client gives up halfway
    `starlette.requests.ClientDisconnect` is raised, which needs no answer: catch neither.
    """
    room = room_of(request)
    announced = request.headers.get("content-length", "")
    if announced and int(announced) > most_bytes:
        raise TooLarge(TOO_LARGE.format(most=most_bytes))
    pieces: list[bytes] = []
    size_bytes = 0
    async for piece in request.stream():
        if not piece:
            continue
        size_bytes += len(piece)
        if size_bytes > most_bytes:
            raise TooLarge(TOO_LARGE.format(most=most_bytes))
        if not room.take(len(piece)):
            raise Busy(NO_ROOM, "no room for content in flight")
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
