"""Logging: one line an event, as JSON or text, to standard error or a file.

What is logged is an event in few words and named facts about it. Never passwords, tokens or
content: facts of such names are masked, whatever they hold. The id of the session stands in every
line that was logged for it.
"""

import logging
import os
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

Logger = FilteringBoundLogger

session_id: ContextVar[str | None] = ContextVar("session_id", default=None)
"""The connection that is being served, set by the listener."""

_SECRET = frozenset(
    [
        "password",
        "passwd",
        "secret",
        "token",
        "authorization",
        "cookie",
        "credential",
        "credentials",
        "encryption_key",
        "private_key",
        "api_key",
        "content",
        "body",
        "response",
    ]
)
_STANDARD_ERROR = 2


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Where lines go, how they look, and from which level on."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
    path: Path | None = None


class LogTarget:
    """Where lines are written; a file is opened anew by `reopen`, for log rotation."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
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


class _Lines:
    """What structlog hands finished lines to."""

    def __init__(self, target: LogTarget) -> None:
        self.msg = target.write

    def __getattr__(self, name: str) -> Callable[[str], None]:
        return self.msg


def configure(options: LogOptions) -> LogTarget:
    """Set up logging for this process and those it forks."""
    target = LogTarget(options.path)
    renderer: Processor = (
        structlog.processors.JSONRenderer() if options.format == "json" else _as_text
    )
    lines = _Lines(target)
    structlog.configure(
        processors=[
            _add_session,
            _mask_secrets,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[options.level.upper()]
        ),
        logger_factory=lambda *args: lines,
        cache_logger_on_first_use=False,
    )
    return target


def logger(part: str) -> Logger:
    """The logger of one part of the server; may be called at import."""
    bound: Logger = structlog.get_logger(part=part)
    return bound


def _add_session(log: Any, method: str, event: EventDict) -> EventDict:
    current = session_id.get()
    if current is not None:
        event.setdefault("session", current)
    return event


def _mask_secrets(log: Any, method: str, event: EventDict) -> EventDict:
    for name in _SECRET.intersection(event):
        event[name] = "(masked)"
    return event


def _as_text(log: Any, method: str, event: EventDict) -> str:
    """`2026-01-01T00:00:00Z info  smtp  connection ended  why='bye' session=0a1b`."""
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


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
