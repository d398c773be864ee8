"""Making keys for domains, and what their selectors are called.

RSA takes up to seconds: call this in a thread, before the transaction.
"""

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from pillarbox.base.errors import Conflict, GrammarError, Invalid, NotFound
from pillarbox.domain.signing.model import DkimKey, KeyState, NewKey
from pillarbox.formats.mailauth.keys import KeyAlgorithm, SigningKey, new_key
from pillarbox.formats.mailauth.signature import selector_of

SELECTOR_LETTERS = 63

_DATED = re.compile(r"-20[0-9]{6}[a-z]?\Z")


class KeyChoice(StrEnum):
    """Which keys a new domain gets; `BOTH` is RSA of 2048 bits and Ed25519."""

    RSA2048 = "rsa2048"
    RSA4096 = "rsa4096"
    ED25519 = "ed25519"
    BOTH = "both"
    NONE = "none"


def first_keys(choice: KeyChoice, selector: str) -> tuple[NewKey, ...]:
    """The keys of a new domain; the second one's selector says what it is."""
    if choice is KeyChoice.NONE:
        return ()
    if choice is KeyChoice.BOTH:
        second = kept(new_key(KeyAlgorithm.ED25519), f"{selector}-{KeyAlgorithm.ED25519}")
        return kept(new_key(KeyAlgorithm.RSA), selector), second
    return (one_key(choice, selector),)


def one_key(choice: KeyChoice, selector: str) -> NewKey:
    """A single key; `Invalid` for a choice of none or several."""
    match choice:
        case KeyChoice.ED25519:
            return kept(new_key(KeyAlgorithm.ED25519), selector)
        case KeyChoice.RSA2048:
            return kept(new_key(KeyAlgorithm.RSA, 2048), selector)
        case KeyChoice.RSA4096:
            return kept(new_key(KeyAlgorithm.RSA, 4096), selector)
        case _:
            raise Invalid("Say which one key is wanted")


def kept(key: SigningKey, selector: str) -> NewKey:
    """A key, made or imported, as it is kept; `Invalid` for what can't be a selector."""
    try:
        name = selector_of(selector)
    except GrammarError as error:
        raise Invalid(f"{selector!r} can't be a selector") from error
    if len(name) > SELECTOR_LETTERS:
        raise Invalid(f"A selector has {SELECTOR_LETTERS} characters at most")
    return NewKey(name, key.algorithm, key.der(), key.public())


def successors(
    present: Sequence[DkimKey], choice: str | None, today: datetime
) -> tuple[NewKey, ...]:
    """New keys to come after those in use, of the same kind and length.

    `choice` is the one kind that is meant, and of what length its key shall be (`KeyChoice`).
    Raises `Conflict` where one waits to come into use already, `NotFound` where there is none to
    come after.
    """
    wanted = None
    if choice is not None:
        is_rsa = choice != KeyChoice.ED25519
        wanted = KeyAlgorithm.RSA if is_rsa else KeyAlgorithm.ED25519
    taken = {key.selector for key in present}
    made = []
    for key in present:
        if key.state is not KeyState.ACTIVE or wanted not in (None, key.algorithm):
            continue
        for other in present:
            if other.state is KeyState.PREPARED and other.algorithm is key.algorithm:
                raise Conflict(
                    f"{other.selector} waits to come into use; activate, retire or remove it first"
                )
        bits = int(choice[3:]) if choice and wanted is KeyAlgorithm.RSA else max(key.bits, 2048)
        selector = dated_selector(key.selector, today, taken)
        made.append(kept(new_key(key.algorithm, bits), selector))
    if not made:
        raise NotFound("There is no such key in use; make one with `dkim generate`")
    return tuple(made)


def dated_selector(before: str, today: datetime, taken: Collection[str]) -> str:
    """The selector of a key that comes after another: the same with the day behind it."""
    day = f"-{today:%Y%m%d}"
    stem = _DATED.sub("", before)[: SELECTOR_LETTERS - len(day) - 1].rstrip("-.")
    for letter in ("", *"bcdefghijklmnopqrstuvwxyz"):
        if f"{stem}{day}{letter}" not in taken:
            return f"{stem}{day}{letter}"
    raise Invalid("There are too many keys of this day")
