"""The shared `MetaData` and the column types every `tables.py` uses.

Instants are integers (milliseconds since the epoch, UTC) and flags are small integers, so that
the same rows mean the same on every database.
"""

from sqlalchemy import BigInteger, Integer, LargeBinary, MetaData, SmallInteger, String, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite keeps a row under its key only where the column is spelled INTEGER.
Big = BigInteger().with_variant(Integer(), "sqlite")
Int = Integer()
Small = SmallInteger()
Blob = LargeBinary()
Unlimited = Text()


def text(length: int) -> String:
    """A string column of at most `length` characters (several databases index only such)."""
    return String(length)
