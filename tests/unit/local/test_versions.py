"""Servers of older majors: skipped with the reason, and a failure in CI."""

import pytest

from local.versions import VersionError
from tests.versions.conftest import programs_or_skip, reader_sql


def test_a_missing_server_is_skipped_with_the_reason_and_fails_in_ci() -> None:
    with pytest.raises(pytest.skip.Exception, match="run scripts/fetch_postgresql.sh"):
        programs_or_skip(9, {})
    with pytest.raises(VersionError, match="PostgreSQL 9 is not there"):
        programs_or_skip(9, {"CI": "1"})


def test_the_role_of_the_documentation_may_read_and_nothing_else() -> None:
    statements = [line.split(" ON ")[0] for line in reader_sql().splitlines()]
    granted = {s.split("GRANT ", 1)[1] for s in statements if "GRANT " in s}
    assert granted == {
        "CONNECT",
        "USAGE",
        "SELECT",
        "pg_read_all_stats TO aurora_sync;",
    }
