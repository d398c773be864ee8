"""Tables of calendars and address books.

In clear are the names that make up a collection's path, times and sizes. Names of objects, UIDs,
contents, properties and addresses are sealed, and found by keyed digests.
"""

from sqlalchemy import Column, Index, Table, UniqueConstraint

from pillarbox.storage.schema import Big, Blob, Int, Small, metadata, text

collections = Table(
    "collections",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("account_id", Big, nullable=False),
    Column("kind", Small, nullable=False),  # CollectionKind
    Column("name", text(255), nullable=False),  # the last segment of its path
    Column("components", Int, nullable=False),  # bits of ComponentKind
    Column("source", Small, nullable=False),  # Source
    # 1 or NULL: NULLs are never alike, so that an account has one default of a kind at most.
    Column("is_default", Small, nullable=True),
    # Sealed Properties; NULL: nobody has changed what it begins with.
    Column("properties", Blob, nullable=True),
    Column("modseq", Big, nullable=False),  # of its newest change, its items' included
    Column("total", Big, nullable=False),
    Column("size_bytes", Big, nullable=False),
    # Tombstones up to this modseq may have been dropped.
    Column("forgotten_modseq", Big, nullable=False),
    Column("created_ms", Big, nullable=False),
    UniqueConstraint("account_id", "kind", "name"),
    UniqueConstraint("account_id", "kind", "is_default"),
)

# By collection, so that one is listed in one sweep.
collection_items = Table(
    "collection_items",
    metadata,
    Column("collection_id", Big, primary_key=True, autoincrement=False),
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("href_digest", Big, nullable=False),
    Column("uid_digest", Big, nullable=False),
    Column("component", Small, nullable=False),  # ComponentKind
    Column("modseq", Big, nullable=False),
    Column("created_modseq", Big, nullable=False),
    # Bounds of all occurrences; the ends of the number line where there is none.
    Column("first_ms", Big, nullable=False),
    Column("last_ms", Big, nullable=False),
    Column("size_bytes", Big, nullable=False),
    Column("content_id", Big, nullable=False),  # new with each content: the entity tag
    Column("schedule_tag", Big, nullable=True),
    Column("created_ms", Big, nullable=False),
    Column("changed_ms", Big, nullable=False),
    Column("head", Blob, nullable=False),  # sealed: name, UID, key of the content, addresses
    UniqueConstraint("href_digest", "collection_id"),
    Index(None, "uid_digest"),
    Index(None, "collection_id", "modseq"),
    Index(None, "collection_id", "last_ms", "first_ms"),
    sqlite_with_rowid=False,
)

item_contents = Table(
    "item_contents",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("data", Blob, nullable=False),  # storage.blobs.sealed
)

item_tombstones = Table(
    "item_tombstones",
    metadata,
    Column("collection_id", Big, primary_key=True, autoincrement=False),
    Column("modseq", Big, primary_key=True, autoincrement=False),
    Column("item_id", Big, primary_key=True, autoincrement=False),
    Column("created_modseq", Big, nullable=False),  # of the item that went
    Column("href_digest", Big, nullable=False),
    Column("href", Blob, nullable=False),  # sealed
    Column("gone_ms", Big, nullable=False),
    sqlite_with_rowid=False,
)

# Owners have no row: they may do everything.
collection_shares = Table(
    "collection_shares",
    metadata,
    Column("collection_id", Big, primary_key=True, autoincrement=False),
    # The account of a user or group, or for everybody the domain of the owner.
    Column("holder_id", Big, primary_key=True, autoincrement=False),
    Column("rights", Int, nullable=False),  # bits of Right
    Column("created_ms", Big, nullable=False),
    Index(None, "holder_id"),
    sqlite_with_rowid=False,
)

# Answers to invitations: collections of others in somebody's home, or declined.
collection_mounts = Table(
    "collection_mounts",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("account_id", Big, nullable=False),  # of whom it was shared with
    Column("collection_id", Big, nullable=False),
    Column("name", text(255), nullable=False),  # empty unless accepted
    Column("accepted", Small, nullable=False),
    Column("answered_ms", Big, nullable=False),
    Column("is_noted", Small, nullable=False),  # whether the owner took note of the answer
    Column("properties", Blob, nullable=True),  # sealed Properties, for that account
    UniqueConstraint("account_id", "collection_id"),
    Index(None, "collection_id"),
)

# Whom cards name, as keyed digests: who reads the table learns nothing of who knows whom.
contact_addresses = Table(
    "contact_addresses",
    metadata,
    Column("digest", Big, primary_key=True, autoincrement=False),
    Column("collection_id", Big, primary_key=True, autoincrement=False),
    Column("item_id", Big, primary_key=True, autoincrement=False),
    Index(None, "collection_id", "item_id"),
    sqlite_with_rowid=False,
)

# Addresses of the web under which everybody may read a collection.
public_links = Table(
    "public_links",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("collection_id", Big, nullable=False),
    Column("digest", text(64), nullable=False, unique=True),  # SHA-256 of the token
    Column("token", Blob, nullable=False),  # sealed
    Column("created_ms", Big, nullable=False),
    Index(None, "collection_id"),
)
