"""What dlt and dbt keep of given states: for compare_history.py, in their environment.

    python compare_history_others.py FOLDER

Reads a state a line, and answers with a line when it is loaded; null asks what is kept.
Needs dlt, duckdb and dbt-duckdb (locks/compare.txt), and nothing of this project.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Said = dict[str, Any]

SNAPSHOT = """{{% snapshot {name} %}}
{{{{ config(target_schema='kept', unique_key='id', strategy='{strategy}',
    {how}, hard_deletes='new_record') }}}}
select * from raw.compared
{{% endsnapshot %}}
"""
STRATEGIES = {"timestamp": "updated_at='updated_at'", "check": "check_cols='all'"}


def main() -> None:
    """Loads state after state, then says which versions there are."""
    folder = Path(sys.argv[1])
    folder.mkdir()
    # Both tools print; the answers are to be lines of their own.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    tools: list[Dlt | Dbt] = [Dlt(folder), Dbt(folder)]
    for line in sys.stdin:
        state = json.loads(line)
        said: dict[str, Said] = {}
        for tool in tools:
            if state is None:
                said.update(tool.said())
            else:
                tool.load(state)
        answers.write(json.dumps(said) + "\n")
        answers.flush()


def now() -> str:
    """Returns the time, to be read again by datetime.fromisoformat."""
    return datetime.now(UTC).isoformat()


class Dlt:
    """Loads each state with the merge strategy scd2."""

    def __init__(self, folder: Path) -> None:
        """Keeps its files in the folder."""
        import dlt

        self.database = folder / "dlt.duckdb"
        self.moments = [now()]
        self.pipeline = dlt.pipeline(
            "compared",
            pipelines_dir=str(folder / "dlt"),
            destination=dlt.destinations.duckdb(str(self.database)),
            dataset_name="kept",
        )

    def load(self, state: list[Row]) -> None:
        """Loads the whole table."""
        import dlt

        rows = [
            {**row, "updated_at": datetime.fromisoformat(row["updated_at"])}
            for row in state
        ]
        self.pipeline.run(
            dlt.resource(
                rows,
                name="compared",
                columns={"note": {"data_type": "text"}} if "note" in rows[0] else {},
                write_disposition={"disposition": "merge", "strategy": "scd2"},
            )
        )
        self.moments.append(now())

    def said(self) -> dict[str, Said]:
        """Returns the versions."""
        select = (
            "SELECT id, value, note, _dlt_valid_from, _dlt_valid_to"
            " FROM kept.compared ORDER BY id, _dlt_valid_from"
        )
        rows = read(self.database, select)
        return {"dlt scd2": {"moments": self.moments, "rows": rows}}


def read(database: Path, select: str) -> list[list[Any]]:
    """Returns rows of a DuckDB file, with their times as text."""
    import duckdb

    with duckdb.connect(str(database)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(select).fetchall()
    return [[as_text(value) for value in row] for row in found]


def as_text(value: Any) -> Any:
    """Returns a time as ISO text with its zone, and all else as it is."""
    if not isinstance(value, datetime):
        return value
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()


class Dbt:
    """Copies each state into DuckDB and runs both snapshots."""

    def __init__(self, folder: Path) -> None:
        """Keeps its files in the folder."""
        self.project = folder / "dbt"
        (self.project / "snapshots").mkdir(parents=True)
        self.database = self.project / "dbt.duckdb"
        write = {
            "dbt_project.yml": "name: compared\nversion: 1.0.0\nprofile: compared\n"
            "snapshot-paths: [snapshots]\nflags: {send_anonymous_usage_stats: false}\n",
            "profiles.yml": "compared: {target: d, outputs: {d: {type: duckdb,"
            f" path: '{self.database}', settings: {{TimeZone: UTC}}}}}}}}\n",
        }
        for name, text in write.items():
            (self.project / name).write_text(text)
        for strategy, how in STRATEGIES.items():
            text = SNAPSHOT.format(name=f"by_{strategy}", strategy=strategy, how=how)
            (self.project / "snapshots" / f"{strategy}.sql").write_text(text)
        self.moments = [now()]

    def load(self, state: list[Row]) -> None:
        """Runs both snapshots over the whole table."""
        from dbt.cli.main import dbtRunner

        lay_out(state, self.database)
        place = [
            "--project-dir",
            str(self.project),
            "--profiles-dir",
            str(self.project),
        ]
        outcome = dbtRunner().invoke(["--quiet", "snapshot", *place])
        if not outcome.success:
            raise SystemExit(f"dbt: {outcome.exception or outcome.result}")
        self.moments.append(now())

    def said(self) -> dict[str, Said]:
        """Returns the versions of each strategy."""
        return {
            f"dbt snapshot, {strategy}": {
                "moments": self.moments,
                "rows": read(self.database, kept_by_dbt(strategy)),
            }
            for strategy in STRATEGIES
        }


def kept_by_dbt(strategy: str) -> str:
    """Returns the query of a snapshot's versions; a row of a delete says so."""
    return (
        "SELECT id, CASE WHEN dbt_is_deleted = 'True' THEN 'deleted' ELSE value END,"
        f" note, dbt_valid_from, dbt_valid_to FROM kept.by_{strategy}"
        " ORDER BY id, dbt_valid_from"
    )


def lay_out(state: list[Row], database: Path) -> None:
    """Makes the table that dbt reads."""
    import duckdb

    with duckdb.connect(str(database)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
        note = ", note VARCHAR" if "note" in state[0] else ""
        connection.execute(
            "CREATE OR REPLACE TABLE raw.compared"
            f" (id INTEGER, value VARCHAR, updated_at TIMESTAMP{note})"
        )
        for row in state:
            values = list(row.values())
            values[2] = datetime.fromisoformat(values[2]).replace(tzinfo=None)
            marks = ", ".join("?" * len(values))
            connection.execute(f"INSERT INTO raw.compared VALUES ({marks})", values)


if __name__ == "__main__":
    main()
