"""PURE: charts as Vega-Lite, with the limits drawn in. Times are shown in UTC."""

import datetime
from collections.abc import Iterable, Sequence
from typing import Any

from snowpark.dashboard.shaping import Row, used

BLUE, LIGHT_BLUE, GREEN = "#0068c9", "#83c9ff", "#29b09d"
RED, ORANGE, GRAY = "#ff2b2b", "#ff8700", "#a3a8b8"
STATUS_COLORS = {
    "succeeded": GREEN,
    "unchanged": LIGHT_BLUE,
    "failed": RED,
    "abandoned": ORANGE,
}
MOST_BARS = 30
_TIME = {
    "type": "temporal",
    "scale": {"type": "utc"},
    "title": "time (UTC)",
    "axis": {"format": "%b %d %H:%M", "labelOverlap": True},
}

Points = list[dict[str, Any]]
Spec = dict[str, Any]


def age_points(runs: Iterable[Row], now: datetime.datetime) -> Points:
    """Returns how old the data of a table was, in minutes: before and after each sync.

    Everything committed in the source before the start of a good sync is in the target
    when it ends; until the next one the data grows older.
    """
    good = sorted(
        (run["FINISHED_AT"], run["STARTED_AT"])
        for run in runs
        if run["STATUS"] in ("succeeded", "unchanged")
        and run["KIND"] in ("increment", "snapshot")
        and run["STARTED_AT"] is not None
    )
    points: Points = []
    fresh: datetime.datetime | None = None
    for finished, started in good:
        if fresh is not None:
            points.append(_age(finished, fresh))
        fresh = started
        points.append(_age(finished, fresh))
    if fresh is not None:
        points.append(_age(now, fresh))
    return points


def _age(at: datetime.datetime, fresh: datetime.datetime) -> dict[str, Any]:
    minutes = (at - fresh).total_seconds() / 60
    return {"at": _iso(at), "minutes": round(minutes, 1)}


def _iso(value: datetime.datetime) -> str:
    return value.astimezone(datetime.UTC).isoformat()


def age_chart(limit: int | None) -> Spec:
    """Returns the chart of the points of age_points, with the SLA as a line."""
    line: Spec = {
        "mark": {"type": "line", "color": BLUE},
        "encoding": {
            "x": {"field": "at", **_TIME},
            "y": {
                "field": "minutes",
                "type": "quantitative",
                "title": "age of the data (minutes)",
            },
            "tooltip": [
                {"field": "at", "type": "temporal", "format": "%Y-%m-%d %H:%M"},
                {"field": "minutes", "type": "quantitative"},
            ],
        },
    }
    return {"layer": [line, *_limit("y", limit, f"SLA: {limit} min")], "height": 260}


def _limit(axis: str, value: float | None, text: str) -> list[Spec]:
    """A dashed line at a value, with what it is; nothing without one."""
    if not value:
        return []
    line = {
        "mark": {"type": "rule", "color": RED, "strokeDash": [6, 4], "size": 2},
        "encoding": {axis: {"datum": value}},
    }
    label: Spec = {
        "mark": {"type": "text", "color": RED, "text": text, "fontSize": 12},
        "encoding": {axis: {"datum": value}},
    }
    if axis == "y":
        label["mark"] |= {"align": "left", "baseline": "bottom", "dx": 4, "dy": -4}
        label["encoding"]["x"] = {"value": 0}
    else:
        label["mark"] |= {"align": "left", "baseline": "top", "dx": 5}
        label["encoding"]["y"] = {"value": 0}
    return [line, label]


def share_points(rows: Sequence[Row]) -> Points:
    """Returns the tables that have used most of their SLA, at most MOST_BARS."""
    shares = [
        {"table": row["TABLE_NAME"], "share": used(row), "state": row["STATE"]}
        for row in rows
        if used(row) is not None
    ]
    return sorted(shares, key=lambda one: -float(one["share"]))[:MOST_BARS]


