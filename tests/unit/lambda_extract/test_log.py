"""Lines that CloudWatch makes metrics of: which, by what, and how many."""

import io
import json
import sys

import pytest

from lambda_extract import log

VALUES = {"Rows": 3, "Bytes": 99, "Seconds": 1.5, "Failures": 0}


@pytest.mark.parametrize(
    ("level", "dimensions"),
    [("source", [["source"]]), ("table", [["source"], ["source", "table"]])],
)
def test_a_line_is_in_the_embedded_metric_format(
    level: str, dimensions: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    log.measure(level, source="shop", table="orders", **VALUES)
    line = json.loads(capsys.readouterr().out)
    (described,) = line["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == "AuroraSync"
    assert described["Dimensions"] == dimensions
    assert line["_aws"]["Timestamp"] > 1_700_000_000_000
    # Each metric and each dimension has its value at the top of the line.
    assert {m["Name"]: line[m["Name"]] for m in described["Metrics"]} == VALUES
    assert (line["source"], line["table"]) == ("shop", "orders")


def test_nothing_is_measured_if_nobody_asks(capsys: pytest.CaptureFixture[str]) -> None:
    log.measure("none", source="shop", table="orders", **VALUES)
    log.measure("table", source="", table="", Failures=1)
    assert capsys.readouterr().out == ""


def test_a_line_has_left_before_lambda_freezes_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What stays in a buffer comes with the next job, or never."""
    left = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(left))
    log.emit("claimed", table="orders")
    assert json.loads(left.getvalue())["event"] == "claimed"
    left.truncate(left.seek(0))
    log.measure("source", source="shop", table="orders", **VALUES)
    assert json.loads(left.getvalue())["event"] == "measured"
