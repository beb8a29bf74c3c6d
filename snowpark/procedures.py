"""The handlers that CREATE PROCEDURE names (snowflake/50_procedures); thin."""

from typing import Any

from snowflake.snowpark import Session

from snowpark import configure, preview, sync
from snowpark.warehouse import Warehouse


def apply_config(session: Session, config_text: str) -> dict[str, Any]:
    """CALL APPLY_CONFIG('<json>'): checks and stores a configuration."""
    return configure.apply_config(Warehouse(session), config_text)


def sync_table(session: Session, table_name: str) -> dict[str, Any]:
    """CALL SYNC_TABLE('orders'): brings one target up to date."""
    return sync.sync_table(Warehouse(session), table_name)


def resync_table(session: Session, table_name: str) -> dict[str, Any]:
    """CALL RESYNC_TABLE('orders'): reloads one target completely."""
    return sync.sync_table(Warehouse(session), table_name, "reload")


def confirm_deletes(session: Session, table_name: str) -> dict[str, Any]:
    """CALL CONFIRM_DELETES('orders'): syncs, then deletes whatever is gone."""
    return sync.sync_table(Warehouse(session), table_name, "confirm_deletes")


def plan_sync(session: Session, table_name: str) -> dict[str, Any]:
    """CALL PLAN_SYNC('orders'): says what a sync would do."""
    return preview.plan_sync(Warehouse(session), table_name)
