"""Checking a tree against the vocabulary, and building what runs from it (RFC 5228 §2.10)."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import TypeVar

from pillarbox.formats.sieve.checking_arguments import read_arguments
from pillarbox.formats.sieve.commands.control import Branch, block_of, branching
from pillarbox.formats.sieve.errors import Problem, ScriptError
from pillarbox.formats.sieve.extensions import CONTRARY, IMPLIED, NEEDED, NOT_TESTED_FOR
from pillarbox.formats.sieve.grammar import Call, Check, Step, Tests, Word
from pillarbox.formats.sieve.inclusion import Inclusion
from pillarbox.formats.sieve.limits import ScriptLimits
from pillarbox.formats.sieve.questions import Question
from pillarbox.formats.sieve.run import Run
from pillarbox.formats.sieve.syntax import (
    Command,
    Place,
    Script,
    Test,
    Text,
    TextList,
    shown_test,
)
from pillarbox.formats.sieve.texts import variable_key
from pillarbox.formats.sieve.vocabulary import COMMANDS, TESTS

Built = TypeVar("Built")
_LOOP = "foreverypart"
HINTED = 64
"""Names longer than this are like no other."""


class Checker:
    """What is known of one script while it is compiled: the `Scope` of all its words."""

    def __init__(self, limits: ScriptLimits, available: frozenset[str], explain: bool) -> None:
        self.limits = limits
        self.extensions: frozenset[str] = frozenset()
        self.loops: tuple[str, ...] = ()
        self.depth = 0
        self.globals: set[str] = set()
        self.problems: list[Problem] = []
        self.questions: dict[Question, None] = {}
        self.inclusions: dict[Inclusion, None] = {}
        self._available = available
        self._explain = explain
        self._hints_left = limits.problems
        self._regex_size = 0
        self._required: dict[str, Place] = {}
        self._may_require = True
        self._guarded = False
        """An ihave around has found something missing: what is wrong is so only if it runs."""
        self._missing = False
        self._has_missed = False
        self._strange: set[Problem] = set()
        """What may be of an extension that an ihave above has not found (RFC 5463 §4)."""
        self._assigned: set[str] = set()

    # What words see of it

    def ask(self, question: Question) -> None:
        """Note a question that the run will have."""
        self.questions[question] = None

    def variable(self, name: str) -> str:
        """The key of a variable that scripts may set; raises `ValueError`."""
        key = variable_key(name, self)
        self._assigned.add(key)
        return key

    def declare_global(self, name: str) -> None:
        """Let a name stand for the global variable; raises `ValueError`."""
        if "variables" not in self.extensions:
            raise ValueError('global variables need: require "variables";')
        if "." in name:
            raise ValueError(f'"{name[:64]}" is not a name of a variable')
        if variable_key(name, self) in self._assigned and name.lower() not in self.globals:
            raise ValueError(f'"{name}" is set above already; "global" has to come before')
        self.globals.add(name.lower())

    def include(self, inclusion: Inclusion) -> None:
        """Note a script that this one includes."""
        self.inclusions[inclusion] = None

    def hold(self, regex_size: int) -> None:
        """Count a regular expression that is kept; raises `ValueError`."""
        self._regex_size += regex_size
        if self._regex_size > self.limits.regex_size:
            raise ValueError("the regular expressions of this script are too large together")

    def enable(self, extensions: Sequence[str]) -> bool:
        """Make extensions usable from here on, as ihave does; raises `ValueError`."""
        if NOT_TESTED_FOR.isdisjoint(extensions) and self._available.issuperset(extensions):
            for extension in extensions:
                self._use(extension)
            return True
        self._missing = self._has_missed = True
        return False

    def _use(self, extension: str) -> None:
        used = {*self.extensions, extension, *IMPLIED.get(extension, ())}
        for pair in CONTRARY:
            if extension in pair and used.issuperset(pair):
                other = pair[0] if extension == pair[1] else pair[1]
                raise ValueError(f'"{extension}" can\'t be used together with "{other}"')
        self.extensions = frozenset(used)

    def report(self, place: Place, text: str) -> None:
        """Tell a problem."""
        self.problems.append(Problem(*place, text))

    def hint(self, name: str, known: Iterable[str], before: str = "", after: str = "") -> str:
        """What may have been meant: text to append, or nothing; only so often, as it is slow."""
        if len(name) > HINTED or not self._hints_left:
            return ""
        self._hints_left -= 1
        close = get_close_matches(name, list(known), 1, 0.75)
        return f"; did you mean {before}{close[0]}{after}?" if close else ""

    def need(self, extension: str, place: Place, what: str) -> None:
        """Tell what has to be required to use something of that extension, if it is not."""
        names = extension.split()
        if not names or not self.extensions.isdisjoint(names):
            return
        found = [name for name in names if name in self._available]
        if found:
            self.report(place, f'{what} needs at the top of the script: require "{found[0]}";')
            return
        self.report(place, f'{what} needs the extension "{names[0]}", which is not available here')
        self._strange.add(self.problems[-1])

    def _is_deferred(self, before: int) -> bool:
        """Whether what is wrong since is so only if it runs."""
        new = self.problems[before:]
        if self._guarded or self._missing:
            return bool(new)
        return bool(new) and self._has_missed and self._strange.issuperset(new)

    # Commands

    def script(self, script: Script) -> Step:
        """Build a whole script; what is wrong stands in `problems`."""
        steps = self._commands(script.commands)
        for extension, place in self._required.items():
            needed = NEEDED.get(extension)
            if needed is not None and needed not in self.extensions:
                self.report(place, f'"{extension}" needs also: require "{needed}";')
        return block_of(steps, 1)

    def _commands(self, commands: Sequence[Command]) -> list[Step]:
        steps: list[Step] = []
        at = 0
        while at < len(commands) and len(self.problems) < self.limits.problems:
            command = commands[at]
            at += 1
            if command.name == "require":
                self._require(command)
                continue
            self._may_require = False
            if command.name in ("if", "elsif", "else"):
                chain = [command]
                while at < len(commands) and commands[at].name in ("elsif", "else"):
                    chain.append(commands[at])
                    at += 1
                steps.append(self._chain(chain))
            else:
                steps.append(self._guarded_command(command))
        return steps

    def _guarded_command(self, command: Command) -> Step:
        """A command; where an ihave guards it, its problems are those of a run."""
        before = len(self.problems)
        step = self._command(command)
        if self._is_deferred(before):
            problem = self.problems[before]
            del self.problems[before:]
            return _failing(problem)
        return step or _failing(Problem(1, 1, "this command is not complete"))

    def _command(self, command: Command) -> Step | None:
        word = COMMANDS.get(command.name)
        if word is None:
            self._unknown(command)
            if command.block is not None:
                self._block(command)
            return None
        call = self._call(word, command, command.tests, command.listed, command.faulty)
        if not command.faulty and (command.block is not None) != word.has_block:
            self._wrong_block(command, word.has_block)
            return None
        loops = self.loops
        if command.name == _LOOP:
            name = call.texts("name") if call is not None else None
            self.loops = (*loops, name.constant[0] if name and name.constant else "")
        block = self._block(command) if command.block is not None else None
        step = self._built(word, call, block)
        self.loops = loops
        return step

    def _built(
        self, word: Word[Built], call: "Call | None", block: Step | None = None
    ) -> Built | None:
        if call is None:
            return None
        if block is not None:
            call = Call(
                *(call.word, call.line, call.column, call.tags, call.arguments, call.checks),
                *(block, call.scope, call.places),
            )
        try:
            return word.build(call)
        except ScriptError as error:
            self.problems += error.problems
            return None

    def _block(self, command: Command) -> Step:
        self.depth += 1
        found = command.block.commands if command.block else ()
        steps = self._commands(found)
        self.depth -= 1
        return block_of(steps, command.line)

    def _wrong_block(self, command: Command, wanted: bool) -> None:
        if wanted:
            text = f"'{command.name}' needs a block: {{ … }}"
            self.report((command.line, command.column), text)
        elif command.block is not None:
            text = f"'{command.name}' takes no block; a ';' is expected here"
            self.report((command.block.line, command.block.column), text)

    # Chains of if, elsif and else

    def _chain(self, chain: Sequence[Command]) -> Step:
        guarded, missing = self._guarded, self._missing
        self._missing = False
        branches: list[Branch] = []
        ended = False
        for number, command in enumerate(chain):
            place = (command.line, command.column)
            if number == 0 and command.name != "if":
                self.report(place, f"'{command.name}' without an 'if' before it")
                ended = True
            elif ended and chain[0].name == "if":
                self.report(place, f"'{command.name}' after 'else'")
            branch = self._branch(command)
            if branch is not None:
                branches.append(branch)
            ended = ended or command.name == "else"
        self._guarded, self._missing = guarded, missing
        return branching(branches) if branches else block_of((), chain[0].line)

    def _branch(self, command: Command) -> Branch | None:
        word = COMMANDS[command.name]
        call = self._call(word, command, command.tests, command.listed, command.faulty)
        self._guarded = self._guarded or self._missing
        if not command.faulty and command.block is None:
            self._wrong_block(command, wanted=True)
        block = self._block(command)
        if call is None:
            return None
        return Branch(command.line, call.checks[0] if call.checks else None, block)

    # Tests

    def _checks(
        self, word: Word[Built], place: Place, tests: Sequence[Test], listed: bool
    ) -> tuple[Check, ...] | None:
        if word.tests is Tests.NONE and tests:
            self._extra_test(word, tests[0], listed)
            return None
        if word.tests is Tests.ONE and (listed or len(tests) != 1):
            found = "a list of tests" if listed else "none"
            self.report(place, f"'{word.name}' needs one test, not {found}")
            return None
        if word.tests is Tests.LIST and not listed:
            self.report(place, f"'{word.name}' needs a list of tests: ({_EXAMPLE})")
            return None
        checks = [self._test(test) for test in tests]
        built = tuple(one for one in checks if one is not None)
        return built if len(built) == len(checks) else None

    def _extra_test(self, word: Word[Built], test: Test, listed: bool) -> None:
        place = (test.line, test.column)
        if word.name == "else" and test.name == "if":
            text = "write 'elsif' for 'else if'"
        elif not listed and test.name in COMMANDS and word.name in COMMANDS:
            text = f"';' is missing before '{test.name}', after the command '{word.name}'"
        else:
            text = f"'{word.name}' takes no test; a ';' is expected before '{test.name}'"
        self.report(place, text)

    def _test(self, test: Test) -> Check | None:
        before = len(self.problems)
        check = self._plain_test(test)
        # What an ihave to the left has missed is not looked at before it runs either.
        if self._is_deferred(before):
            problem = self.problems[before]
            del self.problems[before:]
            return _failing_check(problem)
        return check

    def _plain_test(self, test: Test) -> Check | None:
        if len(self.problems) >= self.limits.problems:
            return None
        word = TESTS.get(test.name)
        if word is None:
            self._unknown_test(test)
            return None
        check = self._built(word, self._call(word, test, test.tests, test.listed, False))
        if check is None or not self._explain:
            return check
        return _explained(check, test)

    def _unknown_test(self, test: Test) -> None:
        place = (test.line, test.column)
        if test.name in COMMANDS:
            self.report(place, f"'{test.name}' is a command; a test is expected here")
        else:
            self._strange_word(place, "test", test.name, TESTS)

    def _unknown(self, command: Command) -> None:
        place = (command.line, command.column)
        if command.name in TESTS:
            self.report(place, f"'{command.name}' is a test; it belongs after 'if'")
        else:
            self._strange_word(place, "command", command.name, COMMANDS)

    def _strange_word(self, place: Place, kind: str, name: str, known: Iterable[str]) -> None:
        more = self.hint(name, known, "'", "'")
        self.report(place, f"there is no {kind} '{name}'{more}")
        if not more:
            self._strange.add(self.problems[-1])

    def _call(
        self,
        word: Word[Built],
        use: Command | Test,
        tests: Sequence[Test],
        listed: bool,
        faulty: bool,
    ) -> Call | None:
        if faulty:
            return None
        place = (use.line, use.column)
        before = len(self.problems)
        self.need(word.extension, place, f"'{word.name}'")
        given = read_arguments(word, place, use.arguments, self)
        checks = self._checks(word, place, tests, listed)
        if given is None or checks is None or len(self.problems) > before:
            return None
        return Call(
            *(word.name, use.line, use.column, given.tags, tuple(given.positional), checks),
            *(None, self, given.places),
        )

    # Extensions

    def _require(self, command: Command) -> None:
        place = (command.line, command.column)
        if self.depth:
            self.report(place, "'require' can't stand in a block")
        elif not self._may_require:
            self.report(place, "'require' must stand before all other commands")
        if command.faulty:
            return
        call = self._call(COMMANDS["require"], command, command.tests, command.listed, False)
        if command.block is not None:
            self._wrong_block(command, wanted=False)
        if call is None:
            return
        for argument in command.arguments:
            items = argument.items if isinstance(argument, TextList) else (argument,)
            for item in items:
                if isinstance(item, Text):
                    self._require_one(item)

    def _require_one(self, item: Text) -> None:
        name, place = item.value, (item.line, item.column)
        if name in self._available:
            self._required[name] = place
            try:
                self._use(name)
            except ValueError as error:
                self.report(place, str(error))
            return
        if name in COMMANDS and not COMMANDS[name].extension:
            self.report(place, f'"{name}" is there in any case and can\'t be required')
            return
        more = self.hint(name, self._available, '"', '"')
        self.report(place, f'the extension "{name[:64]}" is not available{more}')


_EXAMPLE = "test, test, …"


def _failing(problem: Problem) -> Step:
    def step(run: Run) -> None:
        raise run.error(problem.line, problem.text, problem.column)

    return step


def _failing_check(problem: Problem) -> Check:
    def check(run: Run) -> bool:
        raise run.error(problem.line, problem.text, problem.column)

    return check


def _explained(check: Check, test: Test) -> Check:
    line, text = test.line, shown_test(test)
    told: Mapping[bool, str] = {True: f"{text}: true", False: f"{text}: false"}

    def explained(run: Run) -> bool:
        found = check(run)
        run.note(line, told[found])
        return found

    return explained
