"""The handlers that CREATE PROCEDURE names (snowflake/50_procedures); thin."""

from typing import Any

from snowflake.snowpark import DataFrame, Session

from snowpark import answers
from snowpark.alerts import alerts, notify
from snowpark.answers import in_plain_words
from snowpark.captures import calls
from snowpark.check import check
from snowpark.groups import apply_tasks as groups_apply_tasks
from snowpark.groups import group, table_steps
from snowpark.groups import lane as groups_lane
from snowpark.session import Snowflake
from snowpark.sync import backfill, sync
from snowpark.tidy import tidy as tidy_tidy
from snowpark.sync.lifecycle import new_run
from snowpark.validate import validate
from snowpark.worksheet import apply_config as worksheet_apply_config
from snowpark.worksheet import dbt_sources as worksheet_dbt_sources
from snowpark.worksheet import edit_tables
from snowpark.worksheet import help as worksheet_help
from snowpark.worksheet import look, pause
from snowpark.worksheet import plan_sync as worksheet_plan_sync
from snowpark.worksheet import propose_config as worksheet_propose_config


@in_plain_words
def apply_config(
    session: Session, config_text: str, dry_run: bool, confirm: bool
) -> dict[str, Any]:
    """CALL APPLY_CONFIG($$...$$, TRUE): checks a configuration, stores it if FALSE."""
    return worksheet_apply_config.apply_config(
        Snowflake(session), config_text, dry_run, confirm
    )


@in_plain_words
def propose_config(session: Session, source: str, pattern: Any) -> dict[str, Any]:
    """CALL PROPOSE_CONFIG('shop', 'erp.*'): says how tables would be synced."""
    return worksheet_propose_config.propose_config(Snowflake(session), source, pattern)


@in_plain_words
def add_tables(session: Session, source: str, tables: Any) -> dict[str, Any]:
    """CALL ADD_TABLES('shop', ['erp.orders']): configures tables as proposed."""
    return edit_tables.add_tables(Snowflake(session), source, tables)


@in_plain_words
def remove_tables(session: Session, tables: Any) -> dict[str, Any]:
    """CALL REMOVE_TABLES(['orders']): takes tables out of the configuration."""
    return edit_tables.remove_tables(Snowflake(session), tables)


@in_plain_words
def sync_table(session: Session, table_name: str) -> dict[str, Any]:
    """CALL SYNC_TABLE('orders'): brings one target up to date."""
    return sync.sync_table(Snowflake(session), table_name)


@in_plain_words
def resync_table(session: Session, table_name: str) -> dict[str, Any]:
    """CALL RESYNC_TABLE('orders'): reloads one target completely."""
    return sync.sync_table(Snowflake(session), table_name, "reload")


@in_plain_words
def confirm_deletes(session: Session, table_name: str) -> dict[str, Any]:
    """CALL CONFIRM_DELETES('orders'): syncs, then deletes whatever is gone."""
    return sync.sync_table(Snowflake(session), table_name, "confirm_deletes")


@in_plain_words
def plan_sync(session: Session, table_name: str) -> dict[str, Any]:
    """CALL PLAN_SYNC('orders'): says what a sync would do."""
    return worksheet_plan_sync.plan_sync(Snowflake(session), table_name)


@in_plain_words
def sync_group(session: Session, group_name: str) -> dict[str, Any]:
    """CALL SYNC_GROUP('hourly'): brings every table of a group up to date."""
    snowflake = Snowflake(session)
    report = group.sync_group(snowflake, group_name)
    return answers.of_group(report | look.look(snowflake))


@in_plain_words
def extract_group(session: Session, group_name: str) -> dict[str, Any]:
    """CALL EXTRACT_GROUP('hourly'): extracts, and leaves each table to LOAD_TABLE."""
    return group.extract_group(Snowflake(session), group_name)


@in_plain_words
def extract_lanes(session: Session, group_name: str, lanes: int) -> dict[str, Any]:
    """CALL EXTRACT_LANES('hourly', 8): the first task of a group's graph."""
    return group.extract_lanes(Snowflake(session), group_name, lanes)


@in_plain_words
def load_lane(session: Session, group_name: str, lane: int) -> dict[str, Any]:
    """CALL LOAD_LANE('hourly', 1): loads and merges the tables of a lane."""
    return groups_lane.load_lane(Snowflake(session), group_name, lane)


