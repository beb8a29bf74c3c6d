"""Alerts: CREATE, ALTER, DROP, EXECUTE, SHOW."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from local.snowflake_server.core.access import check_own_run
from local.snowflake_server.core.errors import compilation, exists
from local.snowflake_server.core.names import Name
from local.snowflake_server.core.results import MOMENT, TEXT, Result, status
from local.snowflake_server.core.scan import Scanner
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account
from local.snowflake_server.tasks.task_schedule import Schedule, read_schedule

_OPTIONS = {
    "SCHEDULE": Scanner.string,
    "WAREHOUSE": Scanner.identifier,
    "COMMENT": Scanner.string,
    "SUSPEND_ALERT_AFTER_NUM_FAILURES": Scanner.number,
}


@dataclass(frozen=True)
class Alert:
    """An alert.

    Attributes:
        condition: A query; the action runs if it gives a row.
    """

    name: Name
    condition: str
    action: str
    options: dict[str, Any]
    started: bool = False
    owner: str = ""
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def schedule(self) -> Schedule:
        """When the condition is looked at."""
        return read_schedule(self.options["SCHEDULE"], shortest=60)

    @property
    def comment(self) -> str:
        """The text that SHOW prints."""
        return str(self.options.get("COMMENT", ""))


def create(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """CREATE [OR REPLACE | OR ALTER] ALERT ... IF (EXISTS (query)) THEN statement.

    OR ALTER leaves an alert running, or suspended, as it is.
    """
    replaced = scanner.take("OR", "REPLACE")
    altered = not replaced and scanner.take("OR", "ALTER")
    scanner.expect("ALERT")
    if_not_exists = scanner.take("IF", "NOT", "EXISTS")
    name = account.name(statement.session, scanner.path())
    options: dict[str, Any] = {}
    while scanner.peek() != "IF":
        key = scanner.word()
        if key not in _OPTIONS or key in options:
            raise compilation(f"unknown or repeated option '{key}'.")
        scanner.expect("=")
        options[key] = _OPTIONS[key](scanner)
    scanner.expect("IF", "(", "EXISTS", "(")
    condition = scanner.until(")")
    scanner.expect(")", ")", "THEN")
    if "SCHEDULE" not in options:
        raise compilation("Missing option(s): [SCHEDULE]", code=2029)
    alert = Alert(
        name=name,
        condition=condition,
        action=scanner.rest(),
        options=options,
        owner=statement.session.role,
    )
    _ = alert.schedule  # refuses what is no schedule

    def work(_connection: object) -> Result:
        account.catalog.check_schema(name.database, name.schema)
        group = account.catalog.in_schema["ALERT"]
        if name in group and if_not_exists:
            return status(f"{name.name} already exists, statement succeeded.")
        if name in group and altered:
            old = group[name]
            group[name] = replace(alert, started=old.started, owner=old.owner)
            return status(f"Alert {name.name} successfully altered.")
        if name in group and not replaced:
            raise exists(str(name))
        if replaced:
            account.catalog.forget_grants("ALERT", name)
        group[name] = alert
        account.scheduler.forget(name)
        return status(f"Alert {name.name} successfully created.")

    return account.ddl(statement.session, work)


def alter(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """ALTER ALERT [IF EXISTS] name RESUME | SUSPEND."""
    scanner.expect("ALERT")
    if_exists = scanner.take("IF", "EXISTS")
    name = account.name(statement.session, scanner.path())
    resume = scanner.take("RESUME")
    if not resume:
        scanner.expect("SUSPEND")
    scanner.end()

    def work(_connection: object) -> Result:
        group = account.catalog.in_schema["ALERT"]
        if name not in group and if_exists:
            return status("Statement executed successfully.")
        alert = replace(account.catalog.thing("ALERT", name), started=resume)
        group[name] = alert
        if resume:
            account.scheduler.resumed(alert)
        else:
            account.scheduler.forget(name)
        return status("Statement executed successfully.")

    return account.ddl(statement.session, work)


def drop(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """DROP ALERT [IF EXISTS] name."""
    scanner.expect("ALERT")
    if_exists = scanner.take("IF", "EXISTS")
    name = account.name(statement.session, scanner.path())
    scanner.end()

    def work(_connection: object) -> Result:
        group = account.catalog.in_schema["ALERT"]
        if name not in group and if_exists:
            return status("Drop statement executed successfully.")
        del group[account.catalog.thing("ALERT", name).name]
        account.catalog.forget_grants("ALERT", name)
        account.scheduler.forget(name)
        return status(f"{name.name} successfully dropped.")

    return account.ddl(statement.session, work)


def execute(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """EXECUTE ALERT name; here it waits for the action."""
    scanner.expect("ALERT")
    name = account.name(statement.session, scanner.path())
    scanner.end()
    evaluate(account, account.catalog.thing("ALERT", name))
    return status("Statement executed successfully.")


def evaluate(account: Account, alert: Alert) -> bool:
    """Looks at the condition and runs the action if it holds.

    Raises:
        SnowflakeError: Of either statement.
    """
    managed = "WAREHOUSE" not in alert.options
    check_own_run(account.catalog.access, alert.owner, managed=managed, kind="ALERT")
    session = account.new_session(user="SYSTEM", role=alert.owner)
    session.database, session.schema = alert.name.database, alert.name.schema
    session.warehouse = alert.options.get("WAREHOUSE", "COMPUTE_SERVICE_WH")
    try:
        text = f"SELECT 1 WHERE EXISTS ({alert.condition})"
        if not account.run(Statement(text=text, session=session)).rows:
            return False
        account.run(Statement(text=alert.action, session=session))
        return True
    finally:
        account.close_session(session)


def show(account: Account, statement: Statement, inside: Any) -> Any:
    """SHOW ALERTS."""
    columns = {"created_on": MOMENT, "name": TEXT, "database_name": TEXT,
               "schema_name": TEXT, "owner": TEXT, "comment": TEXT, "warehouse": TEXT,
               "schedule": TEXT, "state": TEXT, "condition": TEXT,
               "action": TEXT}  # fmt: skip
    rows = [
        (a.created, n.name, n.database, n.schema, a.owner, a.comment,
         a.options.get("WAREHOUSE"), a.options["SCHEDULE"],
         "started" if a.started else "suspended", a.condition, a.action)
        for n, a in account.catalog.in_schema["ALERT"].items()
        if inside(n)
    ]  # fmt: skip
    return columns, rows
