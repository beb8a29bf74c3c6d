"""A group: one extraction for all its tables, and one bad table stops no other."""

import json
from typing import Any

import pytest
import snowflake.connector

from local.stack import READER
from tests.end_to_end.faults import Switchboard
from tests.end_to_end.lab import TARGET_SCHEMA, Lab


class Team:
    """A group of tables: three that are well, one reloaded, and broken ones."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.group = lab.name("Hourly")
        self.good = [lab.name(name) for name in ("one", "two", "three")]
        self.full = lab.name("full")
        self.broken = lab.name("broken")
        for table in (*self.good, self.full, self.broken):
            lab.orders_table(table, 20)
        self.apply()

    @property
    def tables(self) -> list[str]:
        """All tables."""
        return [*self.good, self.full, self.broken]

    def apply(self, **settings: Any) -> None:
        """Applies the configuration; `settings` are those of the first table."""
        entries: dict[str, Any] = {t: {"cursor": "updated_at"} for t in self.tables}
        entries[self.full] = {"mode": "full"}
        entries[self.good[0]] |= settings
        config = {
            "version": 1,
            "defaults": {
                "source": "shop",
                "group": self.group,
                "target_schema": TARGET_SCHEMA,
                "margin_seconds": 0,
            },
            "sources": {"shop": {"time_zone": "UTC"}},
            "groups": {self.group: {}},
            "tables": entries,
        }
        self.lab.call("APPLY_CONFIG", json.dumps(config))

    def change(self) -> None:
        """Changes every table that still is there."""
        for table in (*self.good, self.full):
            self.lab.psql(
                f"UPDATE {table} SET note = md5(random()::text), updated_at = now()"
                " WHERE id % 3 = 0"
            )
            self.lab.psql(f"INSERT INTO {table} (note) VALUES ('new')")

    def loaded(self) -> None:
        """Loads everything once, then loses a table in the source."""
        self.lab.call("SYNC_GROUP", self.group)
        self.lab.psql(f"DROP TABLE {self.broken}")
        self.change()

    def assert_equal(self) -> None:
        """Compares every table that still is there."""
        for table in (*self.good, self.full):
            self.lab.assert_equal(table)

    def calls(self, procedure: str) -> list[str]:
        """Returns the statements that asked for extractions."""
        return [
            s["text"]
            for s in self.lab.statements()
            if s["procedure"] == procedure and "aurora_extract(" in s["text"]
        ]


@pytest.fixture
def team(lab: Lab) -> Team:
    return Team(lab)


def test_the_group_is_extracted_by_one_request_and_a_bad_table_stops_no_other(
    lab: Lab, team: Team
) -> None:
    first = lab.call("SYNC_GROUP", team.group.upper())
    assert (first["tables"], first["succeeded"], first["failed"]) == (5, 5, {})
    team.assert_equal()
    lab.psql(f"DROP TABLE {team.broken}")
    team.change()
    before = len(team.calls("SYNC_GROUP"))
    second = lab.call("SYNC_GROUP", team.group)
    asked = team.calls("SYNC_GROUP")[before:]
    # One for the four incremental tables, two for the one that is reloaded.
    assert len(asked) == 3
    assert second["succeeded"] == 4
    assert list(second["failed"]) == [team.broken]
    assert second["failed"][team.broken]["code"] == "table_not_found"
    assert team.broken in second["summary"]
    team.assert_equal()
    third = lab.call("SYNC_GROUP", team.group)
    assert third["changed"] == [team.full]
    assert {lab.lease_owner(table) for table in team.tables} == {None}
    assert lab.last_run(team.broken)["LAST_ERROR_CODE"] == "table_not_found"


@pytest.mark.large
def test_an_http_error_of_one_request_is_no_error_of_the_group(
    lab: Lab, team: Team, faults: Switchboard
) -> None:
    team.loaded()
    before = len(team.calls("SYNC_GROUP"))
    faults.gateway(fail_requests=1, status=403)
    report = lab.call("SYNC_GROUP", team.group)
    assert list(report["failed"]) == [team.broken]
    assert len(team.calls("SYNC_GROUP")[before:]) == 1 + 1 + 2
    team.assert_equal()


@pytest.mark.large
def test_a7_a_group_larger_than_the_slots_of_the_front_syncs(
    lab: Lab, team: Team, faults: Switchboard
) -> None:
    """One SELECT sends five requests at once; Snowflake repeats those that get 500."""
    team.loaded()
    faults.gateway(front_slots=1)
    report = lab.call("SYNC_GROUP", team.group)
    assert list(report["failed"]) == [team.broken]
    team.assert_equal()


@pytest.mark.large
def test_each_step_may_be_repeated(lab: Lab, team: Team) -> None:
    team.loaded()
    extracted = lab.call("EXTRACT_GROUP", team.group)
    assert (extracted["extracted"], extracted["left_to_load_step"]) == (3, [team.full])
    for table in (*team.good, team.full):
        for _ in range(2):
            lab.call("LOAD_TABLE", table)
        for _ in range(2):
            lab.call("MERGE_TABLE", table)
    assert "table_not_found" in lab.fail("LOAD_TABLE", team.broken)
    assert "nothing_loaded" in lab.fail("MERGE_TABLE", team.broken)
    reports = [lab.call("FINISH_GROUP", team.group) for _ in range(2)]
    told = [report.pop("alert") for report in reports]
    # The first finalizer of a day does more.
    assert all(report.pop("tidy") for report in reports)
    assert team.broken in told[0] and told[1] == "Nothing to report."
    assert reports[0] == reports[1]
    assert list(reports[0]["failed"]) == [team.broken]
    team.assert_equal()
    runs = lab.query(
        "SELECT table_name, COUNT(*) AS n FROM control.sync_history WHERE run_id = %s"
        " GROUP BY table_name",
        extracted["run_id"],
    )
    # A reload of one part, an increment, or a failure: one row each.
    assert {row["TABLE_NAME"]: row["N"] for row in runs} == dict.fromkeys(
        team.tables, 1
    )


@pytest.mark.large
def test_a_retried_task_tries_the_whole_sync(
    lab: Lab, team: Team, faults: Switchboard
) -> None:
    team.loaded()
    faults.gateway(kill_worker=[{"at": "before_part_reply"}] * 4)
    lab.call("EXTRACT_GROUP", team.group)
    table, *_ = team.good
    assert "worker_lost" in lab.fail("LOAD_TABLE", table)
    assert lab.call("LOAD_TABLE", table)["rows_inserted"] == 1
    lab.call("MERGE_TABLE", table)
    lab.assert_equal(table)
    # The same if the load step goes alone, and if it is the merge that failed.
    faults.gateway(drop_events=1)
    assert "worker_lost" in lab.fail("LOAD_TABLE", team.full)
    assert lab.call("LOAD_TABLE", team.full)["status"] == "succeeded"
    lab.assert_equal(team.full)
    for code in ("worker_lost", "table_not_found", "table_not_found"):
        assert code in lab.fail("LOAD_TABLE", team.broken)
    failed = lab.call("FINISH_GROUP", team.group)["failed"]
    assert table not in failed and team.full not in failed

    team.change()
    lab.call("EXTRACT_GROUP", team.group)
    lab.call("LOAD_TABLE", table)
    faults.snowflake({"match": "^MERGE INTO", "action": "error"})
    assert "warehouse_error" in lab.fail("MERGE_TABLE", table)
    assert not lab.query(f"SHOW TABLES LIKE '{table}%' IN SCHEMA staging")
    assert lab.call("MERGE_TABLE", table)["rows_inserted"] == 1
    lab.assert_equal(table)
    assert table not in lab.call("FINISH_GROUP", team.group)["failed"]


@pytest.mark.large
@pytest.mark.parametrize(
    "match", ["^COPY INTO", "^MERGE INTO", "INTO control.sync_watermarks"]
)
def test_a_killed_step_is_found_by_the_finalizer_and_made_good_by_the_next_run(
    lab: Lab, team: Team, faults: Switchboard, match: str
) -> None:
    team.loaded()
    table, *_ = team.good
    lab.call("EXTRACT_GROUP", team.group)
    step = "LOAD_TABLE" if "COPY" in match else "MERGE_TABLE"
    if step == "MERGE_TABLE":
        lab.call("LOAD_TABLE", table)
    faults.snowflake({"match": match, "action": "kill_procedure", "when": "after"})
    with pytest.raises(snowflake.connector.errors.Error):
        lab.call(step, table)
    faults.clear()
    report = lab.call("FINISH_GROUP", team.group)
    assert report["failed"][table]["code"] == "step_lost"
    assert lab.lease_owner(table) is None
    lab.call("SYNC_GROUP", team.group)
    team.assert_equal()


@pytest.mark.large
def test_what_changed_between_two_steps_makes_the_extraction_void(
    lab: Lab, team: Team
) -> None:
    """Another configuration, or a sync in between: the table is read again."""
    team.loaded()
    table, other, _ = team.good
    lab.call("EXTRACT_GROUP", team.group)
    lab.call("LOAD_TABLE", other)
    team.apply(columns={"note": {"rename": "remark"}})
    lab.expire_lease(other)
    lab.sync(other)
    lab.call("LOAD_TABLE", table)
    assert "REMARK" in lab.query(f"SELECT * FROM {TARGET_SCHEMA}.{table}")[0]
    assert "lease_lost" in lab.fail("MERGE_TABLE", other)
    lab.assert_equal(other)


@pytest.mark.large
def test_a_group_that_is_called_twice_at_once_never_works_twice(
    lab: Lab, team: Team
) -> None:
    team.loaded()
    errors: list[str] = []

    def second(rival: Lab) -> None:
        errors.append(rival.fail("SYNC_GROUP", team.group))

    with lab.before_statement("aurora_extract", second):
        report = lab.call("SYNC_GROUP", team.group)
    assert "[group_failed]" in errors[0] and "0 of 5 tables" in errors[0]
    assert errors[0].count("[lease_held]") == 1, "one cause is told once"
    assert list(report["failed"]) == [team.broken]
    team.assert_equal()


def test_a_wrong_group_is_told(lab: Lab) -> None:
    for procedure in ("SYNC_GROUP", "EXTRACT_GROUP"):
        for argument, code in (
            ("", "invalid_argument"),
            (None, "invalid_argument"),
            ("no such group", "unknown_group"),
            ("x" * 300, "unknown_group"),
        ):
            assert code in lab.fail(procedure, argument)
    assert "nothing_to_finish" in lab.fail("FINISH_GROUP", "no such group")
    assert "unknown_table" in lab.fail("LOAD_TABLE", "no_such_table")


@pytest.mark.large
def test_targets_of_the_same_name_in_two_schemas_do_not_mix(lab: Lab) -> None:
    """All tables of a group share a run id; their staging tables must not."""
    group, target = lab.name("twins"), lab.name("same")
    entries = {}
    for name in ("left", "right"):
        table = lab.name(name)
        lab.orders_table(table, 20)
        entries[table] = {
            "target_table": target,
            "target_schema": f"{TARGET_SCHEMA}_{name}",
        }
    config = {
        "version": 1,
        "defaults": {
            "source": "shop",
            "group": group,
            "cursor": "updated_at",
            "margin_seconds": 0,
        },
        "sources": {"shop": {"time_zone": "UTC"}},
        "groups": {group: {}},
        "tables": entries,
    }
    lab.call("APPLY_CONFIG", json.dumps(config))
    lab.call("SYNC_GROUP", group)
    for table in entries:
        lab.psql(f"UPDATE {table} SET note = '{table}', updated_at = now()")
    lab.call("EXTRACT_GROUP", group)
    for step in ("LOAD_TABLE", "MERGE_TABLE"):
        for table in entries:
            lab.call(step, table)
    for table, entry in entries.items():
        rows = lab.query(f"SELECT note FROM {entry['target_schema']}.{target}")
        assert {row["NOTE"] for row in rows} == {table}


@pytest.mark.large
def test_e3_a_group_waits_for_the_connections_that_its_reader_may_have(
    lab: Lab, team: Team
) -> None:
    team.loaded()
    lab.psql(f"ALTER ROLE {READER} CONNECTION LIMIT 1")
    try:
        report = lab.call("SYNC_GROUP", team.group)
    finally:
        lab.psql(f"ALTER ROLE {READER} CONNECTION LIMIT -1")
    assert list(report["failed"]) == [team.broken], report
    team.assert_equal()
