"""The page of one table (`?table=`): all that is known of it, and its buttons."""

import datetime

import streamlit as st

from snowpark.dashboard import attention, charts, shaping, statements
from snowpark.dashboard.first_page import show_card
from snowpark.dashboard.operate import show_buttons
from snowpark.dashboard.parts import (
    PERIODS,
    chosen_days,
    close_table,
    read,
    show_chart,
    show_list,
)
from snowpark.dashboard.shaping import Row

_BUTTONS = (
    "Sync now",
    "Validate",
    "Validate and repair",
    "Resync",
    "Backfill",
    "Confirm deletes",
)


def show_table_page(name: str, rows: list[Row], now: datetime.datetime) -> None:
    """State, causes, buttons, charts and everything that happened to one table."""
    st.button("All tables", icon=":material/arrow_back:", on_click=close_table)
    row = next((one for one in rows if one["TABLE_NAME"] == name), None)
    if row is None:
        st.warning(f"No table {shaping.plain(name)} is configured.")
        return
    st.markdown(f"## {shaping.plain(name)} {shaping.badge(row['STATE'])}")
    show_facts(row, now)
    mine = [one for one in read(statements.WARNINGS) if one["TABLE_NAME"] == name]
    for card in attention.cards([row], mine, now):
        show_card(card, now, opens=False)
    paused = row["STATE"] == "paused"
    labels = ("Resume", *_BUTTONS[1:3]) if paused else (*_BUTTONS, "Pause")
    st.markdown("**Calls**")
    show_buttons("page", labels, (name,))
    show_past(name, row, now)


def show_facts(row: Row, now: datetime.datetime) -> None:
    """What the table is and how far it is."""
    limit = row["FRESHNESS_SLA_MINUTES"]
    facts = {
        "Data as of": shaping.ago(row["FRESH_AS_OF"], now),
        "SLA": shaping.duration(limit) if limit else "none",
        "Last sync": shaping.ago(row["LAST_RUN_FINISHED_AT"], now),
        "Group": row["GROUP_NAME"] or "none",
        "Target": row["TARGET_NAME"],
        "Watermark": row["WATERMARK"] or "none",
    }
    if row["OLDEST_TRANSACTION"]:
        facts["Held back by a transaction since"] = row["OLDEST_TRANSACTION"]
    st.markdown("  \n".join(f"{k}: **{shaping.plain(v)}**" for k, v in facts.items()))


def show_past(name: str, row: Row, now: datetime.datetime) -> None:
    """Charts and lists of what happened."""
    days = chosen_days(PERIODS, "7 days", "table_period")
    runs = read(statements.runs(name, days))
    show_chart(
        "Age of the data",
        charts.age_points(runs, now),
        charts.age_chart(row["FRESHNESS_SLA_MINUTES"]),
    )
    points = charts.run_points(runs)
    left, right = st.columns(2)
    with left:
        show_chart("Rows by run", points, charts.run_rows_chart())
    with right:
        show_chart("Seconds by step", points, charts.seconds_chart())
    st.markdown("**Runs**")
    show_list(shaping.run_list(runs), "No run in this period.")
    if len(runs) == statements.MOST_RUNS:
        st.caption(f"The newest {statements.MOST_RUNS} runs of the period.")
    show_changes_of(name)


def show_changes_of(name: str) -> None:
    """Schema changes and altered values of one table."""

    def mine(rows: list[Row]) -> list[Row]:
        return [one for one in rows if one["TABLE_NAME"] == name]

    st.markdown("**Schema changes**")
    changes = shaping.changes(mine(read(statements.SCHEMA_CHANGES)))
    show_list(changes, "No column has changed.")
    st.markdown("**Values replaced by NULL**")
    altered = shaping.altered(mine(read(statements.ALTERED_VALUES)))
    show_list(altered, "Every value arrived as it is in the source.")
