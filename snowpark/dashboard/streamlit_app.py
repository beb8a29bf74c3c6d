"""The page: what SYNC_STATUS and the ledgers say, and buttons for the worksheet calls.

Main file of the Streamlit app (snowflake/80_dashboard). A button only notes what is
asked; the call is made in the next run of this script, while every button is disabled.
A second click can neither start a second call nor lose the report of the first one.
"""

import streamlit as st

from snowpark.dashboard import shaping, statements
from snowpark.dashboard.actions import ACTIONS, Call
from snowpark.dashboard.session import CallFailed, rows
from snowpark.dashboard.shaping import Failure, Row
from snowpark.dashboard.statements import Query

# Seconds for which rows are shown again without asking: every click runs the script.
KEEP_SECONDS = 30

# No red: that means failed on this page.
BLUE, LIGHT_BLUE, GREEN = "#0068c9", "#83c9ff", "#29b09d"

MOMENT = st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss", width=150)


@st.cache_data(ttl=KEEP_SECONDS, show_spinner=False)
def read(query: Query) -> list[Row]:
    """Returns the rows of a query, not older than KEEP_SECONDS.

    Raises:
        CallFailed: Snowflake refused it.
    """
    return rows(query)


@st.cache_data(show_spinner=False)
def known_calls() -> frozenset[str]:
    """Returns the names of the procedures that this deployment has.

    Raises:
        CallFailed: Snowflake refused it.
    """
    return frozenset(row["CALL"] for row in rows(statements.HELP))


def show_page() -> None:
    """Draws everything, the worst first."""
    st.set_page_config(page_title="Aurora sync", layout="wide")
    title, refresh = st.columns([6, 1], vertical_alignment="bottom")
    title.title("Aurora sync")
    if refresh.button("Refresh", width="stretch"):
        st.cache_data.clear()
    try:
        status = read(statements.STATUS)
        if not status:
            st.info(
                "No table is configured yet. Add tables to the configuration and"
                " run `CALL APPLY_CONFIG('...')` in a worksheet."
            )
            return
        show_counts(status)
        names = ("Tables", "History", "Failures", "Changes", "Operate")
        tables, history, failures, changes, operate = st.tabs(names)
        with tables:
            show_tables(status)
        with history:
            show_history(status)
        with failures:
            show_failures(status)
        with changes:
            show_changes()
        with operate:
            show_operate(status)
    except CallFailed as error:
        show_failure("Snowflake refused a query", error.failure)


def show_counts(status: list[Row]) -> None:
    """The number of tables by state."""
    counts = shaping.counts(status)
    columns = st.columns(max(6, len(counts) + 1))
    columns[0].metric("Tables", len(status))
    for column, (state, number) in zip(columns[1:], counts.items(), strict=False):
        column.metric(shaping.colored(state), number)


def show_tables(status: list[Row]) -> None:
    """One row per table: freshness against its SLA."""
    st.dataframe(
        shaping.freshness(status),
        hide_index=True,
        width="stretch",
        column_config={
            "SLA used": st.column_config.ProgressColumn(
                format="%.0f %%",
                min_value=0,
                max_value=100,
                help="Age of the data as a share of the limit. Full: late.",
            ),
            "Last sync": MOMENT,
            "Watermark": st.column_config.TextColumn(width=215),
            "Held back by": st.column_config.TextColumn(
                help="Start of the open source transaction that holds the watermark."
            ),
        },
    )


def show_history(status: list[Row]) -> None:
    """A table's runs: rows, seconds by step, and the list."""
    chosen, period = st.columns([3, 1])
    table = chosen.selectbox("Table", table_names(status), key="history_table")
    days = period.selectbox("Days", (1, 7, 30), index=1, key="history_days")
    runs = read(statements.history(days))
    points = shaping.run_points(runs, table)
    if not points:
        st.info(f"{table} was not synced in this period.")
        return
    left, right = st.columns(2)
    left.markdown("**Rows by run**")
    left.bar_chart(
        points,
        x="Run",
        y=["Rows read", "Rows deleted"],
        y_label="rows",
        color=[LIGHT_BLUE, BLUE],
    )
    right.markdown("**Seconds by step**")
    right.bar_chart(
        points,
        x="Run",
        y=["extract", "load", "merge"],
        y_label="seconds",
        color=[BLUE, LIGHT_BLUE, GREEN],
    )
    show_list(shaping.run_list(runs, table))
    if len(runs) == statements.MOST_RUNS:
        st.caption(f"Only the newest {statements.MOST_RUNS} runs are shown.")


