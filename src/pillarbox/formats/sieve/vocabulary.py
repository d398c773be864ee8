"""All words of the language, and the extensions that scripts may require."""

from collections.abc import Mapping
from types import MappingProxyType

from pillarbox.formats.sieve.commands import (
    content,
    control,
    delivery,
    editheader,
    flags,
    notifying,
    rejecting,
    trace,
    vacation,
    variables,
)
from pillarbox.formats.sieve.conditions import (
    body,
    date,
    duplicate,
    envelope,
    environment,
    header,
    logic,
    mailboxes,
    methods,
    plain,
    verdicts,
)
from pillarbox.formats.sieve.grammar import Check, Step, Word

_COMMAND_WORDS: tuple[tuple[Word[Step], ...], ...] = (
    content.WORDS,
    control.WORDS,
    delivery.WORDS,
    editheader.WORDS,
    flags.WORDS,
    notifying.WORDS,
    rejecting.WORDS,
    trace.WORDS,
    vacation.WORDS,
    variables.WORDS,
)
_TEST_WORDS: tuple[tuple[Word[Check], ...], ...] = (
    body.WORDS,
    date.WORDS,
    duplicate.WORDS,
    environment.WORDS,
    envelope.WORDS,
    header.WORDS,
    logic.WORDS,
    mailboxes.WORDS,
    methods.WORDS,
    plain.WORDS,
    verdicts.WORDS,
)

COMMANDS: Mapping[str, Word[Step]] = MappingProxyType(
    {word.name: word for words in _COMMAND_WORDS for word in words}
)
TESTS: Mapping[str, Word[Check]] = MappingProxyType(
    {word.name: word for words in _TEST_WORDS for word in words}
)

EXTENSIONS: frozenset[str] = frozenset(
    (
        *("fileinto", "envelope", "encoded-character", "copy", "variables", "relational"),
        *("comparator-i;octet", "comparator-i;ascii-casemap", "comparator-i;ascii-numeric"),
        *("comparator-i;unicode-casemap", "subaddress", "imap4flags", "body", "date", "index"),
        *("mailbox", "mailboxid", "mboxmetadata", "servermetadata", "special-use"),
        *("vacation", "vacation-seconds", "reject", "ereject", "editheader", "environment"),
        *("regex", "duplicate", "ihave", "include", "foreverypart", "mime", "extracttext"),
        *("replace", "enclose", "spamtest", "spamtestplus", "virustest", "enotify", "extlists"),
        *("fcc", "imapsieve", "vnd.pillarbox.trace"),
        # Scripts of old, and of Dovecot.
        *("imapflags", "notify", "vnd.dovecot.environment"),
    )
)
IMPLIED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"vacation-seconds": ("vacation",), "spamtestplus": ("spamtest",)}
)
"""Extensions that come with another one (RFC 6131 §2, RFC 5235 §3.1)."""
NEEDED: Mapping[str, str] = MappingProxyType({"extracttext": "foreverypart"})
"""Extensions that are of no use without another one, which has to be required too."""
CONTRARY = (("imapflags", "imap4flags"), ("notify", "enotify"))
"""Extensions that give one word two meanings."""
NOT_TESTED_FOR = frozenset(("encoded-character", "variables"))
"""What ihave can't enable, since it changes how strings are read (RFC 5463 §4.1)."""
