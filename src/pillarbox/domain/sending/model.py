"""Values of the limits on sending."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from pillarbox.base.errors import Busy
from pillarbox.base.ids import AccountId, DomainId


class Scope(IntEnum):
    """Whose sending a limit is for; of a domain and of the server all users together."""

    USER = 1
    DOMAIN = 2
    SERVER = 3


class Period(IntEnum):
    """Within what is counted; it begins with the first message counted."""

    HOUR = 1
    DAY = 2
    WINDOW = 3
    """As long as the policy of the user's domain says."""


class Unit(StrEnum):
    """What is counted."""

    MESSAGES = "messages"
    RECIPIENTS = "recipients"
    NEWCOMERS = "newcomers"
    """Recipients elsewhere to whom the user writes for the first time."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be sent within an hour and a day; 0 is no limit, and then nothing is counted."""

    messages_hour: int = 0
    messages_day: int = 0
    recipients_hour: int = 0
    recipients_day: int = 0
    newcomers_day: int = 0
    """For users alone, and not in their first week of sending."""
    messages_window: int = 0
    window_ms: int = 3_600_000

    def length_ms(self, period: Period) -> int:
        """How long a period is."""
        if period is Period.WINDOW:
            return self.window_ms
        return 3_600_000 if period is Period.HOUR else 86_400_000

    def of(self, period: Period) -> tuple[tuple[Unit, int], ...]:
        """The limits of a period that are set."""
        found: tuple[tuple[Unit, int], ...]
        if period is Period.WINDOW:
            found = ((Unit.MESSAGES, self.messages_window),)
        elif period is Period.HOUR:
            found = ((Unit.MESSAGES, self.messages_hour), (Unit.RECIPIENTS, self.recipients_hour))
        else:
            found = ((Unit.MESSAGES, self.messages_day), (Unit.RECIPIENTS, self.recipients_day))
        return tuple((unit, limit) for unit, limit in found if limit)


@dataclass(frozen=True, slots=True)
class SendingLimits:
    """The limits of each scope; those of `user` and `domain` are each one's own."""

    user: Limits = Limits()
    domain: Limits = Limits()
    server: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Sending:
    """A message to count: who sends it, to how many, and which recipients are elsewhere."""

    account_id: AccountId
    domain_id: DomainId
    recipients: int
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """A user who met a limit: how often since `first_ms`; `told_ms` is when it was last told."""

    account_id: AccountId
    what: Unit
    first_ms: int
    last_ms: int
    refused: int
    told_ms: int


class LimitReached(Busy):
    """A message that would be more than may be sent now; says when there is room again."""

    def __init__(
        self, scope: Scope, unit: Unit, length_ms: int, limit: int, free_in_ms: int
    ) -> None:
        whose = {Scope.USER: "You", Scope.DOMAIN: "Your domain", Scope.SERVER: "This server"}
        within = {3_600_000: "an hour", 86_400_000: "a day"}.get(length_ms) or _words(length_ms)
        what = "new recipients" if unit is Unit.NEWCOMERS else unit.value
        to = "" if unit is Unit.MESSAGES else "to "
        super().__init__(
            f"{whose[scope]} can send {to}{limit} {what} within {within}, no more;"
            f" there is room again in {_words(free_in_ms)}"
        )
        self.scope = scope
        self.unit = unit
        self.limit = limit


def _words(milliseconds: int) -> str:
    minutes = max(1, -(-milliseconds // 60_000))
    if minutes < 120:
        return "a minute" if minutes == 1 else f"{minutes} minutes"
    return f"{-(-minutes // 60)} hours"
