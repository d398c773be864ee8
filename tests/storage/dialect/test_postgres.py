"""What is told of a PostgreSQL that can't be reached."""

import pytest

from pillarbox.base.errors import Invalid
from pillarbox.storage.dialect.postgres import PostgresDialect


@pytest.mark.parametrize(
    "dsn", ["postgresql://mail:hunter2%zz@host/mail", "password='hunter2", "hunter2"]
)
def test_a_faulty_dsn_is_refused_without_its_password(dsn: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(Invalid) as refused:
        PostgresDialect(dsn).connect(write=True)
    told = [refused.value, refused.value.__cause__, refused.value.cause]
    assert "DB_DSN" in refused.value.public
    assert "hunter2" not in str(told)
