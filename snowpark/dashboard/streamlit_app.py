"""The main file of the Streamlit app (snowflake/80_dashboard): which page is shown.

`?table=orders` is the page of a table (in Snowflake's own address `streamlit-table=`),
`?page=History` one of the others; without them the page says what needs attention.
"""

import datetime
from typing import Literal

import streamlit as st

from snowpark.dashboard import operate, statements
from snowpark.dashboard.first_page import show_first_page, show_headline
from snowpark.dashboard.pages import (
    show_changes,
    show_cost,
    show_history,
    show_schedules,
)
from snowpark.dashboard.parts import open_page, read, show_failure
from snowpark.dashboard.session import CallFailed
from snowpark.dashboard.shaping import Row, moment
from snowpark.dashboard.table_page import show_table_page

FIRST = "Attention"
PAGES = (FIRST, "Schedules", "History", "Changes", "Cost")


def show_app() -> None:
    """Draws the page that the address names."""
    st.set_page_config(page_title="Aurora sync", layout="wide")
    now = datetime.datetime.now(datetime.UTC)
    name, refresh = st.columns([5, 1], vertical_alignment="center")
    name.caption(f"Aurora sync · {moment(now)}")
    if refresh.button("Refresh", width="stretch", icon=":material/refresh:"):
        st.cache_data.clear()
    top = st.container()
    operate.begin(top)
    try:
        rows = read(statements.TABLES)
        if rows:
            show_page(rows, now)
        else:
            st.info(
                "No table is configured yet. `CALL PROPOSE_CONFIG('shop', '*.*')` shows"
                " what a source has, `CALL ADD_TABLES('shop', ...)` or"
                " `CALL APPLY_CONFIG($$...$$)` configures it."
            )
    except CallFailed as error:
        show_failure("Snowflake refused a query", error.failure)
    operate.end(top)


def show_page(rows: list[Row], now: datetime.datetime) -> None:
    """The page of a table, or one of PAGES below the headline."""
    table = st.query_params.get("table")
    if table:
        show_table_page(table, rows, now)
        return
    show_headline(rows)
    page = st.query_params.get("page", FIRST)
    with st.container(horizontal=True):
        for name in PAGES:
            # Not primary: that is red, which means failed here.
            kind: Literal["secondary", "tertiary"] = (
                "secondary" if name == page else "tertiary"
            )
            st.button(name, type=kind, on_click=open_page, args=(name,))
    if page == "Schedules":
        show_schedules(now)
    elif page == "History":
        show_history(rows)
    elif page == "Changes":
        show_changes()
    elif page == "Cost":
        show_cost()
    else:
        show_first_page(rows, now)


show_app()
