"""Names of mailboxes as scripts give them."""

import re
import unicodedata

from pillarbox.base.errors import GrammarError

MAX_CHARACTERS = 1_000
MAX_LEVELS = 32
MAX_LEVEL_CHARACTERS = 255
SEPARATOR = "/"
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f]")
# Octets of `${hex:…}` that are no UTF-8 have become U+FFFD (RFC 5228 §2.4.2.4).
_BROKEN = re.compile("[\ufffd\ud800-\udfff]")
_SPECIAL_USE = re.compile(r"\\[!#$&'+\-.0-9A-Za-z^_`|~]{1,100}\Z")
_MAILBOX_ID = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")


def check_text(name: str) -> None:
    """Raise GrammarError for what is no text fit for a name: empty, not UTF-8, too long."""
    if not name.strip():
        raise GrammarError("the name of a mailbox can't be empty")
    if not name.isascii() and _BROKEN.search(name):
        raise GrammarError("the name of a mailbox has to be UTF-8")
    if _UNFIT.search(name):
        raise GrammarError("the name of a mailbox can't hold control characters")
    if len(name) > MAX_CHARACTERS:
        raise GrammarError(f"the name of a mailbox has at most {MAX_CHARACTERS} characters")


def mailbox_name(name: str) -> str:
    """A name by which there can be a mailbox, in NFC; GrammarError says what is wrong with it."""
    check_text(name)
    name = unicodedata.normalize("NFC", name)
    levels = name.split(SEPARATOR)
    if not all(level.strip() for level in levels):
        raise GrammarError("a level of the mailbox name is empty")
    if len(levels) > MAX_LEVELS:
        raise GrammarError(f"the name of a mailbox has at most {MAX_LEVELS} levels")
    if any(len(level) > MAX_LEVEL_CHARACTERS for level in levels):
        raise GrammarError("a level of the mailbox name is too long")
    return name


def folded(name: str) -> str:
    """The name with INBOX as its first level in capitals (RFC 9051 §5.1)."""
    first, sign, rest = name.partition(SEPARATOR)
    return f"INBOX{sign}{rest}" if first.isascii() and first.upper() == "INBOX" else name


def special_use(text: str) -> str:
    """A special use such as `\\\\Junk` (RFC 6154 §2); raises GrammarError."""
    if not _SPECIAL_USE.match(text):
        raise GrammarError('a special use is a word after a backslash, such as "\\\\Junk"')
    return text


def mailbox_id(text: str) -> str:
    """An id as MAILBOXID gives it (RFC 8474 §7); raises GrammarError."""
    if not _MAILBOX_ID.match(text):
        raise GrammarError("that is no id of a mailbox")
    return text
