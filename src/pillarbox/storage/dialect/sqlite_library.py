"""The SQLite library this machine has: the newer copy in `pysqlite3`, or Python's own.

Light to import, so that the number of workers can be chosen without the database layer.
"""

try:
    from pysqlite3 import dbapi2 as _dbapi
except ImportError:  # no wheel for this machine
    import sqlite3 as _dbapi

driver = _dbapi
MINIMUM_SAFE = (3, 51, 3)


def sqlite_version() -> tuple[int, ...]:
    """The version of the SQLite library in use."""
    return tuple(int(part) for part in driver.sqlite_version.split("."))


def is_safe_with_several() -> bool:
    """Whether several processes may write one file: older libraries have the log-reset fault."""
    return sqlite_version() >= MINIMUM_SAFE
