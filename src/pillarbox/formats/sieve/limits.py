"""What scripts may cost."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScriptLimits:
    """Of one script, looked at when it is compiled."""

    script_bytes: int = 32 * 1024
    tokens: int = 100_000
    depth: int = 32
    """Of blocks, and of tests, in one another."""
    string_characters: int = 10_000
    list_items: int = 1_000
    identifier_characters: int = 64
    regex_size: int = 50_000
    """Instructions of RE2 that all regular expressions together come to."""
    problems: int = 20
    """Told of one script; RFC 5804 has no room for more."""


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Of one run over one message, all scripts together."""

    instructions: int = 100_000
    """Commands, tests, and single comparisons of a value with a key."""
    actions: int = 32
    redirects: int = 5
    notifications: int = 5
    variables: int = 128
    variable_characters: int = 4_000
    text_characters: int = 16_384
    """Of a string, when the variables in it have been put in."""
    include_depth: int = 10
    includes: int = 30
    block_depth: int = 64
    """Of blocks around inclusions, all scripts together."""
    loop_depth: int = 4
    match_values: int = 33
    """From `${0}` to `${32}`."""
    matched_characters: int = 1 << 20
    """Text that one comparison by a pattern or regular expression looks at."""
    questions: int = 100
    header_edits: int = 100
    trace_lines: int = 100
