"""Commands that do much pay for it: no script works on and on over a message of many parts."""

import time

import pytest

from kit.sieve import LIMITS, run_script
from pillarbox.formats.sieve.actions import Keep

NEEDS = (
    'require ["variables", "foreverypart", "imap4flags", "fileinto", "enotify", "vacation", '
    '"regex", "editheader", "replace", "enclose", "extracttext"];\n'
)
PART = b"--x\r\nContent-Type: text/plain\r\n\r\nx\r\n"
MANY = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + PART * 990 + b"--x--\r\n"
LONG = f'set "x" "{"( " * 2000}"; set "u" "mailto:a@b.org?{"&".join(["x=%20"] * 20)}";'
ALL = ", ".join(['"${x}"'] * 900)


@pytest.mark.parametrize(
    "script",
    [
        f"foreverypart {{ setflag [{ALL}]; }}",
        f"foreverypart {{ keep :flags [{ALL}]; }}",
        f'vacation :addresses [{ALL}] "x";',
        "foreverypart { " + 'set :quotewildcard "z" "${x}${x}${x}${x}";' * 100 + " }",
        "foreverypart { " + 'set :encodeurl "z" "${x}${x}${x}${x}";' * 100 + " }",
        "foreverypart { " + 'notify "${u}";' * 100 + " }",
        "foreverypart { " + 'extracttext "z";' * 100 + " }",
        "".join(f'fileinto "{n}";' for n in range(32))
        + "foreverypart { "
        + 'fileinto "31";' * 100
        + " }",
    ],
)
def test_it_is_stopped(script: str) -> None:
    outcome = run_script(NEEDS + LONG + script, MANY)
    assert "too many steps" in str(outcome.failure)
    assert [type(action) for action in outcome.actions] == [Keep]
    assert outcome.instructions == LIMITS.instructions


FIELDS = b"".join(b"X%d: a\r\n" % n for n in range(20_000)) + b"\r\nx"
HTML = b"Content-Type: text/html\r\n\r\n" + b"<p>a&amp;b " * 300_000
SECONDS = 4.0


@pytest.mark.parametrize(
    ("script", "mail"),
    [
        ('addheader "y" "z"; if header "x1" "b" {}', FIELDS),
        ('deleteheader "y"; if header "x1" "b" {}', FIELDS),
        ('replace "y"; if body "q" {}', FIELDS),
        ('enclose "y"; if body "q" {} foreverypart {}', HTML),
        ('foreverypart { extracttext "z"; }', HTML),
        ("foreverypart { " + "".join(f'addflag "x{n}";' for n in range(70)) * 3 + " }", MANY),
    ],
)
def test_dear_commands_cost_much(script: str, mail: bytes) -> None:
    needs = NEEDS.replace('"regex"', '"regex", "body"')
    begun = time.process_time()
    outcome = run_script(needs + script * (20_000 // len(script)), mail)
    assert "too many steps" in str(outcome.failure)
    assert time.process_time() - begun < SECONDS


@pytest.mark.parametrize("edit", ['enclose "x";', 'replace "y";', 'addheader "X" "y";'])
def test_edits_in_a_loop_are_counted(edit: str) -> None:
    outcome = run_script(f"{NEEDS}foreverypart {{ {edit} }}", MANY)
    assert "is edited at most 100 times" in str(outcome.failure)


def test_parts_of_an_enclosed_message_are_left_alone() -> None:
    script = 'foreverypart { replace "one"; enclose "two"; break; }'
    (keep,) = run_script(NEEDS + script, MANY).actions
    assert isinstance(keep, Keep)
    assert keep.content is not None
    assert keep.content.count(b"message/rfc822") == 1
