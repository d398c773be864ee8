"""Any script over any message: what is wrong is told, and no run goes beyond its limits."""

import time
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.sieve import HERE, at, run_programs
from pillarbox.formats.sieve import grammar
from pillarbox.formats.sieve.actions import Discard, FileInto, Keep, Note, Redirect, Reject
from pillarbox.formats.sieve.compiling import compile_script
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.extensions import EXTENSIONS
from pillarbox.formats.sieve.grammar import Kind, Word
from pillarbox.formats.sieve.limits import RunLimits, ScriptLimits
from pillarbox.formats.sieve.parser import parse_all
from pillarbox.formats.sieve.program import Inclusion, Program
from pillarbox.formats.sieve.run import Outcome
from pillarbox.formats.sieve.vocabulary import COMMANDS, TESTS

FUZZ = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
LIMITS = RunLimits(instructions=20_000)
RUN_S = 5.0
DECISIONS = (Keep, FileInto, Redirect, Discard, Reject)

WORDS = (
    *("if ", "elsif ", "else ", "keep", "stop", "require ", "not ", "anyof", "allof ", "true"),
    *("header ", "fileinto ", "foreverypart", "{", "}", "(", ")", "[", "]", ",", ";", ":is ", '"'),
    *('"a"', "text:\n", ".\n", "#", "/*", "*/", "\n", "\\", "${", "}", "${hex:41}", "1K", "99999G"),
    *('"fileinto"', "ihave ", "\r", "\ufeff", "é", ":", "_", '"${a.b}"', "\u2028", "set "),
)
SCRIPTS = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(st.sampled_from(WORDS), max_size=40).map(lambda words: "".join(words).encode()),
)
LINES = st.one_of(
    st.sampled_from(
        [
            *(b"Subject: =?utf-8?q?a=C3=A4?= b", b"From: A <a@b.test>, c@d.test", b"To: g: x@y;"),
            *(b"Date: Mon, 6 May 2024 10:11:12 +0200", b"X-A: 1", b"x-a:", b" folded", b""),
            *(b"Content-Type: multipart/mixed; boundary=a", b"--a", b"--a--", b"X\xff: \xe9"),
            *(b"Content-Type: text/html; charset=x", b"Content-Transfer-Encoding: base64"),
            *(b"Content-Type: message/rfc822", b"<p>x</p>", b"AAEC", b"Message-ID: <1@b>"),
        ]
    ),
    st.binary(max_size=20),
)
MESSAGES = st.lists(LINES, max_size=20).map(lambda lines: b"\r\n".join((*lines, b"")))
VALUES = (
    *(
        "",
        "a",
        "*",
        "?*",
        "subject",
        "from",
        "to",
        "X-A",
        "date",
        "body",
        "INBOX",
        "a/b",
        "x@y.test",
    ),
    *("${a}", "${1}${0}", "${a}${a}${a}${a}", "(a*)*b", "[a-z]+", "text/plain", "i;octet", "gt"),
    *("i;ascii-numeric", "eq", "year", "+0100", "iso8601", "mailto:x@y.test?body=a", "\\\\Seen x"),
    *("${hex:ff 00}", "\\\\Junk", "urn:ietf:params:sieve:addrbook:default", "é" * 40, "name", "5"),
    *("i;unicode-casemap", "envelope", "/private/comment", "global.a", "all", "(", "[", "a{1000}"),
)
NAMES = ("a", "b", "v1", "global.c")


