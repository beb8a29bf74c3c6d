"""Tables whose columns change: what the tests of schema drift have in common."""

from typing import Any

from tests.end_to_end.lab import Lab

CURSOR = {"cursor": "updated_at"}
Row = tuple[Any, ...]


def make(lab: Lab, name: str, columns: str = "a text", **settings: Any) -> str:
    """Creates a table with a key, these columns and a cursor; configures it."""
    table = lab.name(name)
    lab.psql(
        f"CREATE TABLE {table} (id int PRIMARY KEY, {columns},"
        " updated_at timestamptz NOT NULL DEFAULT clock_timestamp())"
    )
    lab.psql(f"CREATE INDEX ON {table} (updated_at)")
    lab.apply({table: {**CURSOR, **settings}})
    return table


def insert(lab: Lab, table: str, **values: Any) -> None:
    """Inserts a row into the source."""
    names = ", ".join(values)
    marks = ", ".join(["%s"] * len(values))
    lab.psql(f"INSERT INTO {table} ({names}) VALUES ({marks})", *values.values())


def update(lab: Lab, table: str, id_: int, **values: Any) -> None:
    """Changes a row of the source, and its cursor."""
    sets = ", ".join(f"{name} = %s" for name in values)
    comma = ", " if values else ""
    lab.psql(
        f"UPDATE {table} SET {sets}{comma}updated_at = clock_timestamp()"
        f" WHERE id = {id_}",
        *values.values(),
    )


def rows(lab: Lab, table: str, *names: str) -> list[Row]:
    """Returns these columns of the target, in order of the key."""
    quoted = ", ".join(f'"{name}"' for name in names)
    found = lab.query(f'SELECT {quoted} FROM lab.{table} ORDER BY "ID"')
    return [tuple(row.values()) for row in found]


def target_columns(lab: Lab, table: str) -> dict[str, str]:
    """Returns the columns of the target with their types, without our own."""
    described = lab.query(f"DESCRIBE TABLE lab.{table}")
    return {
        row["name"]: row["type"]
        for row in described
        if not row["name"].startswith("_SYNC")
    }


def changes(lab: Lab, table: str) -> list[tuple[str, str]]:
    """Returns what was recorded, first to last, without the first load."""
    found = lab.query(
        "SELECT change, column_name FROM control.sync_schema_changes"
        " WHERE table_name = %s AND change <> 'created'"
        " ORDER BY recorded_at, attribute_number, change",
        table,
    )
    return [(row["CHANGE"], row["COLUMN_NAME"]) for row in found]
