"""Tasks and their graphs, schedules, alerts and notifications."""

import json
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.snowflake_server.core.errors import SnowflakeError
from local.snowflake_server.tasks.task_schedule import read_schedule

from .conftest import Account, Client

SIZE = "USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = 'XSMALL'"
RUNNING = 91433


def seen(account: Account, advance_seconds: float = 0) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{account.port}/local/tasks",
        data=json.dumps({"advance_seconds": advance_seconds}).encode(),
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        found: dict[str, Any] = json.loads(response.read())
    return found


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


def finished(account: Account, database: str, runs: int = 1) -> dict[str, str]:
    """Waits for runs of the graph ROOT; returns the states by task of the last one."""

    def rows() -> list[dict[str, Any]]:
        found = seen(account)
        root = f"{database}.PUBLIC.ROOT"
        listed = [r for r in found["runs"] if r["root"] == root]
        return [] if root in found["running"] else listed

    until(lambda: len({r["graph_run"] for r in rows()}) >= runs)
    last = rows()[-1]["graph_run"]
    return {r["name"]: r["state"] for r in rows() if r["graph_run"] == last}


def make_graph(client: Client, root: str = "", bad: str = "no_such_table") -> None:
    client.run("CREATE TABLE log (step VARCHAR)")
    insert = "INSERT INTO log VALUES"
    client.run(
        f"CREATE TASK root {SIZE} SCHEDULE = '60 MINUTES' {root} AS {insert} ('root')"
    )
    client.run(f"CREATE TASK good {SIZE} AFTER root AS {insert} ('good')")
    client.run(f"CREATE TASK bad {SIZE} AFTER root AS INSERT INTO {bad} VALUES ('bad')")
    client.run(f"CREATE TASK after_good {SIZE} AFTER good AS {insert} ('after_good')")
    client.run(f"CREATE TASK after_bad {SIZE} AFTER bad AS {insert} ('after_bad')")
    client.run(f"CREATE TASK last {SIZE} FINALIZE = root AS {insert} ('last')")
    client.one("SELECT SYSTEM$TASK_DEPENDENTS_ENABLE(?)", "root")


def test_a_failed_task_stops_what_follows_it_and_nothing_else(
    client: Client, account: Account, database: str
) -> None:
    make_graph(client)
    client.run("EXECUTE TASK root")
    assert finished(account, database) == {
        "ROOT": "SUCCEEDED",
        "GOOD": "SUCCEEDED",
        "BAD": "FAILED",
        "AFTER_GOOD": "SUCCEEDED",
        "AFTER_BAD": "SKIPPED",
        "LAST": "SUCCEEDED",
    }
    steps = [row[0] for row in client.run("SELECT step FROM log")]
    assert sorted(steps) == ["after_good", "good", "last", "root"]
    assert steps[0] == "root" and steps[-1] == "last"


def test_failed_tasks_are_repeated_while_retries_last(
    client: Client, account: Account, database: str
) -> None:
    make_graph(client, "TASK_AUTO_RETRY_ATTEMPTS = 1", bad="log")
    account.faults({"match": r"VALUES \('bad'\)", "action": "error"})
    client.run("EXECUTE TASK root")
    states = finished(account, database)
    assert states["BAD"] == states["AFTER_BAD"] == "SUCCEEDED"
    steps = sorted(row[0] for row in client.run("SELECT step FROM log"))
    assert steps == ["after_bad", "after_good", "bad", "good", "last", "root"]


LANES = """DECLARE
    report VARIANT;
    lanes VARCHAR;
BEGIN
    CALL who_works() INTO :report;
    lanes := GET(report, 'lanes')::VARCHAR;
    CALL SYSTEM$SET_RETURN_VALUE(:lanes);
END"""


def lane(number: int) -> str:
    return (
        f"CREATE TASK lane_{number} {SIZE} AFTER root"
        f" WHEN SYSTEM$GET_PREDECESSOR_RETURN_VALUE()::NUMBER >= {number}"
        f" AS INSERT INTO log VALUES ('lane {number}')"
    )


