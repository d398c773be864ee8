"""Arguments of tests that must be there."""

from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.grammar import Call, Texts


def texts_at(call: Call, at: int | str) -> Texts:
    """An argument of strings; raises `ScriptError` where there is none."""
    found = call.texts(at)
    if found is None:
        raise ScriptError(call.problem("strings are missing here"))
    return found