@in_plain_words
def load_table(session: Session, table_name: str) -> dict[str, Any]:
    """CALL LOAD_TABLE('orders'): loads what EXTRACT_GROUP brought."""
    return table_steps.load_table(Snowflake(session), table_name)


@in_plain_words
def merge_table(session: Session, table_name: str) -> dict[str, Any]:
    """CALL MERGE_TABLE('orders'): merges what LOAD_TABLE loaded."""
    return table_steps.merge_table(Snowflake(session), table_name)


@in_plain_words
def finish_group(session: Session, group_name: str) -> dict[str, Any]:
    """CALL FINISH_GROUP('hourly'): the finalizer of a group's graph."""
    snowflake = Snowflake(session)
    report = group.end_graph(snowflake, group_name)
    return report | look.look(snowflake)


@in_plain_words
def pause_table(session: Session, table_name: str, reason: str) -> dict[str, Any]:
    """CALL PAUSE_TABLE('orders'): keeps a table from being synced."""
    return pause.pause_table(Snowflake(session), table_name, reason)


@in_plain_words
def resume_table(session: Session, table_name: str) -> dict[str, Any]:
    """CALL RESUME_TABLE('orders'): lets a table be synced again."""
    return pause.resume_table(Snowflake(session), table_name)


@in_plain_words
def backfill_table(
    session: Session, table_name: str, cursor_from: str, cursor_to: str
) -> dict[str, Any]:
    """CALL BACKFILL_TABLE('orders', '2026-01-01', NULL): reads a range again."""
    return backfill.backfill_table(
        Snowflake(session), table_name, cursor_from, cursor_to
    )


@in_plain_words
def validate_table(session: Session, table_name: str, repair: bool) -> dict[str, Any]:
    """CALL VALIDATE_TABLE('orders'): compares source and target."""
    return validate.validate_table(Snowflake(session), table_name, repair)


@in_plain_words
def check_sync(session: Session, subject: str) -> dict[str, Any]:
    """CALL CHECK_SYNC(): looks at all that a sync needs; writes nothing."""
    return check.check_sync(Snowflake(session), subject)


@in_plain_words
def help(session: Session) -> DataFrame:
    """CALL HELP(): lists what can be called."""
    return session.sql(worksheet_help.calls(Snowflake(session)))


@in_plain_words
def dbt_sources(session: Session) -> str:
    """CALL DBT_SOURCES(): returns the text of a dbt sources.yml."""
    return worksheet_dbt_sources.dbt_sources(Snowflake(session))


@in_plain_words
def log_setup(session: Session, source_name: str) -> dict[str, Any]:
    """CALL LOG_SETUP('shop'): says what the owner of the database runs."""
    return calls.log_setup(Snowflake(session), source_name)


@in_plain_words
def start_log(session: Session, source_name: str) -> dict[str, Any]:
    """CALL START_LOG('shop'): begins to record the log of a source."""
    return calls.start_log(Snowflake(session), source_name, new_run("").id)


@in_plain_words
def capture_log(session: Session, source_name: str) -> dict[str, Any]:
    """CALL CAPTURE_LOG('shop'): records what the log of a source tells now."""
    return calls.capture_log(Snowflake(session), source_name, new_run("").id)


@in_plain_words
def stop_log(session: Session, source_name: str) -> dict[str, Any]:
    """CALL STOP_LOG('shop'): drops the slot of a source."""
    return calls.stop_log(Snowflake(session), source_name, new_run("").id)


@in_plain_words
def resync_source(session: Session, source_name: str) -> dict[str, Any]:
    """CALL RESYNC_SOURCE('shop'): begins the log of a source anew after a gap."""
    return calls.resync_source(Snowflake(session), source_name, new_run("").id)


@in_plain_words
def apply_tasks(session: Session) -> dict[str, Any]:
    """CALL APPLY_TASKS(): makes the task graphs what the configuration says."""
    return groups_apply_tasks.apply_tasks(Snowflake(session))


@in_plain_words
def raise_alerts(session: Session) -> dict[str, Any]:
    """CALL RAISE_ALERTS(): reports which tables failed or are late."""
    return alerts.raise_alerts(Snowflake(session))


@in_plain_words
def test_alert(session: Session) -> dict[str, Any]:
    """CALL TEST_ALERT(): sends a test by each notification integration."""
    return notify.try_all(Snowflake(session))


def tidy(session: Session) -> dict[str, Any]:
    """CALL TIDY(): moves, sums up and drops what is old."""
    return tidy_tidy.tidy(Snowflake(session))
