"""What every page is made of: rows that are read once, lists, charts, errors."""

from typing import Any

import streamlit as st

from snowpark.dashboard import session, shaping
from snowpark.dashboard.session import CallFailed
from snowpark.dashboard.shaping import Failure, Row
from snowpark.dashboard.statements import Query

# Seconds for which rows are shown again without asking: every click runs the script.
KEEP_SECONDS = 30
PERIODS = {"1 day": 1, "7 days": 7, "30 days": 30, "1 year": 365}
_ROW_PIXELS, _MOST_ROWS, _PERIOD_PIXELS = 35, 25, 200


def moment_column(label: str) -> Any:
    """Returns the settings of a column of moments: its name says the zone."""
    return st.column_config.DatetimeColumn(
        f"{label} (UTC)", format="YYYY-MM-DD HH:mm:ss", timezone="UTC", width=160
    )


def columns() -> dict[str, Any]:
    """Returns the settings of the columns that several lists have."""
    return {name: moment_column(name) for name in ("Finished", "When", "Last sync")} | {
        "SLA used": st.column_config.ProgressColumn(
            format="%.0f %%",
            min_value=0,
            max_value=100,
            # The usual color is red, which means failed on this page.
            color="blue",
            help="Age of the data as a share of its limit. Full: late.",
        ),
        # Beside rows without a number whole ones would be shown as 12.000000.
        "Rows read": st.column_config.NumberColumn(format="%d"),
    }


@st.cache_data(ttl=KEEP_SECONDS, show_spinner=False)
def read(query: Query) -> list[Row]:
    """Returns the rows of a query, not older than KEEP_SECONDS.

    Raises:
        CallFailed: Snowflake refused it.
    """
    return session.rows(query)


def read_if_there(query: Query) -> list[Row]:
    """Returns the rows of a query, or none if Snowflake refuses it."""
    try:
        return read(query)
    except CallFailed:
        return []


def height(lines: int) -> int:
    """Returns the pixels of a list: no scrolling until it has many rows."""
    return _ROW_PIXELS * (min(lines, _MOST_ROWS) + 1) + 3


def show_list(lines: list[dict[str, Any]], nothing: str) -> None:
    """A list of the page's usual form; a sentence if there is nothing."""
    if not lines:
        st.caption(nothing)
        return
    st.dataframe(
        lines,
        hide_index=True,
        width="stretch",
        height=height(len(lines)),
        column_config=columns(),
    )


def show_chart(title: str, points: list[dict[str, Any]], spec: dict[str, Any]) -> None:
    """A chart with its title; a sentence if there is nothing to draw."""
    st.markdown(f"**{title}**")
    if points:
        st.vega_lite_chart(points, spec, width="stretch")
    else:
        st.caption("Nothing in this period.")


def show_failure(title: str, failure: Failure) -> None:
    """One error: what, whether a retry helps, what to do."""
    with st.container(border=True):
        st.markdown(f"**{shaping.plain(title)}** :red-badge[{failure.code}]")
        # As text: a message may hold anything that looks like markup.
        st.markdown(shaping.plain(failure.message))
        if failure.hint:
            st.markdown(f"**What to do:** {shaping.plain(failure.hint)}")
        said = [part for part in (failure.retry, failure.where) if part]
        st.caption(shaping.plain(" · ".join(said)))


def chosen_days(periods: dict[str, int], usual: str, key: str) -> int:
    """Asks for a period; returns its days."""
    names = list(periods)
    chosen = st.selectbox(
        "Period", names, index=names.index(usual), key=key, width=_PERIOD_PIXELS
    )
    return periods[str(chosen)]


def open_page(name: str) -> None:
    """Goes to one of the pages beside the first one."""
    st.query_params["page"] = name


def open_table(name: str) -> None:
    """Goes to the page of a table."""
    st.query_params["table"] = name


def close_table() -> None:
    """Goes back to the first page."""
    st.query_params.pop("table", None)
