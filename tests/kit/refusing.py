"""A name server that knows nothing and says so at once, for servers that a test gives no other."""

import functools
import socket
import threading

_REFUSED = 5
_QUESTION_BYTES = 512


@functools.cache
def port() -> int:
    """Its port on 127.0.0.1; it answers for as long as the process lasts."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind(("127.0.0.1", 0))
    threading.Thread(target=_serve, args=(bound,), daemon=True).start()
    number: int = bound.getsockname()[1]
    return number


def _serve(bound: socket.socket) -> None:
    while True:
        question, peer = bound.recvfrom(_QUESTION_BYTES)
        if len(question) < 12:
            continue
        end = 12
        while end < len(question) and question[end]:
            end += question[end] + 1
        # The header with QR and the code set, one question, nothing else; then the question.
        flags = bytes((question[2] | 0x80, 0x80 | _REFUSED))
        head = question[:2] + flags + b"\0\1" + bytes(6)
        bound.sendto(head + question[12 : end + 5], peer)
