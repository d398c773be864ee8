"""How much work an expansion may be."""

from pillarbox.base.errors import GrammarError

DEFAULT_STEPS = 20_000
"""Enough for decades of daily events; some 40 ms of work at worst."""


class TooMuchWork(GrammarError):
    """A rule, or an object's dates, would take more steps than were allowed."""


class Budget:
    """How many steps work on rules may take; one is at most two microseconds or so."""

    __slots__ = ("left", "steps")

    def __init__(self, steps: int = DEFAULT_STEPS) -> None:
        self.steps = steps
        self.left = steps

    @property
    def used(self) -> int:
        """Steps that were taken."""
        return self.steps - self.left

    def spend(self, steps: int = 1) -> None:
        """Take steps; raises `TooMuchWork` when none are left."""
        self.left -= steps
        if self.left < 0:
            raise TooMuchWork("the recurrence takes too much work to expand")
