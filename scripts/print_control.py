"""Prints docs/CONTROL.md, the page of the schema CONTROL, from what is deployed.

Without a connection it deploys to a local stack of its own, with the code and the files
that a real account gets.
"""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import snowflake.connector
import typer

from local.stack import running_stack
from scripts.deploy_local import deploy_local
from scripts.snowflake_connection import connect, read_settings

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "CONTROL.md"
# Only deployed with --with-cost.
_LEFT_OUT = {"SYNC_COST"}
Ask = Callable[[str], list[dict[str, Any]]]
_VERSION = ("TABLE_NAME", "VERSION")
_CAPTURE = ("SOURCE_NAME", "VERSION")
# Nothing declares these: Snowflake would not enforce them, and a ledger keeps rows of
# what is no longer configured. One side, how many, the other side, by which columns.
RELATIONS = (
    ("SYNC_CONFIG", "||--o{", "SYNC_TABLES", ("VERSION",)),
    ("SYNC_TABLES", "}|--||", "SYNC_LEASES", ("TABLE_NAME",)),
    ("SYNC_TABLES", "}|--o{", "SYNC_WATERMARKS", ("TABLE_NAME",)),
    ("SYNC_TABLES", "}|--o{", "SYNC_RUNS", ("TABLE_NAME",)),
    ("SYNC_TABLES", "}|--o{", "SYNC_PAUSES", ("TABLE_NAME",)),
    ("SYNC_TABLES", "}|--o{", "SYNC_ALERTS", ("TABLE_NAME",)),
    ("SYNC_TABLES", "}|--o{", "SYNC_PARTS", ("TABLE_NAME",)),
    ("SYNC_TABLES", "}|--o{", "SYNC_GROUP_STEPS", ("TABLE_NAME",)),
    ("SYNC_TABLES", "}|--o{", "SYNC_CAPTURE_TABLES", ("TABLE_NAME",)),
    ("SYNC_TABLES", "}o--o{", "SYNC_DISCOVERIES", ("TABLE_NAME",)),
    ("SYNC_RUNS", "||--o{", "SYNC_WATERMARKS", ("RUN_ID", "TABLE_NAME")),
    ("SYNC_RUNS", "||--o{", "SYNC_COLUMNS", ("RUN_ID", "TABLE_NAME")),
    ("SYNC_RUNS", "||--o{", "SYNC_SCHEMA_CHANGES", ("RUN_ID", "TABLE_NAME")),
    ("SYNC_RUNS", "||--o{", "SYNC_ALTERED_VALUES", ("RUN_ID", "TABLE_NAME")),
    ("SYNC_QUIET_RUNS", "|o--o{", "SYNC_RUNS", ("RUN_ID",)),
    ("SYNC_RUNS", "|o--o|", "SYNC_RUNS_HISTORY", ("RUN_ID", "TABLE_NAME")),
    ("SYNC_WATERMARKS", "|o--o|", "SYNC_WATERMARKS_HISTORY", _VERSION),
    ("SYNC_CAPTURES", "||--o{", "SYNC_CAPTURE_TABLES", _CAPTURE),
)
_INTRODUCTION = """# The schema CONTROL

Printed from a deployment by `scripts/print_control.sh --write`; the SQL is in
`snowflake/30_state` and `snowflake/60_views`. A person reads the views; the tables are
the sync's memory. All but `SYNC_LEASES` are append-only: the latest row of a table
counts, and the `SYNC_CURRENT_...` views are that row. `TIDY` moves what is finished
into the `..._HISTORY` tables and deletes what is older than `history_days`.
`docs/SECURITY.md` says which values of rows can stand here.

## How the tables belong together

No constraint says so: Snowflake enforces none, and a ledger keeps the rows of a table
that is no longer configured.
"""


def document(ask: Ask) -> str:
    """Returns the text of docs/CONTROL.md.

    Args:
        ask: Sends a statement to the deployment, in its database; rows by column name.

    Raises:
        KeyError: A relation names a table or a column that is not deployed.
    """
    tables = _columns_of(ask, ask("SHOW TABLES IN SCHEMA control"))
    views = _columns_of(ask, ask("SHOW VIEWS IN SCHEMA control"))
    parts = [
        _INTRODUCTION,
        *_diagram({name: rows for name, (_, rows) in tables.items()}),
    ]
    for title, found in (("Views", views), ("Tables", tables)):
        parts += [f"\n## {title}\n"]
        for name, (comment, columns) in found.items():
            parts += [_section(name, comment, columns, types=title == "Tables")]
    return "\n".join(parts)


Columns = Sequence[dict[str, Any]]


def _columns_of(
    ask: Ask, shown: list[dict[str, Any]]
) -> dict[str, tuple[str, Columns]]:
    found: dict[str, tuple[str, Columns]] = {}
    for row in sorted(shown, key=lambda one: str(one["name"])):
        name = str(row["name"])
        if name not in _LEFT_OUT:
            columns = ask(f"DESCRIBE TABLE control.{name}")
            found[name] = (str(row["comment"] or ""), columns)
    return found


def _diagram(tables: dict[str, Columns]) -> list[str]:
    joined: dict[str, dict[str, None]] = {}
    lines = ["```mermaid", "erDiagram"]
    for left, how, right, columns in RELATIONS:
        lines.append(f"    {left} {how} {right} : \"{', '.join(columns).lower()}\"")
        for side in (left, right):
            joined.setdefault(side, {}).update(dict.fromkeys(columns))
    for name, keys in joined.items():
        types = {str(column["name"]): str(column["type"]) for column in tables[name]}
        lines.append(f"    {name} {{")
        lines += [f"        {types[one].split('(')[0]} {one.lower()}" for one in keys]
        lines.append("    }")
    return [*lines, "```"]


def _section(name: str, comment: str, columns: Columns, *, types: bool) -> str:
    """A table's columns have declared types; those of a view are the engine's."""
    lines = [f"### {name}", "", f"{comment}.", ""]
    lines += (
        ["| column | type | |", "|---|---|---|"]
        if types
        else ["| column | |", "|---|---|"]
    )
    for column in columns:
        said = str(column["comment"] or "").replace("|", "\\|")
        kind = f" {column['type']} |" if types else ""
        lines.append(f"| `{column['name']}` |{kind} {said} |")
    return "\n".join([*lines, ""])


def asker(connection: Any) -> Ask:
    """Returns what sends statements through a connection."""

    def ask(text: str) -> list[dict[str, Any]]:
        with connection.cursor(snowflake.connector.DictCursor) as cursor:
            cursor.execute(text)
            return list(cursor.fetchall())

    return ask


def main(
    write: Annotated[bool, typer.Option(help="Write docs/CONTROL.md.")] = False,
    connection_file: Annotated[
        Path | None, typer.Option(help="A connections.toml; without it, a local stack.")
    ] = None,
    connection_name: Annotated[str, typer.Option(help="Section of it.")] = "default",
) -> None:
    """Prints the document, or writes it."""
    if connection_file:
        settings = read_settings(file=connection_file, name=connection_name, options={})
        with closing(connect(settings)) as connection:
            text = document(asker(connection))
    else:
        text = _of_local_stack()
    if write:
        DOCUMENT.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


def _of_local_stack() -> str:
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder)) as stack:
        deploy_local(stack.endpoints)
        parameters = stack.endpoints.snowflake.parameters
        with closing(snowflake.connector.connect(**parameters)) as connection:
            return document(asker(connection))


if __name__ == "__main__":
    typer.run(main)
