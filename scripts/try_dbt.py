"""Real dbt on the local stack: what DBT_SOURCES says is what dbt then finds.

Two tables are synced. One has been quiet since: nothing was written into its target. Of
the other no sync has succeeded for a day. `dbt source freshness` has to call the first
one fresh and the second one stale, and a model and the tests of the keys have to run.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import psycopg2
import snowflake.connector
import typer
from rich.console import Console

from local.stack import Stack, running_stack
from scripts.deploy_local import deploy_local

console = Console(highlight=False, soft_wrap=True)
_SOURCE = """\
CREATE SCHEMA erp;
CREATE TABLE erp.quiet (
    id bigint PRIMARY KEY, note text, updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON erp.quiet (updated_at);
COMMENT ON TABLE erp.quiet IS 'Nobody writes here, {{ not_a_macro() }} at all';
COMMENT ON COLUMN erp.quiet.note IS 'What "they" wrote: 100 %';
INSERT INTO erp.quiet SELECT i, 'row ' || i FROM generate_series(1, 20) AS i;
CREATE TABLE erp.late (
    tenant int, "order" int, amount numeric(12, 2), PRIMARY KEY (tenant, "order")
);
INSERT INTO erp.late SELECT i % 3, i, i FROM generate_series(1, 20) AS i;
GRANT USAGE ON SCHEMA erp TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA erp TO PUBLIC;
"""
_CONFIG: dict[str, Any] = {
    "version": 1,
    "defaults": {
        "source": "shop",
        "schema": "erp",
        "target_schema": "erp",
        "group": "shop",
        "freshness_sla_minutes": 120,
    },
    "sources": {"shop": {}},
    "groups": {"shop": {"schedule": {"every_minutes": 30}}},
    "tables": {"quiet": {"cursor": "updated_at"}, "late": {"mode": "full"}},
}
_PROJECT = {
    "dbt_project.yml": """\
name: shop
version: "1.0"
profile: shop
models:
  shop:
    +materialized: table
flags:
  send_anonymous_usage_stats: false
""",
    "models/notes.sql": "SELECT id, note FROM {{ source('erp', 'quiet') }}\n",
    "models/models.yml": """\
version: 2
models:
  - name: notes
    columns:
      - name: id
        data_tests: [not_null, unique]
""",
}
# What dbt is asked, and how it ends: 1 says that something is stale.
_COMMANDS = (
    (("source", "freshness"), 1),
    (("run",), 0),
    (("test",), 0),
)


def main(
    dbt: Annotated[Path, typer.Option(help="The dbt program.")],
    keep: Annotated[
        Path | None, typer.Option(help="Folder for the project; else it is removed.")
    ] = None,
) -> None:
    """Shows what dbt says; ends with 1 if that is not what it should say."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder) / "stack") as stack,
    ):
        deploy_local(stack.endpoints)
        text = make_targets(stack)
        project = keep or Path(folder) / "project"
        write_project(project, text, stack.endpoints.snowflake.parameters)
        wrong = run_all(dbt.absolute(), project)
    for line in wrong:
        console.print(line, style="red", markup=False)
    raise typer.Exit(1 if wrong else 0)


def make_targets(stack: Stack) -> str:
    """Makes and syncs both tables; returns what DBT_SOURCES says."""
    with closing(psycopg2.connect(stack.endpoints.aurora_dsn)) as source:
        source.autocommit = True
        source.cursor().execute(_SOURCE)
    parameters = stack.endpoints.snowflake.parameters
    with closing(snowflake.connector.connect(**parameters)) as connection:
        cursor = connection.cursor()
        cursor.execute("CALL APPLY_CONFIG(%s)", (json.dumps(_CONFIG),))
        cursor.execute("CALL SYNC_GROUP('shop')")
        cursor.execute(
            "UPDATE control.sync_runs SET"
            " started_at = DATEADD('day', -1, started_at),"
            " finished_at = DATEADD('day', -1, finished_at)"
        )
        # It finds nothing new and writes nothing: that alone makes the table fresh.
        cursor.execute("CALL SYNC_TABLE('quiet')")
        (text,) = cursor.execute("CALL DBT_SOURCES()").fetchone()
    return str(text)


def write_project(folder: Path, sources: str, connection: Mapping[str, Any]) -> None:
    """Writes a project of one model, with the sources as they were told."""
    profile = {
        "type": "snowflake",
        **{key: connection[key] for key in ("account", "user", "host", "port")},
        "password": connection["password"],
        "protocol": connection["protocol"],
        "role": "ACCOUNTADMIN",
        "warehouse": "AURORA_SYNC",
        "database": connection["database"],
        "schema": "MODELS",
        "threads": 1,
    }
    files = {
        **_PROJECT,
        "models/sources.yml": sources,
        "profiles.yml": json.dumps(
            {"shop": {"target": "local", "outputs": {"local": profile}}}
        ),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def run_all(dbt: Path, project: Path) -> list[str]:
    """Runs dbt; returns what is not as it should be."""
    wrong = []
    for command, expected in _COMMANDS:
        console.print(f"== dbt {' '.join(command)}")
        done = subprocess.run(
            [str(dbt), *command, "--no-use-colors", "--profiles-dir", "."],
            cwd=project,
            env={**os.environ, "SNOWFLAKE_DISABLE_PLATFORM_DETECTION": "true"},
            capture_output=True,
            text=True,
            check=False,
        )
        console.print(done.stdout + done.stderr, markup=False)
        if done.returncode != expected:
            wrong.append(f"dbt {' '.join(command)} ended with {done.returncode}")
    found = project / "target" / "sources.json"
    results = json.loads(found.read_text())["results"] if found.exists() else []
    states = {one["unique_id"].split(".")[-1]: one["status"] for one in results}
    if states != {"quiet": "pass", "late": "error"}:
        wrong.append(f"freshness: {states}")
    return wrong


if __name__ == "__main__":
    typer.run(main)
