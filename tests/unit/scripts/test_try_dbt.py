"""scripts/try_dbt.sh: the project that it writes, and how it judges what dbt said."""

import json
from pathlib import Path

import pytest
import yaml

from scripts import try_dbt

CONNECTION = {
    "host": "127.0.0.1",
    "port": 1,
    "protocol": "http",
    "account": "local",
    "user": "local",
    "password": "local",
    "database": "AURORA_SYNC",
}
# A dbt that says what the file `states` beside it says.
FAKE = """\
#!/bin/sh
mkdir -p target
cp states target/sources.json
if [ "$1" = source ]; then exit 1; fi
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a dbt of its own."""
    try_dbt.write_project(tmp_path, "version: 2\n", CONNECTION)
    (tmp_path / "dbt").write_text(FAKE)
    (tmp_path / "dbt").chmod(0o755)
    return tmp_path


def say(project: Path, **states: str) -> None:
    results = [
        {"unique_id": f"source.shop.erp.{name}", "status": status}
        for name, status in states.items()
    ]
    (project / "states").write_text(json.dumps({"results": results}))


def test_the_project_connects_to_the_stack(project: Path) -> None:
    (profile,) = yaml.safe_load((project / "profiles.yml").read_text()).values()
    (output,) = profile["outputs"].values()
    assert output["type"] == "snowflake" and output["port"] == 1
    assert (project / "models" / "sources.yml").read_text() == "version: 2\n"
    assert "source('erp', 'quiet')" in (project / "models" / "notes.sql").read_text()


def test_a_quiet_table_has_to_be_fresh_and_a_late_one_stale(project: Path) -> None:
    say(project, quiet="pass", late="error")
    assert try_dbt.run_all(project / "dbt", project) == []
    say(project, quiet="error", late="error")
    (wrong,) = try_dbt.run_all(project / "dbt", project)
    assert wrong == "freshness: {'quiet': 'error', 'late': 'error'}"


def test_a_command_that_fails_is_told(project: Path) -> None:
    say(project, quiet="pass", late="error")
    (project / "dbt").write_text(FAKE.replace("exit 1", "exit 2") + "exit 3\n")
    assert try_dbt.run_all(project / "dbt", project) == [
        "dbt source freshness ended with 2",
        "dbt run ended with 3",
        "dbt test ended with 3",
    ]
