"""What is wrong with a script, and where."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong; lines and columns (in characters) count from 1."""

    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.text}"


class ScriptError(ValueError):
    """A script can't be compiled; `problems` has at least one."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class RunError(Exception):
    """A script had to be stopped: it asks for what can't be done, or is over a limit.

    The message is then kept, and nothing else of what the script asked for is done
    (RFC 5228 §2.10.6).
    """

    def __init__(self, problem: Problem, script: str = "") -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.script = script
