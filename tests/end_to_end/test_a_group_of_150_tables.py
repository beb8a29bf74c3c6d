"""Groups that run by themselves: schedule, task graph, broken tables, alerts."""

import contextlib
import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import snowflake.connector

from local.stack import running_stack
from scripts.deploy_local import deploy_local
from tests.end_to_end.faults import Switchboard
from tests.end_to_end.lab import TARGET_SCHEMA, Lab

MAIL, TOPIC = "AURORA_SYNC_TEST_MAIL", "AURORA_SYNC_TEST_TOPIC"


class Schedule:
    """A scheduled group, and the clock of the local Snowflake's schedules."""

    def __init__(self, lab: Lab, tables: int) -> None:
        self.lab = lab
        self.group = lab.name("my-group.x")
        self.tables = [lab.name(f"t{number:03d}") for number in range(tables)]
        self.dropped, self.denied, self.unfit = self.tables[:3]
        self.good = self.tables[3:]
        lab.query(
            f"CREATE NOTIFICATION INTEGRATION IF NOT EXISTS {MAIL} TYPE = EMAIL"
            " ENABLED = TRUE"
        )
        lab.query(
            f"CREATE NOTIFICATION INTEGRATION IF NOT EXISTS {TOPIC} TYPE = QUEUE"
            " ENABLED = TRUE DIRECTION = OUTBOUND NOTIFICATION_PROVIDER = AWS_SNS"
            " AWS_SNS_TOPIC_ARN = 'arn:aws:sns:eu-west-1:000000000000:alerts'"
            " AWS_SNS_ROLE_ARN = 'arn:aws:iam::000000000000:role/alerts'"
        )
        for name in (MAIL, TOPIC):
            lab.query(f"GRANT USAGE ON INTEGRATION {name} TO ROLE sync_admin")
        for table in self.tables:
            lab.orders_table(table, 12)

    def apply(self, tables: list[str], **group: Any) -> dict[str, Any]:
        """Applies a configuration, then its task graphs."""
        # Failed tasks are repeated by Snowflake: what is broken stays broken.
        settings = {"schedule": {"every_minutes": 10}, "retry_attempts": 1, **group}
        entries: dict[str, Any] = {table: {"cursor": "updated_at"} for table in tables}
        if self.unfit in entries:
            entries[self.unfit] = {"cursor": "note"}
        config = {
            "version": 1,
            "defaults": {
                "source": "shop",
                "group": self.group,
                "target_schema": TARGET_SCHEMA,
                "margin_seconds": 0,
                "freshness_sla_minutes": 60,
            },
            "sources": {"shop": {"time_zone": "UTC"}},
            "groups": {self.group: settings},
            "alerts": {
                "email": {"integration": MAIL, "recipients": ["a@example.com"]},
                "sns": {"integration": TOPIC},
            },
            "tables": entries,
        }
        self.lab.call("APPLY_CONFIG", json.dumps(config))
        return self.apply_tasks()

    def apply_tasks(self) -> dict[str, Any]:
        """Makes the task graphs what the configuration says."""
        (row,) = self.lab.query("CALL APPLY_TASKS()")
        report: dict[str, Any] = json.loads(next(iter(row.values())))
        return report

    def break_three(self) -> None:
        """Two tables cannot be read any more; the third one's cursor never could."""
        self.lab.psql(f"DROP TABLE {self.dropped}")
        self.lab.psql(f"REVOKE ALL ON {self.denied} FROM PUBLIC, {self._reader()}")

    def _reader(self) -> str:
        (row,) = self.lab.psql(
            "SELECT string_agg(DISTINCT quote_ident(grantee), ', ')"
            " FROM information_schema.role_table_grants"
            " WHERE table_name = %s AND grantee <> current_user",
            self.good[0],
        )
        return str(row[0])

    def change(self, cycle: int) -> None:
        """Changes every table that can be read."""
        for table in self.good:
            self.lab.psql(
                f"UPDATE {table} SET note = 'cycle {cycle}', updated_at = now()"
                f" WHERE id % 4 = {cycle % 4};"
                f" INSERT INTO {table} (note) VALUES ('new {cycle}')"
            )

    def seen(self, advance_seconds: float = 0) -> dict[str, Any]:
        """Sets the clock of the schedules forward; returns what ran."""
        address = self.lab.stack.endpoints.snowflake
        request = urllib.request.Request(
            f"http://{address.host}:{address.port}/local/tasks",
            data=json.dumps({"advance_seconds": advance_seconds}).encode(),
            method="PUT",
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            found: dict[str, Any] = json.loads(response.read())
        return found

    def cycle(self) -> dict[str, tuple[str, str | None]]:
        """Waits for the next scheduled run; returns state and error by task."""
        root = f'"EXTRACT_{self.group.upper()}"'

        def runs() -> list[dict[str, Any]]:
            found = self.seen()
            if any(name.endswith(root) for name in found["running"]):
                return []
            return [r for r in found["runs"] if r["root"].endswith(root)]

        before = len({r["graph_run"] for r in runs()})
        self.seen(601)
        end = time.monotonic() + 300
        while len({r["graph_run"] for r in runs()}) <= before:
            assert time.monotonic() < end, "the schedule did not fire"
            time.sleep(0.05)
        listed = runs()
        last = listed[-1]["graph_run"]
        return {
            r["name"]: (r["state"], r["error"])
            for r in listed
            if r["graph_run"] == last
        }

    def last_report(self) -> dict[str, Any]:
        """Returns what the finalizer has told last."""
        (row,) = self.lab.query(
            "SELECT message FROM control.sync_group_steps"
            " WHERE group_name = %s AND step = 'finished'"
            " ORDER BY recorded_at DESC LIMIT 1",
            self.group,
        )
        found: dict[str, Any] = json.loads(row["MESSAGE"])
        return found

    def mails(self) -> list[str]:
        """Returns the texts of the notifications about this group."""
        texts = [
            message["text/plain"]
            for sent in self.seen()["notifications"]
            if sent["integration"] == MAIL
            for message in sent["messages"]
        ]
        return [text for text in texts if self.group in text]


@pytest.fixture
def lab_after(lab: Lab) -> Iterator[Lab]:
    """The lab; afterwards no group is scheduled any more."""
    yield lab
    table = lab.name("unscheduled")
    lab.apply({table: {"cursor": "updated_at"}})
    lab.query("CALL APPLY_TASKS()")
    assert lab.query("SHOW TASKS IN SCHEMA control") == []


def check_cycles(schedule: Schedule, cycles: int) -> None:
    """Runs scheduled cycles with changing data and three broken tables."""
    lab = schedule.lab
    schedule.apply(schedule.tables)
    schedule.break_three()
    errors = {
        schedule.dropped: "table_not_found",
        schedule.denied: "permission_denied",
        schedule.unfit: "cursor_type_unsupported",
    }
    for cycle in range(cycles):
        schedule.change(cycle)
        states = schedule.cycle()
        assert len(states) == 2 + 8
        told = " ".join(str(error) for state, error in states.values() if error)
        assert "lane_failed" in told
        for table, code in errors.items():
            assert f"{table} [{code}]" in told
        for table in schedule.good:
            assert f"{table} [" not in told
        assert states[f"FINISH_{schedule.group.upper()}"] == ("SUCCEEDED", None)
    for table in schedule.good:
        lab.assert_equal(table)
    for table, code in errors.items():
        row = lab.last_run(table)
        assert (row["STATE"], row["LAST_ERROR_CODE"]) == ("failed", code)
        assert lab.lease_owner(table) is None
    (mail,) = schedule.mails()  # once, not with every cycle
    for table, code in errors.items():
        assert f"{table} (group {schedule.group}) failed since" in mail
        assert f"[{code}]" in mail
    assert not [t for t in schedule.good if f"{t} (group" in mail], mail


@pytest.fixture
def patient_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A stack of its own, whose events may wait long for one of the few workers."""
    for name in ("EXTRACT_BUDGET", "WORKER_TIMEOUT", "WORKER_START"):
        monkeypatch.setenv(f"{name}_SECONDS", "200")
    with running_stack(tmp_path) as stack:
        deploy_local(stack.endpoints)
        parameters = stack.endpoints.snowflake.parameters
        with (
            contextlib.closing(psycopg2.connect(stack.endpoints.aurora_dsn)) as source,
            snowflake.connector.connect(**parameters) as target,
        ):
            source.autocommit = True
            yield Lab(stack, source, target)


@pytest.mark.large
def test_a_hundred_and_fifty_tables_three_of_them_broken(patient_lab: Lab) -> None:
    check_cycles(Schedule(patient_lab, 150), 2)


@pytest.mark.large
def test_a_scheduled_group_with_three_broken_tables(lab_after: Lab) -> None:
    schedule = Schedule(lab_after, 6)
    check_cycles(schedule, 2)
    check_that_tasks_follow_the_configuration(schedule)
    check_that_late_tables_are_told_of(schedule)
    check_that_a_lasting_problem_is_told_once(schedule)


@pytest.mark.large
def test_a_task_that_is_killed_in_a_running_graph(
    lab_after: Lab, faults: Switchboard
) -> None:
    """Other tables go on, the finalizer tells of it, the next run makes it good."""
    lab, schedule = lab_after, Schedule(lab_after, 6)
    schedule.apply(schedule.good, retry_attempts=0)
    assert "FAILED" not in {state for state, _ in schedule.cycle().values()}
    for procedure, statement, survivors in (
        ("EXTRACT_LANES", "aurora_extract", 0),
        ("LOAD_LANE", "^COPY INTO", 2),
        ("LOAD_LANE", "^MERGE INTO", 2),
        ("LOAD_LANE", "^COMMIT", 2),
        ("FINISH_GROUP", "INSERT INTO control.sync_group_steps", 3),
    ):
        schedule.change(0)
        rule = {"match": statement, "procedure": procedure, "action": "kill_procedure"}
        faults.snowflake(rule)
        states = schedule.cycle()
        faults.clear()
        killed = f"{procedure.partition('_')[0]}_"
        failed = [name for name, (state, _) in states.items() if state == "FAILED"]
        assert [name for name in failed if name.startswith(killed)] == failed
        assert len(failed) == 1, (procedure, states)
        lanes = [s for name, (s, _) in states.items() if name.startswith("LOAD_")]
        assert lanes.count("SUCCEEDED") == survivors, (procedure, states)
        if procedure == "LOAD_LANE":
            report = schedule.last_report()
            assert len(report["changed"]) == survivors
            assert len(report["failed"]) == 1
            for table in report["changed"]:
                lab.assert_equal(table)
        assert {lab.lease_owner(table) for table in schedule.good} == {None}, procedure
        assert "FAILED" not in {state for state, _ in schedule.cycle().values()}
        for table in schedule.good:
            lab.assert_equal(table)


def check_that_a_graph_of_an_older_release_becomes_one_of_lanes(
    schedule: Schedule,
) -> None:
    """It had two tasks for each table, and some in between if there were many."""
    lab, table = schedule.lab, schedule.good[0].upper()
    root = f"EXTRACT_{schedule.group.upper()}"
    old = ((f"FAN_{table}", root), (f"LOAD_{table}", f"FAN_{table}"))
    old += ((f"MERGE_{table}", f"LOAD_{table}"),)
    (role,) = lab.query("SELECT CURRENT_ROLE() AS name")
    lab.query("USE ROLE sync_admin")
    lab.query(f'ALTER TASK control."{root}" SUSPEND')
    for name, parent in old:
        lab.query(
            f'CREATE TASK control."{name}"'
            " USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = 'XSMALL'"
            f" COMMENT = 'Aurora sync, group {schedule.group}: old [0123456789abcdef]'"
            f' AFTER control."{parent}" AS SELECT 1'
        )
    lab.query(f"USE ROLE {role['NAME']}")
    report = schedule.apply_tasks()
    assert report["dropped"] == sorted(name for name, _ in old)
    assert not (report["created"] or report["altered"])


def check_that_tasks_follow_the_configuration(schedule: Schedule) -> None:
    lab = schedule.lab
    root = f"EXTRACT_{schedule.group.upper()}"
    before = len(lab.statements())
    report = schedule.apply_tasks()
    assert not (report["created"] or report["altered"] or report["dropped"])
    texts = [s["text"] for s in lab.statements()[before:]]
    assert not [t for t in texts if "TASK " in t and "SHOW" not in t]
    # A table less, or more, changes no task. APPLY_CONFIG brings them up to date.
    before = len(lab.statements())
    schedule.apply(schedule.tables[1:])
    texts = [s["text"] for s in lab.statements()[before:]]
    assert not [t for t in texts if "TASK " in t and "SHOW" not in t]
    schedule.apply(schedule.tables[1:], lanes=2)
    left = {r["name"] for r in lab.query("SHOW TASKS IN SCHEMA control")}
    name = schedule.group.upper()
    assert left == {root, f"LOAD_{name}_1", f"LOAD_{name}_2", f"FINISH_{name}"}
    check_that_a_graph_of_an_older_release_becomes_one_of_lanes(schedule)
    report = schedule.apply(
        schedule.tables[1:],
        lanes=2,
        schedule={"cron": "0 4 * * *", "time_zone": "Europe/Berlin"},
    )
    assert not report["altered"]
    (found,) = lab.query(f"SHOW TASKS LIKE '{root}' IN SCHEMA control")
    assert found["schedule"] == "USING CRON 0 4 * * * Europe/Berlin"
    states = {r["name"]: r["state"] for r in lab.query("SHOW TASKS IN SCHEMA control")}
    assert len(states) == 2 + 2 and set(states.values()) == {"started"}
    # A call that died in the middle left the root suspended: the next one resumes it.
    lab.query(f'ALTER TASK control."EXTRACT_{schedule.group.upper()}" SUSPEND')
    schedule.apply_tasks()
    states = {r["name"]: r["state"] for r in lab.query("SHOW TASKS IN SCHEMA control")}
    assert set(states.values()) == {"started"}


def check_that_late_tables_are_told_of(schedule: Schedule) -> None:
    """Nothing runs at all: the alert object sees it, once."""
    lab, late = schedule.lab, schedule.good[0]
    # As TIDY does after a day, so that one table can be told from the others.
    lab.query("INSERT INTO control.sync_runs SELECT * FROM control.sync_quiet_tables")
    lab.query("DELETE FROM control.sync_quiet_runs")
    lab.query(
        "UPDATE control.sync_runs SET"
        " started_at = DATEADD('hour', -3, started_at),"
        " finished_at = DATEADD('hour', -3, finished_at) WHERE table_name = %s",
        late,
    )
    for _ in range(2):
        lab.query("EXECUTE ALERT control.sync_problem")
    told = [mail for mail in schedule.mails() if "[freshness_sla]" in mail]
    assert len(told) == 1 and f"{late} (group {schedule.group}) late since" in told[0]
    rows = lab.query(
        "SELECT sent_to, send_error FROM control.sync_alerts"
        " WHERE table_name = %s AND kind = 'late'",
        late,
    )
    assert rows == [{"SENT_TO": f"{MAIL}, {TOPIC}", "SEND_ERROR": None}]


def check_that_a_lasting_problem_is_told_once(schedule: Schedule) -> None:
    """Every increment is good, and every comparison of keys behind it fails."""
    lab, table = schedule.lab, schedule.good[1]
    for _ in range(2):
        for kind, status in (("increment", "unchanged"), ("key_compare", "failed")):
            lab.query(
                "INSERT INTO control.sync_runs (run_id, table_name, kind, status,"
                " started_at, finished_at, error_code) SELECT 'r', %s, %s, %s,"
                " CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP(), 'too_many_deletes'",
                table,
                kind,
                status,
            )
        lab.query("EXECUTE ALERT control.sync_problem")
    told = [mail for mail in schedule.mails() if "[too_many_deletes]" in mail]
    assert len(told) == 1 and f"{table} (group" in told[0]
    lab.query(
        "UPDATE control.sync_alerts SET remind_at = CURRENT_TIMESTAMP()"
        " WHERE table_name = %s",
        table,
    )
    lab.query(f"DROP INTEGRATION {TOPIC}")

    def another(rival: Lab) -> None:
        rival.query("CALL RAISE_ALERTS()")

    with lab.before_statement("SYSTEM.SEND_SNOWFLAKE_NOTIFICATION", another):
        lab.query("EXECUTE ALERT control.sync_problem")
    assert len([m for m in schedule.mails() if "[too_many_deletes]" in m]) == 2
    # An integration that fails keeps the other one from nothing, and is recorded.
    (row,) = lab.query(
        "SELECT sent_to, send_error FROM control.sync_alerts WHERE table_name = %s"
        " AND send_error IS NOT NULL",
        table,
    )
    assert row["SENT_TO"] == MAIL and TOPIC in row["SEND_ERROR"]