def test_a_task_runs_only_when_the_return_value_of_its_predecessor_says_so(
    client: Client, account: Account, database: str
) -> None:
    client.run("CREATE TABLE log (step VARCHAR)")
    client.run(f"CREATE TASK root {SIZE} SCHEDULE = '60 MINUTES' AS SELECT 1")
    for number in (1, 2, 3):
        client.run(lane(number))
    client.run(f"CREATE TASK after_3 {SIZE} AFTER lane_3 AS SELECT 1")
    client.run(f"CREATE TASK last {SIZE} FINALIZE = root AS SELECT 1")
    value = "CALL SYSTEM$SET_RETURN_VALUE('2')"
    client.run(f"ALTER TASK root MODIFY AS BEGIN {value}; END")
    client.one("SELECT SYSTEM$TASK_DEPENDENTS_ENABLE(?)", "root")
    client.run("EXECUTE TASK root")
    assert finished(account, database) == {
        "ROOT": "SUCCEEDED",
        "LANE_1": "SUCCEEDED",
        "LANE_2": "SUCCEEDED",
        "LANE_3": "SKIPPED",
        "AFTER_3": "SKIPPED",
        "LAST": "SUCCEEDED",
    }
    runs = [r for r in seen(account)["runs"] if r["root"].startswith(database)]
    assert {r["name"]: r["return_value"] for r in runs}["ROOT"] == "2"
    assert sorted(row[0] for row in client.run("SELECT step FROM log")) == [
        "lane 1",
        "lane 2",
    ]


def test_without_a_return_value_the_condition_is_not_true(
    client: Client, account: Account, database: str
) -> None:
    client.run("CREATE TABLE log (step VARCHAR)")
    client.run(f"CREATE TASK root {SIZE} SCHEDULE = '60 MINUTES' AS SELECT 1")
    client.run(lane(1))
    client.one("SELECT SYSTEM$TASK_DEPENDENTS_ENABLE(?)", "root")
    client.run("EXECUTE TASK root")
    assert finished(account, database) == {"ROOT": "SUCCEEDED", "LANE_1": "SKIPPED"}


@pytest.mark.parametrize(
    "text",
    [
        f"CREATE TASK t {SIZE} AFTER root WHEN SYSTEM$STREAM_HAS_DATA('s') AS SELECT 1",
        f"CREATE TASK t {SIZE} WHEN SYSTEM$GET_PREDECESSOR_RETURN_VALUE()::NUMBER >= 1"
        " AS SELECT 1",
        f"CREATE TASK t {SIZE} AS BEGIN LET x := 1; END",
        f"CREATE TASK t {SIZE} AS BEGIN CALL SYSTEM$SET_RETURN_VALUE(:gone); END",
        f"CREATE TASK t {SIZE} AS DECLARE x DATE; BEGIN SELECT 1; END",
    ],
)
def test_blocks_and_conditions_that_are_not_imitated_are_refused(
    client: Client, text: str
) -> None:
    client.run(f"CREATE TASK root {SIZE} SCHEDULE = '60 MINUTES' AS SELECT 1")
    with pytest.raises(Exception, match="."):
        client.run(text)


def test_a_schedule_fires_by_itself_and_not_when_suspended(
    client: Client, account: Account, database: str
) -> None:
    make_graph(client)
    seen(account, 3601)
    finished(account, database, 1)
    seen(account, 3601)
    finished(account, database, 2)
    client.run("ALTER TASK root SUSPEND")
    client.run("CREATE TASK other SCHEDULE = 'USING CRON 0 4 * * * Europe/Berlin' AS "
               "INSERT INTO log VALUES ('other')")  # fmt: skip
    client.run("ALTER TASK other RESUME")
    seen(account, 24 * 3600)
    until(lambda: ("other",) in client.run("SELECT step FROM log"))
    assert client.one("SELECT COUNT(*) FROM log WHERE step = 'root'") == 2


def test_a_graph_changes_only_while_its_root_is_suspended(
    client: Client, account: Account, database: str
) -> None:
    make_graph(client)
    for text in (
        "ALTER TASK good SUSPEND",
        "ALTER TASK good SET COMMENT = 'x'",
        "DROP TASK good",
        f"CREATE TASK more {SIZE} AFTER root AS SELECT 1",
        "CREATE OR ALTER TASK root SCHEDULE = '5 MINUTES' AS SELECT 1",
    ):
        assert client.fails(text).errno == RUNNING
    client.run("ALTER TASK root SUSPEND")
    client.run(f"CREATE OR ALTER TASK good {SIZE} AFTER root AS SELECT 2")
    states = {row[1]: row[9] for row in client.run("SHOW TASKS LIKE 'g%'")}
    assert states == {"GOOD": "started"}
    client.run("DROP TASK after_good")
    client.run("ALTER TASK IF EXISTS after_good SUSPEND")
    client.run("EXECUTE TASK root")
    assert "AFTER_GOOD" not in finished(account, database)


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TASK a SCHEDULE = '5 MINUTES' AFTER root AS SELECT 1",
        "CREATE TASK a SCHEDULE = '5 SECONDS' AS SELECT 1",
        "CREATE TASK a SCHEDULE = 'USING CRON 61 * * * * UTC' AS SELECT 1",
        "CREATE TASK a SCHEDULE = 'USING CRON 1 * * * * Mars' AS SELECT 1",
        "CREATE TASK a AFTER nobody AS SELECT 1",
        "CREATE TASK a FINALIZE = root AS SELECT 1",
        "CREATE TASK a AFTER last AS SELECT 1",
        "CREATE TASK a WAREHOUSE = nowhere AS SELECT 1",
        f"CREATE TASK a WAREHOUSE = compute_wh {SIZE} AS SELECT 1",
        "CREATE TASK a COLOUR = 'red' AS SELECT 1",
        "CREATE TASK root AS SELECT 1",
        "CREATE OR ALTER TASK good AFTER after_good AS SELECT 1",
        "EXECUTE TASK good",
    ],
)
def test_what_snowflake_refuses_is_refused(client: Client, text: str) -> None:
    client.run(f"CREATE TASK root {SIZE} AS SELECT 1")
    client.run(f"CREATE TASK good {SIZE} AFTER root AS SELECT 1")
    client.run(f"CREATE TASK after_good {SIZE} AFTER good AS SELECT 1")
    client.run(f"CREATE TASK last {SIZE} FINALIZE = root AS SELECT 1")
    assert client.fails(text).errno


