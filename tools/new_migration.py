"""Write the next migration from the difference between the tables in the code and the last step.

Usage: python tools/new_migration.py "what changes". Read what it writes before you commit it.
A step that was removed is written anew in its place; the steps behind it must not change tables.
"""

import importlib
import itertools
import pkgutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext

import pillarbox
from pillarbox.storage import migrate
from pillarbox.storage.dialect.sqlite import SqliteDialect
from pillarbox.storage.schema import metadata

TEMPLATE = '''"""{title}."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {previous}
branch_labels = None
depends_on = None


def upgrade() -> None:
    {body}
'''


def import_tables() -> None:
    """Import every module that defines tables, so that `metadata` knows them."""
    for module in pkgutil.walk_packages(pillarbox.__path__, "pillarbox."):
        if ".migrations." in module.name or module.name.endswith("__main__"):
            continue
        found = importlib.util.find_spec(module.name)
        if found and found.origin and "Table(" in Path(found.origin).read_text("utf-8"):
            importlib.import_module(module.name)


@contextmanager
def put_aside(paths: list[Path]) -> Iterator[None]:
    """Let these steps not be there for a while."""
    with tempfile.TemporaryDirectory(dir=migrate.STEPS.parent) as folder:
        for path in paths:
            path.rename(Path(folder) / path.name)
        try:
            yield
        finally:
            for path in paths:
                (Path(folder) / path.name).rename(path)


def main() -> None:
    """Compare, and write the step."""
    title = sys.argv[1]
    import_tables()
    paths = sorted(migrate.STEPS.glob("[0-9]*.py"))
    known = {path.name[:4] for path in paths}
    number = next(name for name in map("{:04}".format, itertools.count(1)) if name not in known)
    steps = [name for name in sorted(known) if name < number]
    later = [path for path in paths if path.name[:4] > number]
    with put_aside(later), tempfile.TemporaryDirectory() as folder:
        dialect = SqliteDialect(Path(folder) / "db", checkpoint=True)
        if steps:
            migrate.ensure_schema(dialect, None)
        engine = migrate.make_engine(dialect)
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"version_table": "schema_version"}
            )
            difference = produce_migrations(context, metadata)
    body = "\n".join(
        line
        for line in render_python_code(difference.upgrade_ops).splitlines()
        if "###" not in line
    )
    name = f"{number}_{'_'.join(title.lower().split())}.py"
    previous = repr(steps[-1]) if steps else "None"
    text = TEMPLATE.format(title=title, revision=number, previous=previous, body=body.strip())
    (migrate.STEPS / name).write_text(text, "utf-8")
    print(f"wrote {name}")


if __name__ == "__main__":
    main()
