"""What of a header a signature is over: the fields it names, from the bottom up."""

from collections.abc import Iterable
from hashlib import sha256

from pillarbox.formats.mailauth.canonical import Canonical, canonical_field
from pillarbox.formats.mailauth.message import SignedField, SignedMessage
from pillarbox.formats.mailauth.tags import without_value


class SignedHeader:
    """The fields of one message, with the canonical forms that were made of them."""

    def __init__(self, message: SignedMessage) -> None:
        self._by_name: dict[bytes, list[SignedField]] = {}
        for field in message.fields:
            self._by_name.setdefault(field.name, []).append(field)
        self._forms: dict[tuple[int, Canonical], bytes] = {}

    def count(self, name: bytes) -> int:
        """How many fields of a lower-case name the message has."""
        return len(self._by_name.get(name, ()))

    def digest(self, names: Iterable[bytes], form: Canonical, signature: SignedField) -> bytes:
        """SHA-256 over the named fields and the signature's own, its b= empty (RFC 6376 §3.7).

        A name that stands n times means the n lowest fields, the lowest first; one too many means
        that there is no further one (§5.4.2).
        """
        hashed = sha256()
        left = {name: len(found) for name, found in self._by_name.items()}
        for name in names:
            count = left.get(name, 0)
            if count:
                left[name] = count - 1
                hashed.update(self._canonical(self._by_name[name][count - 1], form))
        hashed.update(unsigned(signature, form))
        return hashed.digest()

    def _canonical(self, field: SignedField, form: Canonical) -> bytes:
        key = (id(field), form)  # the fields live as long as this object
        made = self._forms.get(key)
        if made is None:
            made = self._forms[key] = canonical_field(field.whole, form)
        return made


def unsigned(field: SignedField, form: Canonical) -> bytes:
    """A signature field in the form it is hashed in: b= empty, no line end."""
    name, _, value = field.whole.partition(b":")
    # The line end may stand in the value that is taken out; the canonical form ends with one.
    return canonical_field(name + b":" + without_value(value, b"b"), form).removesuffix(b"\r\n")
