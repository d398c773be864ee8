"""What may stand in the texts of rules."""

import re
import unicodedata

from pillarbox.base.errors import GrammarError, Invalid
from pillarbox.formats.sieve.addresses import outgoing_address
from pillarbox.formats.sieve.mailbox_names import mailbox_name

VALUE_CHARACTERS = 1000
NAME_CHARACTERS = 128
TEXT_CHARACTERS = 9000
MAILBOX_CHARACTERS = 500
SHOWN = 40

_FIELD_NAME = re.compile(r"[!-9;-~]{1,76}\Z")
_ZONE = re.compile(r"[+-](?:0\d|1[0-4])[0-5]\d\Z")
_LINE_ENDS = re.compile(r"\r\n?")
_SYSTEM_FLAGS = {
    flag.lower(): flag for flag in ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")
}
# An atom (RFC 9051 §9) that is ASCII, as keywords are.
_KEYWORD = re.compile(r"[!#$&'+-\[^-z|}~]{1,100}\Z")


def shown(text: str) -> str:
    """A text in quotes for an error, shortened."""
    return repr(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…")


def clean(what: str, text: str, most: int, *, empty: bool = False) -> str:
    """A text with line ends `\\n`; `Invalid` where it is too long or has control characters."""
    text = _LINE_ENDS.sub("\n", text)
    if not text and not empty:
        raise Invalid(f"{what} is empty")
    # A line end is two characters in a script.
    size = len(text) + text.count("\n")
    if size > most:
        raise Invalid(f"{what} has {size} characters, at most {most} are possible")
    for character in text:
        if character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cs"):
            raise Invalid(f"{what} has a control character (U+{ord(character):04X})")
    return text


def one_line(what: str, text: str, most: int = NAME_CHARACTERS, *, empty: bool = False) -> str:
    """A text of one line without blanks around it; `Invalid` where it is none."""
    text = clean(what, text, most, empty=empty)
    if any(unicodedata.category(one) in ("Cc", "Zl", "Zp") for one in text):
        raise Invalid(f"{what} must be a single line")
    if text != text.strip():
        raise Invalid(f"{what} begins or ends with a blank: {shown(text)}")
    return text


def values(what: str, given: tuple[str, ...], most: int, *, empty: bool = False) -> tuple[str, ...]:
    """Texts to compare with; `Invalid` where there are none or too many, or one can't be."""
    count(what, given, most)
    return tuple(clean(f"A text of {what}", one, VALUE_CHARACTERS, empty=empty) for one in given)


def count(what: str, given: tuple[object, ...], most: int, least: int = 1) -> None:
    """`Invalid` where there are too few or too many of something."""
    if len(given) < least:
        raise Invalid(f"{what} is missing")
    if len(given) > most:
        raise Invalid(f"{what}: {len(given)} are too many, at most {most} are possible")


def field_names(given: tuple[str, ...], most: int) -> tuple[str, ...]:
    """Names of header fields; `Invalid` where one can't be (RFC 5322 §2.2)."""
    count("The header field to look at", given, most)
    for name in given:
        if not _FIELD_NAME.match(name):
            raise Invalid(f"{shown(name)} is not the name of a header field")
    return given


def zone(given: str) -> str:
    """A time zone as `+0100`; empty for the server's."""
    if given and not _ZONE.match(given):
        raise Invalid(f"{shown(given)} is not a time zone; say for example +0100")
    return given


def address(given: str) -> str:
    """An address that mail can be sent to, without name; `Invalid` for anything else."""
    try:
        parsed, name = outgoing_address(given)
    except GrammarError as error:
        raise Invalid(f"{shown(given)} is not an address (user@domain)", str(error)) from error
    if name:
        raise Invalid(f"{shown(given)} has a name; give the address alone: {parsed}")
    return str(parsed)


def mailbox(given: str) -> str:
    """The name of a mailbox, its levels parted by `/`; `Invalid` where it can't be one."""
    try:
        return mailbox_name(one_line("The name of a mailbox", given, MAILBOX_CHARACTERS))
    except GrammarError as error:
        raise Invalid(f"{shown(given)} is not possible: {error}") from error


def flag(given: str) -> str:
    """A flag or keyword, system flags spelled as RFC 9051 does; `Invalid` where it is none."""
    if given.startswith("\\"):
        found = _SYSTEM_FLAGS.get(given.lower())
        if found is None:
            raise Invalid(f"{shown(given)} is not a flag; there are {', '.join(known_flags())}")
        return found
    if not _KEYWORD.match(given):
        raise Invalid(f"{shown(given)} can't be a keyword: letters, digits and - are fine")
    return given


def known_flags() -> list[str]:
    """The system flags that can be set."""
    return list(_SYSTEM_FLAGS.values())
