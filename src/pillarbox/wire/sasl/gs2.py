"""The header that SCRAM and OAUTHBEARER begin with (RFC 5801 §4, RFC 5802 §7)."""

from dataclasses import dataclass

from pillarbox.base.errors import GrammarError
from pillarbox.wire.sasl.exchange import read_name, read_optional_name

_MAX_BINDING_NAME = 64


@dataclass(frozen=True, slots=True)
class Gs2Header:
    """What the client says of channel binding, and as whom it wants to act.

    `flag` is `n` (the client can't bind), `y` (it can, but thinks the server can't) or `p` (it
    does, by `binding`). `size` is how many bytes the header has, its last comma included.
    """

    flag: str
    binding: str
    authzid: str
    size: int


def parse_gs2_header(message: bytes) -> Gs2Header:
    """The header at the start of a client's first message."""
    flags, comma, rest = message.partition(b",")
    authzid, second, _ = rest.partition(b",")
    if not comma or not second:
        raise GrammarError("GS2 header needs two commas")
    flag, equals, binding = flags.partition(b"=")
    if flag not in (b"n", b"y", b"p") or bool(equals) != (flag == b"p"):
        raise GrammarError("malformed channel binding flag")
    if flag == b"p" and not _is_binding_name(binding):
        raise GrammarError("malformed channel binding name")
    name = ""
    if authzid:
        if not authzid.startswith(b"a="):
            raise GrammarError("malformed authorization identity", len(flags) + 1)
        name = read_sasl_name(authzid[2:])
    size = len(flags) + 1 + len(authzid) + 1
    return Gs2Header(flag.decode("ascii"), binding.decode("ascii"), name, size)


def read_sasl_name(octets: bytes) -> str:
    """A name in which `=2C` stands for a comma and `=3D` for an equals sign (RFC 5802 §5.1)."""
    if b"," in octets:
        raise GrammarError("comma in name")
    parts = octets.split(b"=")
    if not all(part.startswith((b"2C", b"3D")) for part in parts[1:]):
        raise GrammarError("malformed escape in name")
    plain = octets.replace(b"=2C", b",").replace(b"=3D", b"=")
    return read_name(plain) if plain else read_optional_name(plain)


def _is_binding_name(name: bytes) -> bool:
    allowed = name.replace(b".", b"").replace(b"-", b"")
    return 0 < len(name) <= _MAX_BINDING_NAME and name.isascii() and allowed.isalnum()
