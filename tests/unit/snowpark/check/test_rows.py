"""What CHECK_SYNC says about what it has seen: each broken thing, and a true hint."""

import dataclasses
from typing import Any

import pytest

from lambda_extract import contract
from lambda_extract.contract import ErrorDetail, Finding
from snowpark.check import rows as judge
from snowpark.check.rows import Row, Target
from snowpark.errors import LambdaError
from snowpark.settings.groups import GroupSettings
from tests.unit.snowpark.samples import settings

ROLE = "SYNC_ADMIN"
HOURLY = GroupSettings("hourly", "60 MINUTES", warehouse="W")
SERVERLESS = GroupSettings("nightly", "USING CRON 0 0 * * * UTC")


def states(rows: tuple[Row, ...]) -> list[str]:
    return [row.state for row in rows]


def test_what_is_wrong_comes_first_and_everything_is_counted() -> None:
    rows = [Row("a", "ok", "x"), Row("b", "failed", "y", "do"), Row("c", "warning", "")]
    report = judge.report(rows)
    assert report["summary"] == "1 failed, 1 warnings, 1 ok."
    assert [row["check"] for row in report["rows"]] == ["b", "c", "a"]
    assert report["rows"][0] == {
        "check": "b",
        "subject": "",
        "state": "failed",
        "detail": "y",
        "what_to_do": "do",
    }


def test_findings_of_the_lambda_side_become_rows() -> None:
    findings = (
        Finding("tls", "warning", "no", "do"),
        Finding("key", "ok", "id", table="orders"),
    )
    reply = contract.CheckReply("r", contract.release(), findings)
    rows = judge.of_reply("shop", reply)
    assert rows[0].check == "release" and rows[0].state == "ok"
    assert rows[1:] == (
        Row("tls", "warning", "no", "do", "shop"),
        Row("key", "ok", "id", "", "orders"),
    )


def test_another_release_is_told() -> None:
    (row,) = judge.of_reply("shop", contract.CheckReply("r", "0.0.9-00000000", ()))
    assert row.state == "failed" and "0.0.9-00000000" in row.detail
    assert contract.release() in row.detail and "same version" in row.what_to_do


@pytest.mark.parametrize(
    ("code", "check"),
    [
        ("unsupported_version", "release"),
        ("bad_request", "release"),
        ("worker_lost", "lambda"),
    ],
)
def test_a_refusal_of_the_lambda_side_is_a_row(code: str, check: str) -> None:
    detail = ErrorDetail(code, "No.", False, "Do it.")
    (row,) = judge.of_reply("shop", contract.ErrorReply("r", detail))
    assert (row.check, row.state, row.what_to_do) == (check, "failed", "Do it.")
    assert code in row.detail
    (row,) = judge.of_reply("shop", contract.HealthReply("r", "18", 0, 0, 0))
    assert (row.check, row.state) == ("release", "failed")


def test_a_refused_statement_is_a_row() -> None:
    row = judge.failed("lambda", LambdaError("extract_call_failed", "No."), "shop")
    assert row.state == "failed" and "API integration" in row.what_to_do
    row = judge.failed("x", LambdaError("extract_call_failed", "No."), "", "Grant it.")
    assert row.what_to_do == "Grant it."
    row = judge.not_seen("task", LambdaError("extract_call_failed", "No."))
    assert row.state == "warning" and row.detail.startswith("not seen: [")


def test_dates_that_are_read_in_another_way() -> None:
    assert judge.of_dates("x", "x").state == "ok"
    row = judge.of_dates("y", "x")
    assert row.state == "failed" and "DATE_INPUT_FORMAT" in row.what_to_do


def test_an_integration_that_is_disabled() -> None:
    assert judge.of_integration("I", {"ENABLED": "true"}, "integration").state == "ok"
    row = judge.of_integration("I", {"ENABLED": "false"}, "notification")
    assert (row.check, row.state) == ("notification", "failed")
    assert row.what_to_do == "ALTER INTEGRATION I SET ENABLED = TRUE;"


@pytest.mark.parametrize(
    ("name", "good", "bad", "state"),
    [
        ("AUTOCOMMIT", "true", "false", "warning"),
        ("DATE_INPUT_FORMAT", "AUTO", "DD/MM/YYYY", "warning"),
        ("TIME_INPUT_FORMAT", "auto", "HH12", "warning"),
        ("TIMESTAMP_INPUT_FORMAT", "AUTO", "DD/MM/YYYY", "warning"),
        ("ROWS_PER_RESULTSET", "0", "100", "failed"),
        ("QUOTED_IDENTIFIERS_IGNORE_CASE", "false", "true", "failed"),
        ("ERROR_ON_NONDETERMINISTIC_MERGE", "true", "false", "warning"),
    ],
)
def test_each_parameter_of_the_account_is_judged(
    name: str, good: str, bad: str, state: str
) -> None:
    (row,) = judge.of_parameters({name: good})
    assert (row.state, row.subject) == ("ok", name)
    (row,) = judge.of_parameters({name: bad, "OTHER": "x"})
    assert (row.state, row.what_to_do.startswith("ALTER ACCOUNT UNSET")) == (
        state,
        True,
    )


