"""SASLprep, as far as clients apply it to a password before SCRAM hashes it (RFC 4013)."""

import stringprep
import unicodedata


def saslprep(text: str) -> str:
    """The prepared form of a password; `text` itself where it can't be prepared.

    Clients send nothing else on such a text either. Unassigned code points of Unicode 3.2 are let
    through (RFC 4013 §2.5 has that for queries), or no password could have a newer character, and
    the rules for right-to-left text (RFC 4013 §2.4) are not applied.
    """
    if text.isascii():
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char
        for char in text
        if not stringprep.in_table_b1(char)
    )
    prepared = unicodedata.normalize("NFKC", mapped)
    if not prepared or any(map(_is_prohibited, prepared)):
        return text
    return prepared


def _is_prohibited(char: str) -> bool:
    """The tables of RFC 4013 §2.3."""
    return (
        stringprep.in_table_c12(char)
        or stringprep.in_table_c21_c22(char)
        or stringprep.in_table_c3(char)
        or stringprep.in_table_c4(char)
        or stringprep.in_table_c5(char)
        or stringprep.in_table_c6(char)
        or stringprep.in_table_c7(char)
        or stringprep.in_table_c8(char)
        or stringprep.in_table_c9(char)
    )