class Grammar:
    """Scripts that keep to the declarations of the words, whatever their values say."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._left = 40

    def script(self) -> str:
        """A whole one."""
        without = self._random.choice(("imapflags", "imap4flags"))
        old = self._random.choice(("notify", "enotify"))
        names = sorted(EXTENSIONS - {without, old})
        return f"require [{', '.join(map(_quoted, names))}];\n" + self._commands(0)

    def sound(self, count: int) -> str:
        """A script of commands with which nothing is wrong, taken one by one."""
        head = self.script().partition("\n")[0] + "\n"
        found = []
        for _ in range(count):
            self._left = 12
            command = self._command(0)
            if compiled((head + command).encode()) is not None:
                found.append(command)
        return head + "".join(found)

    def _commands(self, depth: int) -> str:
        return "".join(self._command(depth) for _ in range(self._random.randint(1, 6)))

    def _command(self, depth: int) -> str:
        self._left -= 1
        name = self._random.choice(sorted(COMMANDS))
        if name in ("require", "elsif", "else") or depth > 4 or self._left < 0:
            return "keep;\n"
        if name == "error" and self._random.random() < 0.8:
            return ""
        word = COMMANDS[name]
        use = self._use(word, depth)
        if not word.has_block:
            return f"{use};\n"
        block = f"{use} {{\n{self._commands(depth + 1)}}}\n"
        if name == "if" and self._random.random() < 0.3:
            block += f"else {{ {self._commands(depth + 1)} }}\n"
        return block

    def _use(self, word: "Word[object]", depth: int) -> str:
        parts = [word.name]
        groups = set()
        for tag in word.tags:
            if self._random.random() < 0.25 and tag.group not in groups:
                groups.update({tag.group} - {""})
                parts.append(f":{tag.name}" + (f" {self._value(tag.value)}" if tag.value else ""))
        kinds = word.positional[self._random.randint(0, word.optional) :]
        if word.name in ("set", "global", "setflag", "addflag", "removeflag", "extracttext"):
            parts.append(_quoted(self._random.choice(NAMES)))
            kinds = kinds[1:]
        parts += map(self._value, kinds)
        if word.tests is grammar.Tests.ONE:
            parts.append(self._test(depth + 1))
        elif word.tests is grammar.Tests.LIST:
            tests = [self._test(depth + 1) for _ in range(self._random.randint(1, 3))]
            parts.append(f"({', '.join(tests)})")
        return " ".join(parts)

    def _test(self, depth: int) -> str:
        self._left -= 1
        if depth > 6 or self._left < 0:
            return "true"
        return self._use(TESTS[self._random.choice(sorted(TESTS))], depth)

    def _value(self, kind: Kind) -> str:
        if kind is Kind.NUMBER:
            return self._random.choice(("0", "1", "2", "100", "1K", "18446744073709551615"))
        if kind is Kind.STRING or self._random.random() < 0.5:
            return f'"{self._random.choice(VALUES)}"'
        values = [self._random.choice(VALUES) for _ in range(self._random.randint(1, 4))]
        return "[" + ", ".join(f'"{value}"' for value in values) + "]"


def _quoted(text: str) -> str:
    return f'"{text}"'


def compiled(script: bytes, *, explain: bool = False) -> Program | None:
    """A program; `None` where problems were told, which are looked at."""
    try:
        return compile_script(script, "s", explain=explain)
    except ScriptError as error:
        look_at(error, script)
        return None


def look_at(error: ScriptError, script: bytes) -> None:
    assert 1 <= len(error.problems) <= ScriptLimits().problems
    # Without any LF a CR ends a line.
    lines = (script.count(b"\n") or script.count(b"\r")) + 1
    for problem in error.problems:
        assert 1 <= problem.line <= lines
        assert problem.column >= 1
        assert problem.text


def check(outcome: Outcome) -> None:
    assert 0 <= outcome.instructions <= LIMITS.instructions
    assert len(outcome.steps) <= LIMITS.trace_lines
    assert any(isinstance(action, DECISIONS) for action in outcome.actions)
    if outcome.failure is not None:
        kept, *notes = outcome.actions
        assert isinstance(kept, Keep)
        assert all(isinstance(note, Note) for note in notes)
    for action in outcome.actions:
        repr(action).encode()


@FUZZ
@given(SCRIPTS, st.booleans())
def test_any_text(script: bytes, explain: bool) -> None:
    tree, problems = parse_all(script, ScriptLimits())
    program = compiled(script, explain=explain)
    assert program is None or problems == []
    for command in tree.commands:
        assert command.end >= (command.line, command.column)
    if program is not None:
        check(run_programs([program], limits=LIMITS))


@FUZZ
@given(st.randoms(use_true_random=False), MESSAGES, st.booleans(), st.booleans())
def test_any_script(random: Random, message: bytes, explain: bool, in_mailbox: bool) -> None:
    words = Grammar(random)
    script = (words.script() if random.random() < 0.2 else words.sound(12)).encode()
    program = compiled(script, explain=explain)
    if program is None:
        return
    here = at(HERE, in_mailbox=in_mailbox, flags=("\\Seen",) if in_mailbox else ())
    included: dict[Inclusion, Program | None] = dict.fromkeys(program.inclusions, program)
    begun = time.process_time()
    check(run_programs([program, program], message, here, None, included, LIMITS))
    assert time.process_time() - begun < RUN_S


@FUZZ
@given(st.randoms(use_true_random=False), MESSAGES)
def test_each_word_alone(random: Random, message: bytes) -> None:
    """Most of the scripts above have something wrong in them somewhere; of these few have."""
    words = Grammar(random)
    head = words.script().partition("\n")[0]
    for _ in range(10):
        one = words._test(5) if random.random() < 0.6 else None
        text = f"if {one} {{ keep; }}" if one else words._command(4)
        program = compiled(f"{head}\n{text}".encode())
        if program is not None:
            check(run_programs([program], message, HERE, None, {}, LIMITS))
        words._left = 10
