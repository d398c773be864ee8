"""What a test of a script says of a message."""

from kit.sieve import HERE, LIMITS, MAIL, Answers, run_script
from pillarbox.formats.sieve.actions import FileInto
from pillarbox.formats.sieve.limits import RunLimits
from pillarbox.formats.sieve.run import Outcome
from pillarbox.formats.sieve.surroundings import Surroundings

REQUIRE = (
    'require ["fileinto", "variables", "envelope", "relational", "comparator-i;ascii-numeric",'
    ' "comparator-i;unicode-casemap", "subaddress", "imap4flags", "body", "date", "index",'
    ' "mailbox", "mailboxid", "mboxmetadata", "servermetadata", "special-use", "environment",'
    ' "regex", "duplicate", "mime", "foreverypart", "spamtest", "spamtestplus", "virustest",'
    ' "enotify", "extlists", "editheader", "replace", "enclose"];\n'
)


def outcome_of(
    test: str,
    message: bytes = MAIL,
    here: Surroundings = HERE,
    answers: Answers | None = None,
    limits: RunLimits = LIMITS,
    *,
    before: str = "",
) -> Outcome:
    """What comes of a script that files into "yes" or "no", then what was matched."""
    then = 'fileinto "yes"; fileinto "${0}|${1}|${2}|${3}";'
    script = f'{REQUIRE}{before}\nif {test} {{ {then} }} else {{ fileinto "no"; }}'
    return run_script(script, message, here, answers, limits=limits)


def filed(outcome: Outcome) -> list[str]:
    """The mailboxes of what succeeded."""
    assert outcome.failure is None, outcome.failure
    return [action.mailbox for action in outcome.actions if isinstance(action, FileInto)]


def holds(test: str, message: bytes = MAIL, here: Surroundings = HERE, **options: object) -> bool:
    """Whether a test is true."""
    return filed(outcome_of(test, message, here, **options))[0] == "yes"  # type: ignore[arg-type]


def matched(test: str, message: bytes = MAIL, here: Surroundings = HERE) -> list[str]:
    """The match values `${0}` to `${3}` behind a test that is true."""
    return filed(outcome_of(test, message, here))[1].split("|")


def fields(*lines: str, body: str = "body\n") -> bytes:
    """A message with these header fields."""
    return ("\n".join(lines) + "\n\n" + body).replace("\n", "\r\n").encode()
