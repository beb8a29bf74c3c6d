"""What the charts draw, and that the limit is drawn in."""

import datetime
from typing import Any

from snowpark.dashboard import charts

NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


def run(minutes_ago: int, status: str = "succeeded", **values: Any) -> dict[str, Any]:
    ended = NOW - datetime.timedelta(minutes=minutes_ago)
    return {
        "STARTED_AT": ended - datetime.timedelta(minutes=1), "FINISHED_AT": ended,
        "STATUS": status, "KIND": "increment", "ROWS_EXTRACTED": 3,
        "EXTRACT_SECONDS": 1.5, "LOAD_SECONDS": None, "MERGE_SECONDS": 0.5,
    } | values  # fmt: skip


def test_data_grows_older_until_the_next_good_sync() -> None:
    runs = [run(10), run(30, "failed"), run(60), run(40, KIND="backfill")]
    points = charts.age_points(runs, NOW)
    assert [point["minutes"] for point in points] == [1.0, 51.0, 1.0, 11.0]
    assert points[0]["at"] == "2026-03-01T11:00:00+00:00"
    assert charts.age_points([run(5, "failed")], NOW) == []


def test_the_limit_is_a_line() -> None:
    with_limit, without = charts.age_chart(60), charts.age_chart(None)
    rule = with_limit["layer"][1]
    assert rule["mark"]["type"] == "rule" and rule["encoding"]["y"] == {"datum": 60}
    assert with_limit["layer"][2]["mark"]["text"] == "SLA: 60 min"
    assert len(without["layer"]) == 1


def test_the_tables_that_used_most_of_their_limit_are_drawn() -> None:
    rows = [
        {"TABLE_NAME": f"t{n}", "STATE": "ok", "FRESHNESS_MINUTES": n,
         "FRESHNESS_SLA_MINUTES": 10}
        for n in range(50)
    ]  # fmt: skip
    none = rows[0] | {"TABLE_NAME": "free", "FRESHNESS_SLA_MINUTES": None}
    points = charts.share_points([none, *rows])
    assert len(points) == charts.MOST_BARS
    assert points[0] == {"table": "t49", "share": 490.0, "state": "ok"}
    bars, rule, _ = charts.share_chart(points)["layer"]
    assert rule["encoding"]["x"] == {"datum": 100}
    # One table that is weeks late does not press the others to nothing.
    assert bars["encoding"]["x"]["scale"]["domain"] == [0, 300.0]


def test_runs_are_drawn_by_time_each_step() -> None:
    points = charts.run_points([run(1), run(5, STARTED_AT=None), run(9)])
    assert [point["step"] for point in points[:3]] == ["extract", "load", "merge"]
    assert len(points) == 6 and points[0]["at"] < points[3]["at"]
    assert [point["seconds"] for point in points[:3]] == [1.5, 0.0, 0.5]


def test_days_are_drawn_by_hour_if_they_are_few() -> None:
    by_hour, by_day = charts.activity_chart(1), charts.rows_chart(365)
    assert by_hour["encoding"]["x"]["timeUnit"] == "utcyearmonthdatehours"
    assert by_day["encoding"]["x"]["timeUnit"] == "utcyearmonthdate"
    assert by_day["encoding"]["y"]["title"] == "rows read"
