import re
from pathlib import Path

import pytest

from lambda_extract import log
from scripts import scale_model
from scripts.cost_inputs import LOAD, PRICES, InputError, parse
from scripts.estimate_cost import ASSUMPTIONS, estimate, inputs, table

ROOT = Path(__file__).resolve().parents[3]
IDLE = {"runs_per_day": 0.0}


def usd(what: str, **given: float) -> float:
    """Returns one line of the estimate."""
    (found,) = (line.usd for line in estimate(given) if line.what == what)
    return found


def test_idle_costs_only_what_is_paid_by_the_month() -> None:
    assert usd("Snowflake warehouse", **IDLE) == 0
    assert usd("API Gateway", **IDLE) == 0
    assert usd("S3", **IDLE) == 0
    assert usd("VPC endpoints and NAT", **IDLE) == pytest.approx(730 * 2 * 2 * 0.01)
    assert usd("key and secrets", **IDLE) == pytest.approx(1.4)


def test_the_warehouse_is_paid_for_its_run_and_until_it_suspends() -> None:
    seconds = scale_model.per_group({"tables": 50.0}).wall_seconds + 60
    given = {"runs_per_day": 24.0, "tables": 50.0, "credit": 3.0}
    expected = 730 * seconds / 3600 * 3
    assert usd("Snowflake warehouse", **given) == pytest.approx(expected)


def test_the_warehouse_cannot_run_longer_than_the_month() -> None:
    assert usd("Snowflake warehouse", runs_per_day=10_000) == pytest.approx(730 * 2)


def test_more_tables_cost_more_lambda_and_no_more_endpoints() -> None:
    assert usd("Lambda", tables=100) > 1.5 * usd("Lambda", tables=50)
    assert usd("VPC endpoints and NAT", tables=100) == usd("VPC endpoints and NAT")


def test_every_input_has_an_effect() -> None:
    usual = {"nat_gateways": 1.0}
    for name in (PRICES | ASSUMPTIONS | LOAD).keys() - {"moved_share"}:
        value = inputs(usual)[name]
        changed = usual | {name: value * 2 if value < 1 else value / 2}
        assert estimate(changed) != estimate(usual), name


@pytest.mark.parametrize("text", ["tables", "tables=many", "tabels=3", "tables=-1"])
def test_a_wrong_input_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        estimate(parse([text]))


@pytest.mark.parametrize("document", ["docs/DEPLOYMENT.md", "README.md"])
def test_the_documents_table_is_this_one(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    assert table({"idle": IDLE, "as assumed": {}}) in text


def test_as_many_alarms_and_metrics_are_assumed_as_terraform_makes() -> None:
    files = (ROOT / "terraform/modules/observability").glob("*.tf")
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    # One resource makes three alarms: errors, throttles, duration.
    alarms = text.count('resource "aws_cloudwatch_metric_alarm"') + 2
    assert alarms == ASSUMPTIONS["alarms"].value
    metrics = len(re.findall('resource "aws_cloudwatch_log_metric_filter"', text))
    assert metrics == ASSUMPTIONS["metrics"].value
    # Of one source, told apart by source alone, which is the default of `metrics`.
    assert len(log.UNITS) == ASSUMPTIONS["source_metrics"].value
