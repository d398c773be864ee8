"""All words of the language."""

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
