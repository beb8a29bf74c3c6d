"""PostgreSQL as Aurora offers it: the core of the end-to-end suite on majors 13 to 18.

The tests are those of tests/end_to_end, over the stack of this folder's conftest.
"""

import pytest

from local.stack import READER
from tests.end_to_end.conftest import log
from tests.end_to_end.lab import Lab
from tests.end_to_end.log_lab import LogLab
from tests.end_to_end.test_a_cursor_of_several_columns import (
    test_rows_that_were_created_and_rows_that_were_modified_arrive,
)
from tests.end_to_end.test_a_late_commit_still_arrives import (
    test_a_prepared_transaction_holds_the_watermark,
    test_a_transaction_that_was_open_during_the_first_load,
    test_rows_of_a_transaction_that_commits_late,
    writer,
)
from tests.end_to_end.test_deletes_without_a_log import (
    test_a_composite_key_with_text,
    test_gone_rows_are_removed,
)
from tests.end_to_end.test_every_type_arrives_exactly import (
    schema,
    test_each_type_with_each_of_its_values,
)
from tests.end_to_end.test_log_tables_among_other_things import (
    test_a_publication_of_keys_alone_as_log_setup_writes_it as keys_alone_are_enough,
)
from tests.end_to_end.test_the_log_tells_every_change import (
    test_inserts_updates_and_deletes_arrive as every_change_arrives,
)

__all__ = [
    "log",
    "schema",
    "writer",
    "test_a_composite_key_with_text",
    "test_a_prepared_transaction_holds_the_watermark",
    "test_a_transaction_that_was_open_during_the_first_load",
    "test_each_type_with_each_of_its_values",
    "test_gone_rows_are_removed",
    "test_rows_of_a_transaction_that_commits_late",
    "test_rows_that_were_created_and_rows_that_were_modified_arrive",
]


# The first major whose log can be read, and the first with lists of columns.
LOG_MAJOR, KEYS_MAJOR = 14, 15


def test_the_server_is_of_this_major_and_the_role_may_only_read(
    lab: Lab, major: int
) -> None:
    ((version,),) = lab.psql(
        "SELECT current_setting('server_version_num')::int / 10000"
    )
    assert version == major
    rights = lab.psql(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
        " FROM pg_roles WHERE rolname = %s",
        READER,
    )
    assert rights == [(False,) * 5]
    roles = lab.psql(
        "SELECT r.rolname FROM pg_auth_members AS m"
        " JOIN pg_roles AS r ON r.oid = m.roleid"
        " JOIN pg_roles AS u ON u.oid = m.member WHERE u.rolname = %s",
        READER,
    )
    assert roles == [("pg_read_all_stats",)]


def test_a_snapshot_in_parts_and_an_increment(lab: Lab) -> None:
    table = lab.name("parts")
    lab.orders_table(table, 5000)
    lab.psql(f"ANALYZE {table}")
    lab.apply({table: {"cursor": "updated_at", "chunk_rows": 1000}})
    assert lab.call("PLAN_SYNC", table)["parts"] > 1
    lab.sync(table)
    lab.assert_equal(table)
    lab.psql(f"UPDATE {table} SET note = 'new', updated_at = now() WHERE id % 7 = 0")
    lab.sync(table)
    lab.assert_equal(table)


def test_a_check_finds_nothing_wrong(lab: Lab) -> None:
    table = lab.name("checked")
    lab.orders_table(table, 1)
    lab.apply({table: {"cursor": "updated_at"}})
    rows = lab.call("CHECK_SYNC", table)["rows"]
    assert {r["check"] for r in rows if r["state"] != "ok"} == {"tls"}


def test_validation_names_differences(lab: Lab) -> None:
    table = lab.name("validated")
    lab.orders_table(table, 50)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    assert lab.call("VALIDATE_TABLE", table)["status"] == "equal"
    lab.query(f"UPDATE lab.{table} SET note = 'other' WHERE id = 7")
    lab.psql(f"DELETE FROM {table} WHERE id = 8")
    report = lab.call("VALIDATE_TABLE", table)
    assert report["status"] == "different"
    assert report["counts"] == {"different": 1, "extra_in_target": 1}


def test_mode_log_tells_every_change_or_why_not(
    lab: Lab, log: LogLab, major: int
) -> None:
    if major >= LOG_MAJOR:
        every_change_arrives(lab, log)
        return
    log.table("orders", "(id bigint PRIMARY KEY)")
    text = lab.fail("START_LOG", "shop")
    assert "[log_not_enabled]" in text and "PostgreSQL 13 cannot be read" in text
    assert "14 or newer" in text


def test_a_publication_of_keys_alone(lab: Lab, log: LogLab, major: int) -> None:
    if major < KEYS_MAJOR:
        pytest.skip("PostgreSQL 15 brought lists of columns")
    keys_alone_are_enough(lab, log)