def show_failures(status: list[Row]) -> None:
    """What is broken now with its hint, and what failed in the last days."""
    failing = shaping.failing_now(status)
    if not failing:
        st.success("The last sync of every table went well.")
    for table, failure in failing:
        show_failure(table, failure)
    past = shaping.past_failures(read(statements.history(7)))
    if past:
        st.markdown("**Failed runs of the last seven days**")
        show_list(past)


def show_failure(title: str, failure: Failure) -> None:
    """One error: what, whether a retry helps, what to do."""
    with st.container(border=True):
        st.markdown(f"**{title}** :red-badge[{failure.code}]")
        # As text: a message may hold anything that looks like markup.
        st.text(failure.message)
        if failure.hint:
            st.text(f"What to do: {failure.hint}")
        st.caption(" · ".join(part for part in (failure.retry, failure.where) if part))


def show_changes() -> None:
    """Schema changes and altered values, the newest first."""
    st.markdown("**Schema changes**")
    changes = shaping.changes(read(statements.SCHEMA_CHANGES))
    if changes:
        show_list(changes)
    else:
        st.info("No column has changed since the targets were created.")
    st.markdown("**Values replaced by NULL**, because Snowflake has no place for them")
    altered = shaping.altered(read(statements.ALTERED_VALUES))
    if altered:
        show_list(altered)
    else:
        st.info("Every value arrived as it is in the source.")


def show_operate(status: list[Row]) -> None:
    """Buttons: ask, confirm, call, show what came back."""
    asked: tuple[str, str] | None = st.session_state.get("asked")
    made: Call | None = st.session_state.get("call")
    busy = asked is not None or (made is not None and made.outcome is None)
    table = st.selectbox(
        "Table", table_names(status), key="operate_table", disabled=busy
    )
    (row,) = [row for row in status if row["TABLE_NAME"] == table]
    reason = f": {row['PAUSED_REASON']}" if row["PAUSED_REASON"] else ""
    st.text(f"{row['STATE']}{reason}")
    offered = offered_actions(row["STATE"] == "paused")
    for column, label in zip(st.columns(6), offered, strict=False):
        column.button(
            label, width="stretch", disabled=busy, on_click=ask, args=(label, table)
        )
    if asked is not None:
        show_question(*asked)
    elif made is not None:
        show_call(made)


def offered_actions(paused: bool) -> list[str]:
    """Returns the buttons that make sense for a table, of those that are deployed."""
    senseless = {"Pause", "Sync now"} if paused else {"Resume"}
    return [
        label
        for label, (procedure, _) in ACTIONS.items()
        if label not in senseless and procedure in known_calls()
    ]


def ask(label: str, table: str) -> None:
    """Notes what was clicked."""
    st.session_state.asked = (label, table)
    st.session_state.call = None


def answer(yes: bool) -> None:
    """Notes the answer."""
    asked = st.session_state.asked
    st.session_state.asked = None
    st.session_state.call = Call(*asked) if yes and asked else None


def show_question(label: str, table: str) -> None:
    """Asks before anything is done."""
    procedure, question = ACTIONS[label]
    st.warning(question)
    st.code(f"CALL {procedure}('{table}')", language="sql")
    yes, no, _ = st.columns([1, 1, 4])
    yes.button(
        f"Yes, {label.lower()}",
        type="primary",
        width="stretch",
        on_click=answer,
        args=(True,),
    )
    no.button("Cancel", width="stretch", on_click=answer, args=(False,))


def show_call(made: Call) -> None:
    """Makes the call if that is still to be done; shows its report or its error."""
    if made.outcome is None:
        procedure, _ = ACTIONS[made.label]
        with st.spinner(f"{procedure}('{made.table}') is running ..."):
            made.make()
        # What is shown above was read before the call.
        st.cache_data.clear()
        st.rerun()
    if isinstance(made.outcome, Failure):
        st.error(f"{made.label} failed.")
        show_failure(made.table, made.outcome)
    elif made.outcome is not None:
        st.success(str(made.outcome.get("summary") or f"{made.table}: done."))
        with st.expander("Report"):
            st.json(made.outcome)


def show_list(lines: list[dict[str, object]]) -> None:
    """A table of the page's usual form."""
    moments = {"Finished": MOMENT, "When": MOMENT}
    st.dataframe(lines, hide_index=True, width="stretch", column_config=moments)


def table_names(status: list[Row]) -> list[str]:
    """Returns the names of the tables, in the order of SYNC_STATUS."""
    return [row["TABLE_NAME"] for row in status]


show_page()
