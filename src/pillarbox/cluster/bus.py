"""The bus: hints that something changed, for those who can look it up themselves.

A hint is a topic (`account:17`, `queue`, `directory`) and nothing more. Hints may be lost or come
twice; whoever waits for one also looks by itself every 30 seconds.
"""

from collections.abc import Callable
from typing import Protocol

from pillarbox.base.log import logger

Listener = Callable[[str], None]

LOOK_EVERY_S = 30.0

_log = logger("bus")


class Bus(Protocol):
    """Carries hints to every listener of a topic, in this process and in others."""

    def publish(self, topic: str) -> None:
        """Tell everyone who listens to `topic`; never blocks and never fails."""
        ...

    def subscribe(self, topic: str, listener: Listener) -> Callable[[], None]:
        """Call `listener(topic)` on the event loop at each hint; gives the way to stop it."""
        ...

    def close(self) -> None:
        """Stop carrying hints."""
        ...


class LocalBus:
    """The bus inside one process."""

    def __init__(self) -> None:
        self._listeners: dict[str, dict[int, Listener]] = {}
        self._next = 0

    def publish(self, topic: str) -> None:
        for listener in tuple(self._listeners.get(topic, {}).values()):
            try:
                listener(topic)
            except Exception:
                _log.exception("a listener failed", topic=topic)

    def subscribe(self, topic: str, listener: Listener) -> Callable[[], None]:
        number = self._next = self._next + 1
        self._listeners.setdefault(topic, {})[number] = listener

        def stop() -> None:
            listeners = self._listeners.get(topic, {})
            listeners.pop(number, None)
            if not listeners:
                self._listeners.pop(topic, None)

        return stop

    def close(self) -> None:
        self._listeners.clear()
