"""What a hostile document may do to the process that reads it; the document names it."""

import ctypes
import os
import socket


def extract(kind: str, data: bytes) -> str | None:
    what = data.decode()
    if what == "loop":
        while True:
            pass
    if what == "memory":
        return str(len(bytearray(2 << 30)))
    if what == "hog":
        held = []
        while True:
            held.append(bytearray(8 << 20))
    if what == "crash":
        ctypes.string_at(0)
    if what == "exit":
        os._exit(3)
    if what == "print":
        print("noise", flush=True)
        os.write(1, b"noise")
    if what == "raise":
        raise ValueError("damaged")
    return _look(what)


def _look(what: str) -> str | None:
    if what == "environment":
        return ",".join(sorted(os.environ))
    if what == "pid":
        return str(os.getpid())
    if what == "files":
        return ",".join(sorted(os.listdir("/proc/self/fd")))
    if what == "write":
        try:
            with open("/tmp/pillarbox-extraction", "xb", buffering=0) as file:
                return str(file.write(b"x"))
        except OSError:
            return "refused"
        finally:
            if os.path.exists("/tmp/pillarbox-extraction"):
                os.unlink("/tmp/pillarbox-extraction")
    if what == "network":
        return str(len(socket.if_nameindex()))
    if what == "surrogate":
        return "\ud800"
    return what
