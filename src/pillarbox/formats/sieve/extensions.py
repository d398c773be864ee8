"""The extensions that scripts may require; apart from the words, which are many modules."""

from collections.abc import Mapping
from types import MappingProxyType

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
