"""The pages beside the first one: schedules, history, changes, cost."""

import datetime

import streamlit as st

from snowpark.dashboard import charts, shaping, statements
from snowpark.dashboard.first_page import read_schedules
from snowpark.dashboard.operate import show_buttons
from snowpark.dashboard.parts import (
    PERIODS,
    chosen_days,
    read,
    show_chart,
    show_failure,
    show_list,
)
from snowpark.dashboard.schedule import schedule_lines
from snowpark.dashboard.session import CallFailed
from snowpark.dashboard.shaping import Row


def show_schedules(now: datetime.datetime) -> None:
    """Each group's task graph: state, next run, last run."""
    found = read_schedules()
    show_list(
        schedule_lines(found, now),
        "No group has a task: give it a schedule, then CALL APPLY_TASKS().",
    )
    for one in found:
        if one.errors:
            st.markdown(f"**{shaping.plain(one.group)}: its last run failed**")
            for error in one.errors:
                st.markdown(f"- {shaping.plain(error)}")
    show_buttons("schedules", ("Start schedules",), ())


def show_history(rows: list[Row]) -> None:
    """Freshness of all tables against their SLA; runs, rows and failures by time."""
    points = charts.share_points(rows)
    show_chart("Freshness", points, charts.share_chart(points))
    days = chosen_days(PERIODS, "7 days", "history_period")
    sums = charts.activity_points(read(statements.activity(days)))
    left, right = st.columns(2)
    with left:
        show_chart("Runs", sums, charts.activity_chart(days))
    with right:
        show_chart("Rows read", sums, charts.rows_chart(days))
    st.markdown("**Failed runs**")
    failed = shaping.past_failures(read(statements.failures(days)))
    show_list(failed, "No run failed in this period.")


def show_changes() -> None:
    """Warnings, schema changes, altered values, new tables: the newest first."""
    st.markdown("**Warnings of the last syncs**")
    warnings = shaping.warnings(read(statements.WARNINGS))
    show_list(warnings, "The last sync of no table had a warning.")
    st.markdown("**Schema changes**")
    changes = shaping.changes(read(statements.SCHEMA_CHANGES))
    show_list(changes, "No column has changed since the targets were created.")
    st.markdown("**Values replaced by NULL**, because Snowflake has no place for them")
    altered = shaping.altered(read(statements.ALTERED_VALUES))
    show_list(altered, "Every value arrived as it is in the source.")
    st.markdown("**New and vanished tables of the sources**, as far as patterns match")
    found = shaping.discoveries(read(statements.DISCOVERIES))
    show_list(found, "None was found.")


def show_cost() -> None:
    """Credits by day and by table, if SYNC_COST is deployed."""
    days = chosen_days(PERIODS, "30 days", "cost_period")
    try:
        by_day = read(statements.cost_by_day(days))
        by_table = read(statements.cost_by_table(days))
    except CallFailed as error:
        st.info(
            "`SYNC_COST` cannot be read: it is there if it was deployed with"
            " `--with-cost`."
        )
        with st.expander("What Snowflake says"):
            show_failure("SYNC_COST", error.failure)
        return
    show_chart("Credits by day", charts.cost_points(by_day), charts.cost_chart())
    st.caption("Up to eight hours late; without idle time of the warehouse.")
    show_list(shaping.cost_lines(by_table), "Nothing in this period.")
