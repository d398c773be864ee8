"""Logging: one line an event, as JSON or text, to standard error or a file.

What is logged is an event in few words and named facts about it. Never passwords, tokens or
content: facts of such names are masked, whatever they hold. The id of the session stands in every
line that was logged for it.
"""

import logging
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, FilteringBoundLogger

from pillarbox.base.log_target import LogTarget

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


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Where lines go, how they look, and from which level on."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
    path: Path | None = None


class _Lines:
    """What structlog hands finished lines to."""

    def __init__(self, target: LogTarget) -> None:
        self.msg = target.write

    def __getattr__(self, name: str) -> Callable[[str], None]:
        return self.msg


def open_target(options: LogOptions) -> LogTarget:
    """Open what the options name; `OSError` where that can't be."""
    path = None if options.path is None else str(options.path)
    return LogTarget(path, as_json=options.format == "json")


def configure(options: LogOptions, target: LogTarget) -> None:
    """Set up the loggers of this process."""
    lines = _Lines(target)
    structlog.configure(
        processors=[
            _add_session,
            _mask_secrets,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso", utc=True),
            structlog.processors.format_exc_info,
            lambda log, method, event: target.render(dict(event)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[options.level.upper()]
        ),
        logger_factory=lambda *args: lines,
        cache_logger_on_first_use=False,
    )


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
