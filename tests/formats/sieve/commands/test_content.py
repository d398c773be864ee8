"""extracttext, replace, enclose (RFC 5703): what is read of a message, and what it becomes."""

import email
import email.policy
from email.message import EmailMessage

import pytest

from kit.sieve import LIMITS, problems_of, run_script
from pillarbox.formats.sieve.actions import FileInto, Keep, Note, Redirect
from pillarbox.formats.sieve.run import Outcome

NEEDS = (
    'require ["foreverypart", "mime", "variables", "extracttext", "replace", "enclose", "copy", '
    '"editheader", "fileinto", "vnd.pillarbox.trace"];\n'
)
PLAIN = b"From: a@example.org\r\nSubject: Old\r\nMessage-ID: <1@example.org>\r\n\r\nHello\r\n"
MIXED = (
    b"From: =?utf-8?Q?M=C3=BCller=2C_Jan?= <jan@example.org>\r\nTo: b@example.org\r\n"
    b"Subject: Two\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n'
    b"--x\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n"
    b"--x\r\nContent-Type: text/html\r\n\r\n<p>Some <b>bold</b> text</p>\r\n"
    b"--x\r\nContent-Type: application/x-msdownload\r\n\r\nMZ\r\n--x--\r\n"
)


def notes(outcome: Outcome) -> list[str]:
    assert outcome.failure is None
    return [action.text for action in outcome.actions if isinstance(action, Note)]


def kept(script: str, message: bytes) -> EmailMessage:
    outcome = run_script(NEEDS + script, message)
    assert outcome.failure is None
    (content,) = (action.content for action in outcome.actions if isinstance(action, Keep))
    read = email.message_from_bytes(content or message, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    assert not read.defects
    return read


# extracttext


def test_the_text_of_each_part() -> None:
    outcome = run_script(NEEDS + 'foreverypart { extracttext "x"; trace "<${x}>"; }', MIXED)
    found = [note.strip("<> ") for note in notes(outcome)]
    assert found == ["", "Gr\u00fc\u00dfe", "Some bold text", ""]


def test_its_beginning_and_modifiers() -> None:
    script = 'foreverypart { extracttext :upper :first 4 "x"; trace "<${x}>"; }'
    assert notes(run_script(NEEDS + script, PLAIN)) == ["<HELL>"]
    script = 'foreverypart { extracttext :first 0 "x"; trace "<${x}>"; }'
    assert notes(run_script(NEEDS + script, PLAIN)) == ["<>"]


def test_a_long_text_is_cut() -> None:
    script = 'foreverypart { extracttext "x"; set :length "n" "${x}"; trace "${n}"; }'
    outcome = run_script(NEEDS + script, b"Subject: x\r\n\r\n" + b"y" * (1 << 20))
    assert notes(outcome) == [str(LIMITS.variable_characters)]


def test_much_markup_is_too_much() -> None:
    part = b"--x\r\nContent-Type: text/html\r\n\r\n" + b"<p>x</p>" * 8192 + b"\r\n"
    many = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + part * 300 + b"--x--\r\n"
    outcome = run_script(NEEDS + 'foreverypart { extracttext "x"; }', many)
    assert "too many steps" in str(outcome.failure)


def test_it_sees_what_was_replaced() -> None:
    script = 'foreverypart { replace "New"; extracttext "x"; trace "<${x}>"; break; }'
    assert notes(run_script(NEEDS + script, PLAIN)) == ["<New>"]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ('extracttext "x";', "column 1: extracttext can be used in foreverypart only"),
        ('foreverypart { extracttext "1"; }', "column 28: "),
        ('foreverypart { extracttext "${x}"; }', "column 28: "),
        ('foreverypart { extracttext :first "x" "y"; }', "column 28: "),
        ('foreverypart { extracttext :lower :upper "y"; }', "column 35: "),
        ('replace :from "x" "y";', "column 9: that is not an address"),
        ('replace :mime "y";', "column 15: a MIME entity begins with fields"),
        ('replace :mime :subject "s" "y";', "column 15: :subject can't be used together with"),
        ('enclose :headers ["To", "a b"] "y";', 'column 9: "a b" is no name of a header field'),
        ("enclose;", "column 1: "),
    ],
)
def test_refusals(script: str, told: str) -> None:
    (problem,) = problems_of(NEEDS + script)
    assert problem.startswith(f"line 2, {told}")


# replace


