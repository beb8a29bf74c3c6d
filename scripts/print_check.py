"""What CHECK_SYNC says of a deployment, as a table; the end of deploy_snowflake.sh."""

import json
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text
from snowflake.connector.errors import Error as SnowflakeError

_STYLES = {"failed": "red", "warning": "yellow"}


def print_check(console: Console, connection: Any, database: str) -> None:
    """Calls CHECK_SYNC and prints what is not ok, and how many things are.

    A check that cannot be made is told and fails nothing: the deployment is done.
    """
    try:
        report = read_check(connection, database)
    except SnowflakeError as error:
        console.print(f"CHECK_SYNC failed: {error}", markup=False, highlight=False)
        return
    rows = [row for row in report["rows"] if row["state"] != "ok"]
    if rows:
        console.print(check_table(rows))
    console.print(f"CHECK_SYNC: {report['summary']}", markup=False)


def read_check(connection: Any, database: str) -> dict[str, Any]:
    """Returns the report of CHECK_SYNC.

    Raises:
        SnowflakeError: The call failed.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"CALL {database}.control.check_sync()")
        ((text,),) = cursor.fetchall()
    report: dict[str, Any] = json.loads(text)
    return report


def check_table(rows: list[dict[str, str]]) -> Table:
    """Returns the rows as a table for a terminal."""
    table = Table("check", "state", "detail", "what to do")
    for row in rows:
        style = _STYLES.get(row["state"], "")
        table.add_row(
            Text(f"{row['check']} {row['subject']}".strip()),
            Text(row["state"], style=style),
            Text(row["detail"]),
            Text(row["what_to_do"]),
        )
    return table