def test_a_parent_has_at_most_a_hundred_children(client: Client) -> None:
    client.run(f"CREATE TASK root {SIZE} AS SELECT 1")
    for number in range(100):
        client.run(f"CREATE TASK c{number} {SIZE} AFTER root AS SELECT 1")
    error = client.fails(f"CREATE TASK c100 {SIZE} AFTER root AS SELECT 1")
    assert "100 child tasks" in error.msg


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("USING CRON 30 2 * * * UTC", "2026-01-02T02:30"),
        ("USING CRON */15 * * * * UTC", "2026-01-01T12:15"),
        ("USING CRON 0 0 L * * UTC", "2026-01-31T00:00"),
        ("USING CRON 0 9 * * MON-FRI UTC", "2026-01-02T09:00"),
        ("USING CRON 0 9 * 3,4 0 UTC", "2026-03-01T09:00"),
        ("USING CRON 0 14 * * * Europe/Berlin", "2026-01-01T13:00"),
        ("90 MINUTES", "2026-01-01T13:30"),
        ("10 SECONDS", "2026-01-01T12:00:10"),
    ],
)
def test_the_next_due_time(schedule: str, due: str) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    want = datetime.fromisoformat(due).replace(tzinfo=UTC)
    assert read_schedule(schedule).after(noon) == want


def test_a_day_that_never_comes_is_no_schedule() -> None:
    with pytest.raises(SnowflakeError):
        read_schedule("USING CRON 0 0 30 2 * UTC").after(datetime.now(UTC))


def test_a_daily_task_runs_twice_in_the_hour_that_comes_twice() -> None:
    """As Snowflake does (sql-reference/sql/create-task, usage notes)."""
    schedule = read_schedule("USING CRON 30 2 * * * Europe/Berlin")
    first = schedule.after(datetime(2026, 10, 24, 22, tzinfo=UTC))
    assert schedule.after(first) - first == timedelta(hours=1)


def test_an_alert_acts_when_its_condition_holds(
    client: Client, account: Account, database: str
) -> None:
    client.run("CREATE TABLE log (step VARCHAR)")
    client.run(
        "CREATE ALERT watch SCHEDULE = '5 MINUTE' IF (EXISTS (SELECT 1 FROM log)) "
        "THEN INSERT INTO log VALUES ('alert')"
    )
    client.run("EXECUTE ALERT watch")
    assert client.run("SELECT step FROM log") == []
    client.run("INSERT INTO log VALUES ('problem')")
    client.run("ALTER ALERT watch RESUME")
    seen(account, 301)
    until(lambda: ("alert",) in client.run("SELECT step FROM log"))
    client.run("ALTER ALERT watch SUSPEND")


def test_notifications_reach_known_integrations_only(
    client: Client, account: Account
) -> None:
    client.run(
        "CREATE OR REPLACE NOTIFICATION INTEGRATION mail TYPE = EMAIL ENABLED = TRUE "
        "ALLOWED_RECIPIENTS = ('a@example.com')"
    )
    send = "CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION(?, ?)"
    message = '{"text/plain": "hello"}'
    client.run(send, message, '{"mail": {"toAddress": ["a@example.com"]}}')
    assert seen(account)["notifications"][-1]["messages"] == [{"text/plain": "hello"}]
    for targets in ('{"x": {}}', '{"mail": {"toAddress": ["b@example.com"]}}', "[1]"):
        assert client.fails(send, message, targets).errno
    assert client.fails(send, '{"application/json": "{}"}', '{"mail": {}}').errno
