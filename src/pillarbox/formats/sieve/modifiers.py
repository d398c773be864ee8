"""What `set` and `extracttext` do to a value before it is kept (RFC 5229 §4.1)."""

from collections.abc import Callable
from urllib.parse import quote

from pillarbox.formats.sieve.grammar import Call, Tag

Modifier = Callable[[str], str]

_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER = {code + 32: code for code in range(ord("A"), ord("Z") + 1)}
_WILDCARDS = {ord(sign): "\\" + sign for sign in "*?\\"}
_REGEX_SIGNS = {ord(sign): "\\" + sign for sign in "\\^$.|?*+(){}[]"}


def _lower_first(value: str) -> str:
    return value[:1].translate(_LOWER) + value[1:]


def _upper_first(value: str) -> str:
    return value[:1].translate(_UPPER) + value[1:]


def _encode_url(value: str) -> str:
    return quote(value, safe="", errors="replace")


# By precedence, the first to be done at the top; of one precedence there may be only one. Letters
# other than those of ASCII are left as they are. `encodeurl` is RFC 5435 §6; `quoteregex` comes
# with the regular expressions, at the place of `quotewildcard`.
_ALL: tuple[tuple[int, str, str, Modifier], ...] = (
    (40, "lower", "", lambda value: value.translate(_LOWER)),
    (40, "upper", "", lambda value: value.translate(_UPPER)),
    (30, "lowerfirst", "", _lower_first),
    (30, "upperfirst", "", _upper_first),
    (20, "quotewildcard", "", lambda value: value.translate(_WILDCARDS)),
    (20, "quoteregex", "regex", lambda value: value.translate(_REGEX_SIGNS)),
    (15, "encodeurl", "enotify", _encode_url),
    (10, "length", "", lambda value: str(len(value))),
)

MODIFIER_TAGS = tuple(
    Tag(name, group=f"modifier {precedence}", extension=extension)
    for precedence, name, extension, _ in _ALL
)


def modifiers(call: Call) -> tuple[Modifier, ...]:
    """The modifiers of a use, in the order in which they are done."""
    return tuple(modify for _, name, _, modify in _ALL if call.has(name))
