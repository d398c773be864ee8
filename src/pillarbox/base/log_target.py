"""Where log lines go and how they look; small to import, for the supervisor has little memory.

`base/log` sets up the loggers that write here.
"""

import os
import time

_STANDARD_ERROR = 2


class LogTarget:
    """Standard error or a file; a file is opened anew by `reopen`, for log rotation."""

    def __init__(self, path: str | None, *, as_json: bool = False) -> None:
        self._path = path
        self._as_json = as_json
        self._descriptor = _STANDARD_ERROR if path is None else _open(path)

    def reopen(self) -> None:
        """Go on in a new file of the same name, should the old one have been moved away."""
        if self._path is None:
            return
        fresh = _open(self._path)
        os.dup2(fresh, self._descriptor, inheritable=False)
        os.close(fresh)

    def write(self, line: str) -> None:
        """Append a line; a target that is full or gone must not stop the mail."""
        try:
            os.write(self._descriptor, line.encode("utf-8", "backslashreplace") + b"\n")
        except OSError:
            return

    def say(self, level: str, part: str, event: str, **facts: object) -> None:
        """Log an event without a logger."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.write(
            self.render({"timestamp": now, "level": level, "part": part, "event": event} | facts)
        )

    def render(self, event: dict[str, object]) -> str:
        """The line of an event: JSON, or `2026-01-01T00:00:00Z info smtp ended  why=bye`."""
        if self._as_json:
            import json

            return json.dumps(event, default=repr)
        stamp, level = event.pop("timestamp", ""), event.pop("level", "")
        part, text = event.pop("part", ""), event.pop("event", "")
        trace = event.pop("exception", None)
        facts = " ".join(f"{name}={_plain(value)}" for name, value in event.items())
        line = f"{stamp} {level:<7} {part:<10} {text}  {facts}".rstrip()
        return f"{line}\n{trace}" if trace else line


def _plain(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    # Quoted unless plain: a value can't start a line of its own or look like another fact.
    return text if text.isascii() and text.isprintable() and " " not in text else repr(text)


def _open(path: str) -> int:
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
