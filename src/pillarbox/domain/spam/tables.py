"""Tables of what was learnt of spam. A scope is an account, or 0: the whole server."""

from sqlalchemy import Column, Index, Table

from pillarbox.storage.schema import Big, Blob, Int, Small, metadata

spam_scopes = Table(
    "spam_scopes",
    metadata,
    Column("scope", Big, primary_key=True, autoincrement=False),
    Column("token_key", Blob, nullable=False),  # under which tokens are digested; sealed
    Column("spam", Int, nullable=False),  # messages learnt
    Column("ham", Int, nullable=False),
    # Of an account: how many of these were learnt for the server too.
    Column("shared_spam", Int, nullable=False),
    Column("shared_ham", Int, nullable=False),
)

# Digests, no words: who reads the table learns nothing of what anybody wrote.
spam_tokens = Table(
    "spam_tokens",
    metadata,
    Column("scope", Big, primary_key=True, autoincrement=False),
    Column("digest", Big, primary_key=True, autoincrement=False),
    Column("spam", Int, nullable=False),  # messages with the token that were learnt as spam
    Column("ham", Int, nullable=False),
    Column("learnt_day", Int, nullable=False),  # days since the epoch, of the latest of them
    sqlite_with_rowid=False,
)

# What each message was learnt as, so that it is unlearnt before it is learnt as something else.
spam_learnt = Table(
    "spam_learnt",
    metadata,
    Column("scope", Big, primary_key=True, autoincrement=False),
    # An email of the account; for messages from files a keyed digest of the content.
    Column("item", Big, primary_key=True, autoincrement=False),
    Column("category", Small, nullable=False),  # Category
    Column("implied", Small, nullable=False),  # 1: by what its user did with it, and did not say
    Column("shared", Small, nullable=False),  # 1: for the server too
    Column("mistake", Small, nullable=False),  # 1: it had been put where it did not belong
    Column("learnt_ms", Big, nullable=False),
    sqlite_with_rowid=False,
)

# What is to be learnt; a row goes in the transaction that does it.
training_tasks = Table(
    "training_tasks",
    metadata,
    Column("account_id", Big, primary_key=True, autoincrement=False),
    Column("email_id", Big, primary_key=True, autoincrement=False),
    Column("category", Small, nullable=False),  # Category
    Column("implied", Small, nullable=False),
    Column("sorted", Small, nullable=False),  # 1: taken out of where it had been put
    Column("noted_ms", Big, nullable=False),
    Index(None, "noted_ms"),
    sqlite_with_rowid=False,
)

# How well mail was sorted: what came, and which of it users put right.
spam_results = Table(
    "spam_results",
    metadata,
    Column("account_id", Big, primary_key=True, autoincrement=False),
    Column("month", Int, primary_key=True, autoincrement=False),  # 202611
    Column("junked", Int, nullable=False),  # put into Junk when they came
    Column("kept", Int, nullable=False),  # put elsewhere
    Column("false_alarms", Int, nullable=False),  # taken out of Junk again
    Column("missed", Int, nullable=False),  # moved there by their user
    sqlite_with_rowid=False,
)