def test_a_root_that_is_missing_or_suspended() -> None:
    graphs = {"hourly": ["EXTRACT_HOURLY", "LOAD_HOURLY_1", "FINISH_HOURLY"]}
    others = {"LOAD_HOURLY_1": "started", "FINISH_HOURLY": "started"}
    for found, state in (
        ({"EXTRACT_HOURLY": "started"} | others, "ok"),
        ({"EXTRACT_HOURLY": "suspended"} | others, "warning"),
        ({}, "warning"),
    ):
        (row,) = judge.of_tasks([HOURLY], graphs, found)
        assert (row.state, row.subject) == (state, "EXTRACT_HOURLY")
        assert row.what_to_do == ("" if state == "ok" else "CALL APPLY_TASKS();")


@pytest.mark.parametrize("idle", ["LOAD_HOURLY_1", "FINISH_HOURLY"])
def test_a_task_of_a_started_graph_that_is_not_started(idle: str) -> None:
    """Its tables would be extracted and never loaded, or the run never closed."""
    names = ["EXTRACT_HOURLY", "LOAD_HOURLY_1", "FINISH_HOURLY"]
    for state in ("suspended", None):
        found = {name: "started" for name in names} | ({idle: state} if state else {})
        if state is None:
            del found[idle]
        (row,) = judge.of_tasks([HOURLY], {"hourly": names}, found)
        assert (row.state, row.what_to_do) == ("warning", "CALL APPLY_TASKS();")
        assert row.detail.endswith(f": {idle}")


@pytest.mark.parametrize("name", judge.ROLES)
@pytest.mark.parametrize(
    ("holders", "state"),
    [
        ([], "warning"),
        ([("ROLE", "SYNC_ADMIN"), ("ROLE", "SYNC_OPERATOR")], "warning"),
        ([("ROLE", "SYNC_ADMIN"), ("USER", "ANA")], "ok"),
        ([("ROLE", "ANALYSTS")], "ok"),
        # A user may be called as a role is.
        ([("USER", "SYNC_ADMIN")], "ok"),
    ],
)
def test_a_role_that_nobody_has(
    name: str, holders: list[tuple[str, str]], state: str
) -> None:
    row = judge.of_role(name, holders)
    assert (row.state, row.subject) == (state, name)
    assert (f"GRANT ROLE {name} TO USER" in row.what_to_do) == (state != "ok")


def test_a_target_that_the_deployment_does_not_declare() -> None:
    row = judge.of_target(settings(), Target(ROLE, True), ROLE, "Schema X is not.")
    assert row.state == "failed" and "Schema X is not." in row.detail
    assert "[target_not_allowed]" in row.detail and row.what_to_do


def test_a_groups_warehouse_that_the_role_does_not_see() -> None:
    assert judge.of_warehouses([SERVERLESS], [], ROLE) == ()
    assert states(judge.of_warehouses([HOURLY], ["W"], ROLE)) == ["ok"]
    (row,) = judge.of_warehouses([HOURLY], ["V"], ROLE)
    assert row.state == "failed"
    assert "GRANT USAGE ON WAREHOUSE W TO ROLE SYNC_ADMIN" in row.what_to_do


def test_rights_to_run_tasks() -> None:
    assert judge.of_account_grants([], [], ROLE) == ()
    rows = judge.of_account_grants([HOURLY], ["EXECUTE TASK"], ROLE)
    assert states(rows) == ["ok"]
    rows = judge.of_account_grants([HOURLY, SERVERLESS], [], ROLE)
    assert states(rows) == ["warning", "warning"]
    assert rows[1].what_to_do == (
        "GRANT EXECUTE MANAGED TASK ON ACCOUNT TO ROLE SYNC_ADMIN;"
    )


@pytest.mark.parametrize(
    ("found", "state", "told"),
    [
        (None, "ok", ""),
        (Target(ROLE, True), "ok", ""),
        (Target(ROLE, False), "failed", "target_table"),
        (Target("OTHER", True), "warning", "GRANT OWNERSHIP ON TABLE"),
    ],
)
def test_a_target(found: Target | None, state: str, told: str) -> None:
    row = judge.of_target(settings(), found, ROLE)
    assert (row.state, row.subject) == (state, "orders")
    assert told in row.what_to_do and bool(told) == bool(row.what_to_do)


@pytest.mark.parametrize(
    ("owner", "granted", "state"),
    [
        (ROLE, (), "ok"),
        ("OTHER", ("USAGE", "CREATE TABLE"), "ok"),
        ("OTHER", ("USAGE",), "warning"),
        (None, (), "failed"),
    ],
)
def test_a_target_schema(
    owner: str | None, granted: tuple[str, ...], state: str
) -> None:
    row = judge.of_schema("D", "S", owner=owner, granted=granted, role=ROLE)
    assert (row.state, row.subject) == (state, '"D"."S"')
    told = 'GRANT USAGE, CREATE TABLE ON SCHEMA "D"."S" TO ROLE SYNC_ADMIN;'
    assert (told in row.what_to_do) == (state != "ok")


def test_a_collation() -> None:
    assert judge.of_collation("D", "S", "").state == "ok"
    row = judge.of_collation("D", "S", "en-ci")
    assert row.state == "failed" and "en-ci" in row.detail
    assert row.what_to_do.startswith('ALTER SCHEMA "D"."S" SET DEFAULT_DDL_COLLATION')


def test_a_row_tells_nothing_to_do_only_if_it_is_ok() -> None:
    """Nobody is left alone with a row that is not ok."""
    bad: list[Any] = [
        judge.of_dates("y", "x"),
        *judge.of_parameters({"ROWS_PER_RESULTSET": "9"}),
        judge.of_collation("D", "S", "en-ci"),
    ]
    assert all(dataclasses.asdict(row)["what_to_do"] for row in bad)
