"""APPLY_CONFIG: from a configuration text to a stored version with all it needs."""

import hashlib
import uuid
from typing import Any

from snowpark import sql
from snowpark.errors import SnowflakeError, SyncError, UsageError
from snowpark.ledger import lease
from snowpark.ledger import statements as ledger_statements
from snowpark.ledger.lease import CONFIG_LEASE, take_config_lease
from snowpark.session import Snowflake
from snowpark.settings import parse
from snowpark.settings.table import TableSettings
from snowpark.settings.targets import Declared
from snowpark.worksheet import statements


def apply_config(snowflake: Snowflake, text: str) -> dict[str, Any]:
    """Stores a configuration as a new version and creates target schemas.

    Raises:
        ConfigError: With every problem; nothing was stored.
        SyncError: Another APPLY_CONFIG is at work, or Snowflake refused something.
    """
    (row,) = snowflake.run(ledger_statements.read_declared_targets())
    declared = Declared.of(row["OWN_DATABASE"], row["ALLOWED_TARGETS"])
    tables = parse.parse(text, declared)
    run_id = f"config-{uuid.uuid4().hex}"
    take_config_lease(snowflake, run_id)
    try:
        before = [
            str(row[0]) for row in snowflake.run_list(ledger_statements.list_tables())
        ]
        version = _store(snowflake, run_id, text, tables)
    finally:
        lease.release_lease(snowflake, CONFIG_LEASE, run_id)
    _create_schemas(snowflake, tables)
    names = [table.name for table in tables]
    return {
        "version": version,
        "summary": f"Version {version} with {len(names)} tables is in force.",
        "tables": names,
        "added": sorted(set(names) - set(before)),
        "removed": sorted(set(before) - set(names)),
    }


def _store(
    snowflake: Snowflake, run_id: str, text: str, tables: tuple[TableSettings, ...]
) -> int:
    (row,) = snowflake.run(statements.read_config_version())
    version = int(row[0]) + 1
    digest = hashlib.sha256(text.encode()).hexdigest()
    snowflake.run(sql.BEGIN)
    try:
        for statement in statements.insert_tables(version, tables):
            snowflake.run(statement)
        snowflake.run(statements.insert_leases(version))
        snowflake.run(statements.insert_config(version, text, digest))
        lease.hold_lease(snowflake, CONFIG_LEASE, run_id)
        snowflake.run(sql.COMMIT)
    except SyncError:
        snowflake.run(sql.ROLLBACK)
        raise
    return version


def _create_schemas(snowflake: Snowflake, tables: tuple[TableSettings, ...]) -> None:
    """Creates missing target schemas.

    The very last step: CREATE SCHEMA commits, and makes the new schema the current one.
    """
    schemas = {
        sql.qualified(
            t.target_database and t.target_database.upper(), t.target_schema.upper()
        )
        for t in tables
    }
    for schema in sorted(schemas):
        try:
            snowflake.run(statements.create_schema(schema))
        except SnowflakeError as error:
            raise UsageError(
                "schema_not_created",
                f"The configuration is stored, but schema {schema} is missing."
                f" {error.message}",
            ) from error