def test_a_part_is_replaced() -> None:
    script = 'foreverypart { if header :mime :contenttype "content-type" "application/x-msdownload"'
    message = kept(f'{script} {{ replace "It was \u00fcbel."; }} }}', MIXED)
    parts = list(message.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html", "text/plain"]
    assert parts[2].get_content().strip() == "It was \u00fcbel."
    assert parts[0].get_content().strip() == "Gr\u00fc\u00dfe"
    assert message["Subject"] == "Two"


def test_the_message_is_replaced() -> None:
    message = kept('replace :subject "N\u00fc" :from "J\u00fc A <j@example.org>" "Body";', MIXED)
    assert message["Subject"] == "N\u00fc"
    assert message["From"].addresses[0].addr_spec == "j@example.org"
    assert message["Original-Subject"] == "Two"
    assert "jan@example.org" in str(message["Original-From"])
    assert message.get_all("Subject") == ["N\u00fc"]
    assert message["To"] == "b@example.org"
    assert message.get_content_type() == "text/plain"
    assert message.get_content().strip() == "Body"
    assert message.get_all("MIME-Version") == ["1.0"]


def test_the_message_keeps_its_subject() -> None:
    message = kept('replace "Body";', PLAIN)
    assert (message["Subject"], message["Message-ID"]) == ("Old", "<1@example.org>")


def test_by_an_entity() -> None:
    message = kept('replace :mime "Content-Type: text/html\r\n\r\n<p>x</p>";', PLAIN)
    assert message.get_content_type() == "text/html"


def test_a_name_with_quotes_in_from() -> None:
    message = kept('replace :from "\\"B, S\\" <s@example.org>" "x";', PLAIN)
    (address,) = message["From"].addresses
    assert (address.display_name, address.addr_spec) == ("B, S", "s@example.org")


# enclose


def test_the_message_is_enclosed() -> None:
    message = kept('enclose :subject "[spam] ${x}Two" :headers ["from", "To"] "Look out";', MIXED)
    assert message["Subject"] == "[spam] Two"
    assert message["From"].addresses[0].addr_spec == "jan@example.org"
    assert message["From"].addresses[0].display_name == "M\u00fcller, Jan"
    assert message["To"] == "b@example.org"
    assert message["Date"].datetime.year == 2024
    assert message["Date"].datetime.month == 5
    text, inner = message.iter_parts()
    assert text.get_content().strip() == "Look out"
    assert inner.get_content_type() == "message/rfc822"
    assert inner.get_payload(0)["Subject"] == "Two"  # type: ignore[union-attr]


def test_without_arguments() -> None:
    message = kept('enclose "Look out";', PLAIN)
    assert message["Subject"] == "Old"
    assert message["From"].addresses[0].addr_spec == "test@example.com"
    assert message["Message-ID"] is None


def test_what_makes_its_structure_is_not_copied() -> None:
    message = kept('enclose :headers ["Content-Type", "MIME-Version", "Subject"] "x";', MIXED)
    assert message.get_all("Content-Type") == message.get_all("Content-Type")[:1]  # type: ignore[index]
    assert message.get_content_type() == "multipart/mixed"
    assert message.get_all("Subject") == ["Two"]


def test_enclosed_twice() -> None:
    message = kept('enclose "a"; enclose "b";', PLAIN)
    inner = list(message.iter_parts())[1].get_payload(0)
    assert inner.get_content_type() == "multipart/mixed"  # type: ignore[union-attr]


def test_enclosing_a_large_message_again_and_again() -> None:
    large = b"Subject: x\r\n\r\n" + b"x" * (8 << 20)
    outcome = run_script(NEEDS + 'enclose "x";' * 50, large)
    assert "too many steps" in str(outcome.failure)


# What redirect sends


@pytest.mark.parametrize("edit", ['replace "x"', 'enclose "x"'])
def test_redirect_sends_what_came(edit: str) -> None:
    outcome = run_script(f'{NEEDS}{edit}; redirect "a@b.org"; fileinto "X";', PLAIN)
    sent, filed = outcome.actions
    assert isinstance(sent, Redirect)
    assert isinstance(filed, FileInto)
    assert sent.content is None
    assert filed.content not in (None, PLAIN)


@pytest.mark.parametrize(
    "script",
    [
        'addheader "X-A" "1"; replace "x"; redirect "a@b.org";',
        'replace "x"; addheader "X-A" "1"; redirect "a@b.org";',
        'enclose "x"; addheader "X-A" "1"; redirect "a@b.org";',
        'addheader "X-A" "1"; enclose "x"; addheader "X-B" "2"; deleteheader "X-B"; '
        'redirect "a@b.org";',
    ],
)
def test_with_the_header_as_it_is_now(script: str) -> None:
    (sent,) = run_script(NEEDS + script, PLAIN).actions
    assert isinstance(sent, Redirect)
    assert sent.content == b"X-A: 1\r\n" + PLAIN


def test_no_more_than_so_many_edits() -> None:
    outcome = run_script(NEEDS + 'replace "x";\n' * (LIMITS.header_edits + 1), PLAIN)
    assert str(outcome.failure) == "line 102, column 1: a message is edited at most 100 times"
