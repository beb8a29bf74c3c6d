"""Every probe against the local stack: it answers as expected, or as the file says.

A probe that is marked `refused` or `wrong_locally` fails here as soon as the local
stack answers as expected: its mark has to go then.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from local.stack import Stack
from scripts.probes.answers import AS_EXPECTED, DIFFERENT, REFUSED
from scripts.probes.files import Probe, read_probes
from scripts.probe_platform import app, local_targets, run

ASKED = [probe for probe in read_probes() if probe.local != "not_imitated"]


@pytest.mark.parametrize("probe", ASKED, ids=lambda probe: probe.id)
def test_the_local_stack_answers_as_the_probe_says(stack: Stack, probe: Probe) -> None:
    (outcome,) = run([probe], local_targets(stack.endpoints), local=True)
    assert (
        outcome.as_marked
    ), f"{probe.id} is marked {probe.local}, and was {outcome.state}: {outcome.seen}"


@pytest.fixture
def connection_file(stack: Stack, tmp_path: Path) -> Path:
    """The local Snowflake as if it were somebody's account."""
    parameters = stack.endpoints.snowflake.parameters
    named = parameters | {"account": "acme-ab12345", "user": "jane_doe"}
    path = tmp_path / "connections.json"
    path.write_text(json.dumps({"snowflake": named}), encoding="utf-8")
    return path


def probe_account(connection_file: Path, *only: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, report and output of the command for an account."""
    report = connection_file.with_name("probes.json")
    arguments = ["--connection-file", str(connection_file), "--json-file", str(report)]
    for name in only:
        arguments += ["--only", name]
    result = CliRunner().invoke(app, arguments)
    text = report.read_text(encoding="utf-8")
    return result.exit_code, json.loads(text), text + result.output


def test_an_account_is_asked_and_left_as_it_was(
    connection_file: Path, target: Any
) -> None:
    with target.cursor() as cursor:
        cursor.execute("SHOW SCHEMAS")
        before = {row[1] for row in cursor.fetchall()}
        code, report, _ = probe_account(
            connection_file, "C01", "X09", "K02", "E05", "G01", "X06"
        )
        cursor.execute("SHOW SCHEMAS")
        assert {row[1] for row in cursor.fetchall()} == before
    assert code == 0
    assert [probe["state"] for probe in report["probes"]] == [AS_EXPECTED] * 6
    assert report["platform"] == "account" and report["snowflake_version"]


def test_an_unexpected_answer_of_an_account_is_told(connection_file: Path) -> None:
    code, report, shown = probe_account(connection_file, "C01", "C02", "V04", "A07")
    assert code == 1
    states = {probe["id"]: probe["state"] for probe in report["probes"]}
    assert states == {
        "C01": AS_EXPECTED,
        "C02": REFUSED,
        "V04": DIFFERENT,
        "A07": "not run",
    }
    for name in ("acme", "ab12345", "jane_doe", "127.0.0.1"):
        assert name not in shown
