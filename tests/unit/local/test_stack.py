"""The stack beside a PostgreSQL of one's own."""

import contextlib
from pathlib import Path

import pytest

from local import stack
from local.aurora import AuroraError, running_aurora


@pytest.mark.parametrize(
    "encoding", [pytest.param("LATIN1", marks=pytest.mark.large), "SQL_ASCII"]
)
def test_a_database_without_utf8_is_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, encoding: str
) -> None:
    """The example tables have texts that no other encoding takes (E7)."""
    folder: Path = tmp_path_factory.mktemp("server")
    with running_aurora(folder) as server:
        with contextlib.closing(server.connect()) as owner, owner.cursor() as cursor:
            cursor.execute(
                f"CREATE DATABASE old ENCODING '{encoding}' TEMPLATE template0"
                " LOCALE_PROVIDER libc LOCALE 'C'"
            )
        with pytest.raises(AuroraError, match=f"encoding {encoding}"):
            stack._login_of(server.dsn("old"))
        assert stack._login_of(server.dsn())["user"]
