"""What another configuration changes, and what that will do."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from scripts import check_config
from snowpark.settings import changes, parse
from snowpark.settings.changes import Change

BASE: dict[str, Any] = {
    "version": 1,
    "defaults": {"source": "shop", "target_schema": "sales"},
    "sources": {"shop": {}},
    "groups": {"hourly": {"schedule": {"every_minutes": 60}}},
    "tables": {
        "orders": {"cursor": "updated_at", "group": "hourly"},
        "people": {"cursor": "updated_at", "columns": {"email": {"protect": "hash"}}},
    },
}


def edited(**tables: Any) -> dict[str, Any]:
    """Returns the configuration with other entries; None: without."""
    found = {**BASE["tables"], **tables}
    return {**BASE, "tables": {k: v for k, v in found.items() if v is not None}}


def compare(new: dict[str, Any], old: dict[str, Any] | None = None) -> list[Change]:
    before = BASE if old is None else old
    tables = [parse.tables_of(parse.checked(json.dumps(c))) for c in (before, new)]
    return list(changes.compare(tables[0], tables[1], before, new))


def one(new: dict[str, Any]) -> Change:
    (change,) = compare(new)
    return change


def test_nothing_differs() -> None:
    assert compare(BASE) == []


@pytest.mark.parametrize(
    ("protect", "what", "kind"),
    [("mask", "hashed -> masked", "changed"), (None, "hashed -> plain", "lifted")],
)
def test_u5_a_protection_is_told_with_what_it_does(
    protect: str | None, what: str, kind: str
) -> None:
    columns = {"columns": {"email": {"protect": protect}}} if protect else {}
    found = one(edited(people={"cursor": "updated_at", **columns}))
    assert (found.subject, found.what, found.kind) == ("people.email", what, kind)
    assert "reloaded by the next sync" in found.effect and found.call == ""


def test_u9_what_a_new_mask_leaves_behind_is_told() -> None:
    masked = {"cursor": "updated_at", "columns": {"note": {"protect": "mask"}}}
    found = one(edited(orders={**masked, "group": "hourly"}))
    for where, days in (
        ("Time Travel", "DATA_RETENTION_TIME_IN_DAYS"),
        ("Fail-safe", "7 days"),
        ("landing bucket", "landing_retention_days"),
    ):
        assert where in found.effect and days in found.effect


@pytest.mark.parametrize(
    ("table", "what", "call"),
    [
        ({"cursor": "id"}, "the cursor was updated_at and is id", True),
        ({"cursor": "updated_at", "key": ["a"]}, "key: none -> (a)", True),
        ({"mode": "full"}, "the cursor was updated_at and is none", False),
        (
            {"cursor": "updated_at", "freshness_sla_minutes": 5},
            "freshness_sla_minutes: none -> 5",
            False,
        ),
        (
            {"cursor": "updated_at", "columns": {"note": {"rename": "x"}}},
            "renamed from NOTE to X",
            False,
        ),
        (
            {"cursor": "updated_at", "where": {"column": "a", "operator": "is null"}},
            "other rows are meant (where)",
            False,
        ),
    ],
)
def test_u5_each_change_of_a_table_is_told(
    table: dict[str, Any], what: str, call: bool
) -> None:
    found = compare(edited(orders={**table, "group": "hourly"}))
    assert found[0].what == what and found[0].table == "orders"
    assert (found[0].call == "CALL RESYNC_TABLE('orders');") == call


def test_the_most_serious_comes_first() -> None:
    found = compare(
        edited(orders=None, people={"cursor": "updated_at"}, new={"mode": "full"})
    )
    assert [c.kind for c in found] == ["removed", "lifted", "added"]
    assert "stays as it is" in found[0].effect


@pytest.mark.parametrize(
    ("group", "what"),
    [
        ({"schedule": {"every_minutes": 5}}, "schedule: every 60 minutes -> every 5"),
        ({"schedule": {"cron": "0 * * * *"}}, "-> 0 * * * * UTC"),
        ({"schedule": {"every_minutes": 60}, "timeout_minutes": 20}, "its tasks"),
        ({}, "its schedule is gone"),
    ],
)
def test_u5_a_schedule_is_told(group: dict[str, Any], what: str) -> None:
    found = one({**BASE, "groups": {"hourly": group}})
    assert found.subject == "group hourly" and what in found.what
    described = {**BASE["groups"]["hourly"], "description": "For people"}
    assert compare({**BASE, "groups": {"hourly": described}}) == []


def run(tmp_path: Path, *configs: dict[str, Any] | str, options: Any = ()) -> Any:
    """Runs the command over the first, against the second if there is one."""
    files = []
    for number, config in enumerate(configs):
        file = tmp_path / f"{number}.json"
        text = config if isinstance(config, str) else json.dumps(config)
        file.write_text(text, encoding="utf-8")
        files.append(str(file))
    against = ["--against", files[1]] if len(files) > 1 else []
    app = check_config.typer.Typer()
    app.command()(check_config.main)
    return CliRunner().invoke(app, [files[0], *against, *options])


def captured(minutes: int | None) -> dict[str, Any]:
    log = {} if minutes is None else {"capture_minutes": minutes}
    return {**BASE, "sources": {"shop": {"log": log}}}


def test_captures_by_the_clock_are_told() -> None:
    (more,) = compare(captured(5), captured(None))
    assert (more.kind, more.what) == ("changed", "capture_minutes: none -> 5")
    (none,) = compare(captured(None), captured(5))
    assert none.kind == "removed" and "more WAL" in none.effect


def test_the_command_checks_without_an_account(tmp_path: Path) -> None:
    good = run(tmp_path, BASE)
    assert good.exit_code == 0 and "2 tables" in good.output
    bad = run(tmp_path, "version: 2\nsources: {}\ntables: {}")
    assert bad.exit_code == 1 and "/version: Must be 1." in bad.output


@pytest.mark.parametrize(
    ("deployed", "told"),
    [
        ("version: 2\nsources: {}\ntables: {}", "/version: Must be 1."),
        ("{", "1.json: "),
    ],
)
def test_the_command_says_which_of_both_is_wrong(
    tmp_path: Path, deployed: str, told: str
) -> None:
    bad = run(tmp_path, BASE, deployed)
    assert bad.exit_code == 1 and told in bad.output
    assert f"{tmp_path / '1.json'}: /" in bad.output
    assert isinstance(bad.exception, SystemExit)


def test_the_command_names_a_file_that_it_cannot_read(tmp_path: Path) -> None:
    missing = run(tmp_path, BASE, options=("--against", str(tmp_path / "none.json")))
    assert missing.exit_code == 1 and "none.json: cannot be read" in missing.output
    strange = tmp_path / "latin.json"
    strange.write_bytes(b'{"\xe4": 1}')
    other = run(tmp_path, BASE, options=("--against", str(strange)))
    assert other.exit_code == 1 and "latin.json: cannot be read" in other.output


def test_as_many_tables_as_allowed_may_go(tmp_path: Path) -> None:
    allowed = run(tmp_path, edited(orders=None), BASE, options=("--max-removed", "1"))
    assert allowed.exit_code == 0 and "removed  orders" in allowed.output


def test_the_command_says_what_would_change(tmp_path: Path) -> None:
    fewer = run(tmp_path, edited(orders=None), BASE, options=("--max-removed", "0"))
    assert fewer.exit_code == 2 and "removed  orders" in fewer.output
    assert "Nothing would change." in run(tmp_path, BASE, BASE).output
