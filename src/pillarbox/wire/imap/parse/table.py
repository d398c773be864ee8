"""All commands that are understood: one line per family, an extension adds its own."""

from pillarbox.wire.imap.parse.acl import ACL
from pillarbox.wire.imap.parse.any_state import ANY_STATE
from pillarbox.wire.imap.parse.append import APPEND
from pillarbox.wire.imap.parse.auth import AUTH
from pillarbox.wire.imap.parse.command import CommandTable
from pillarbox.wire.imap.parse.compress import COMPRESS
from pillarbox.wire.imap.parse.copy import COPY
from pillarbox.wire.imap.parse.enable import ENABLE
from pillarbox.wire.imap.parse.esearch import ESEARCH
from pillarbox.wire.imap.parse.expunge import EXPUNGE
from pillarbox.wire.imap.parse.fetch import FETCH
from pillarbox.wire.imap.parse.idle import IDLE
from pillarbox.wire.imap.parse.list import LIST
from pillarbox.wire.imap.parse.mailboxes import MAILBOXES
from pillarbox.wire.imap.parse.metadata import METADATA
from pillarbox.wire.imap.parse.notify import NOTIFY
from pillarbox.wire.imap.parse.quota import QUOTA
from pillarbox.wire.imap.parse.replace import REPLACE
from pillarbox.wire.imap.parse.search import SEARCH
from pillarbox.wire.imap.parse.select import SELECT
from pillarbox.wire.imap.parse.sort import SORT
from pillarbox.wire.imap.parse.status import STATUS
from pillarbox.wire.imap.parse.store import STORE
from pillarbox.wire.imap.parse.thread import THREAD

FAMILIES = (
    ANY_STATE,
    AUTH,
    ENABLE,
    SELECT,
    MAILBOXES,
    LIST,
    STATUS,
    METADATA,
    QUOTA,
    ACL,
    APPEND,
    REPLACE,
    COMPRESS,
    IDLE,
    NOTIFY,
    EXPUNGE,
    SEARCH,
    SORT,
    THREAD,
    ESEARCH,
    FETCH,
    STORE,
    COPY,
)
"""The families of the core; a feature's commands are added to these where tables are made."""

COMMANDS = CommandTable(*FAMILIES)