def share_chart(points: Points) -> Spec:
    """Returns the chart of share_points: a bar for each table, the SLA at 100 %."""
    # One table that is weeks late must not press the others to nothing.
    most = max([150.0, *(min(float(point["share"]), 300.0) for point in points)])
    bars = {
        "mark": {"type": "bar", "clip": True},
        "encoding": {
            "y": {
                "field": "table", "type": "nominal", "sort": None, "title": None,
                "axis": {"labelLimit": 260},
            },
            "x": {
                "field": "share", "type": "quantitative",
                "title": "age of the data, in % of the SLA",
                "scale": {"domain": [0, most]},
            },
            "color": {
                "condition": {"test": "datum.share > 100", "value": ORANGE},
                "value": BLUE,
            },
            "tooltip": [{"field": "table"}, {"field": "share"}, {"field": "state"}],
        },
    }  # fmt: skip
    return {
        "layer": [bars, *_limit("x", 100, "SLA")],
        "height": {"step": 20},
    }


def activity_points(rows: Iterable[Row]) -> Points:
    """Returns sums of runs by time and status."""
    return [
        {
            "at": _iso(row["MOMENT"]),
            "status": row["STATUS"],
            "runs": int(row["RUNS"] or 0),
            "rows": int(row["ROWS_EXTRACTED"] or 0),
            "seconds": float(row["SECONDS"] or 0),
        }
        for row in rows
    ]


def activity_chart(days: int) -> Spec:
    """Returns the chart of activity_points: runs by status."""
    return {
        "mark": {"type": "bar"},
        "encoding": {
            "x": {
                "field": "at", "type": "temporal", "title": "time (UTC)",
                "timeUnit": f"utcyearmonthdate{'hours' if days <= 2 else ''}",
            },
            "y": {
                "field": "runs", "type": "quantitative", "aggregate": "sum",
                "title": "runs",
            },
            "color": {
                "field": "status", "type": "nominal",
                "scale": {
                    "domain": list(STATUS_COLORS),
                    "range": list(STATUS_COLORS.values()),
                },
                "legend": {"orient": "bottom", "title": None},
            },
        },
        "height": 240,
    }  # fmt: skip


def rows_chart(days: int) -> Spec:
    """Returns the chart of activity_points: rows that were read."""
    spec = activity_chart(days)
    spec["encoding"]["y"] = {
        "field": "rows", "type": "quantitative", "aggregate": "sum",
        "title": "rows read",
    }  # fmt: skip
    del spec["encoding"]["color"]
    spec["mark"]["color"] = BLUE
    return spec


def run_points(runs: Iterable[Row]) -> Points:
    """Returns rows and seconds by step of a table's runs, the oldest first.

    Runs that vanished have no start and are left out.
    """
    points = []
    for run in runs:
        if run["STARTED_AT"] is None:
            continue
        begun = _iso(run["STARTED_AT"])
        for step in ("extract", "load", "merge"):
            seconds = float(run[f"{step.upper()}_SECONDS"] or 0)
            points.append(
                {
                    "at": begun,
                    "step": step,
                    "seconds": seconds,
                    "rows": int(run["ROWS_EXTRACTED"] or 0),
                }
            )
    return sorted(points, key=lambda point: point["at"])


def seconds_chart() -> Spec:
    """Returns the chart of run_points: seconds by step."""
    return {
        "mark": {"type": "bar", "size": 4},
        "encoding": {
            "x": {"field": "at", **_TIME},
            "y": {"field": "seconds", "type": "quantitative"},
            "color": {
                "field": "step", "type": "nominal",
                "scale": {
                    "domain": ["extract", "load", "merge"],
                    "range": [BLUE, LIGHT_BLUE, GREEN],
                },
                "legend": {"orient": "bottom", "title": None},
            },
        },
        "height": 240,
    }  # fmt: skip


def run_rows_chart() -> Spec:
    """Returns the chart of run_points: rows that each run read."""
    return {
        "transform": [{"filter": "datum.step == 'extract'"}],
        "mark": {"type": "bar", "size": 4, "color": BLUE},
        "encoding": {
            "x": {"field": "at", **_TIME},
            "y": {"field": "rows", "type": "quantitative", "title": "rows read"},
        },
        "height": 240,
    }


def cost_points(rows: Iterable[Row]) -> Points:
    """Returns the credits of each day."""
    return [
        {"day": str(row["DAY"]), "credits": float(row["CREDITS"] or 0)} for row in rows
    ]


def cost_chart() -> Spec:
    """Returns the chart of cost_points."""
    return {
        "mark": {"type": "bar", "color": BLUE},
        "encoding": {
            "x": {"field": "day", "type": "ordinal", "title": "day"},
            "y": {"field": "credits", "type": "quantitative"},
        },
        "height": 240,
    }
