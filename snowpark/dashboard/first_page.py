"""The first page: what needs attention, grouped by cause, then every table."""

import datetime
from typing import Any

import pandas
import streamlit as st

from snowpark.dashboard import attention, shaping, statements
from snowpark.dashboard.attention import Card
from snowpark.dashboard.operate import put_buttons, show_question_of
from snowpark.dashboard.parts import columns, height, open_table, read, read_if_there
from snowpark.dashboard.schedule import Schedule, database_of, schedules
from snowpark.dashboard.shaping import NO_GROUP, Row

_MOST_RUNNING, _MOST_NAMES = 5, 6
_CARD_PIXELS, _CHOICE_PIXELS = 600, 220
_SHADES = {
    "red": "#ff4b4b66",
    "orange": "#ffa42166",
    "yellow": "#faca2b66",
    "violet": "#803df566",
    "blue": "#1c83e140",
    "gray": "#80849566",
    "green": "#21c35426",
}


def read_schedules() -> list[Schedule]:
    """Returns the schedule of each group, as far as Snowflake tells."""
    tasks = read_if_there(statements.TASKS)
    database = database_of(tasks)
    if database is None:
        return []
    return schedules(tasks, read_if_there(statements.task_history(database)))


def show_headline(rows: list[Row]) -> None:
    """The sentence that a person came for, and the tables by state."""
    text, well = attention.headline(rows)
    st.markdown(f"## {':green' if well else ':red'}[{text}]")
    badges = [shaping.badge(s, n) for s, n in shaping.counts(rows).items()]
    st.markdown(" ".join(badges))


def show_first_page(rows: list[Row], now: datetime.datetime) -> None:
    """Cards by cause, then the schedules in short, then all tables."""
    found = read_schedules()
    warnings = read(statements.WARNINGS)
    cards = [
        *attention.schedule_cards(found),
        *attention.log_cards(read_if_there(statements.LOGS)),
        *attention.cards(rows, warnings, now),
    ]
    # They stand side by side as far as the page is wide.
    with st.container(horizontal=True):
        for card in cards:
            show_card(card, now)
    loading = attention.running(rows, now)
    if loading:
        st.markdown("**Syncing now**")
        more = len(loading) - _MOST_RUNNING
        shown = [*loading[:_MOST_RUNNING], *([f"and {more} more"] if more > 0 else [])]
        st.markdown("\n".join(f"- {shaping.plain(line)}" for line in shown))
    show_next_runs(found, now)
    show_tables(rows)


def show_next_runs(found: list[Schedule], now: datetime.datetime) -> None:
    """When the groups run next, in one line."""
    coming = sorted((s.next_at, s.group) for s in found if s.next_at is not None)
    if coming:
        words = [f"{group} {shaping.ago(at, now)}" for at, group in coming[:4]]
        more = f" · and {len(coming) - 4} more" if len(coming) > 4 else ""
        st.caption(shaping.plain(f"Next runs: {' · '.join(words)}{more}"))


def show_card(card: Card, now: datetime.datetime, *, opens: bool = True) -> None:
    """One cause: what, since when, what readers see, what to do, and the buttons.

    Args:
        opens: Whether a button leads to the page of the table.
    """
    with st.container(border=True, width=_CARD_PIXELS, gap="small"):
        st.markdown("  \n".join(card_lines(card, now)))
        with st.container(horizontal=True, vertical_alignment="center"):
            subjects = chosen_subjects(card)
            put_buttons(card.key, card.buttons, subjects)
            if opens and card.are_tables and len(subjects) == 1:
                st.button(
                    "Open",
                    key=f"{card.key}/open",
                    type="tertiary",
                    icon=":material/arrow_forward:",
                    on_click=open_table,
                    args=subjects,
                )
        show_question_of(card.key)


def card_lines(card: Card, now: datetime.datetime) -> list[str]:
    """Returns what a card says, as Markdown."""
    number = len(card.subjects)
    named = shaping.plain(card.subjects[0]) if number == 1 and card.are_tables else ""
    about = named or (shaping.count(number, "table") if number else "")
    code = f" :gray-badge[{card.code}]" if card.code else ""
    title = shaping.plain(card.title) + (f" · {about}" if card.are_tables else "")
    lines = [f"{shaping.badge(card.state)} **{title}**{code}"]
    if card.message:
        lines.append(shaping.plain(card.message))
    since = f"Since {shaping.ago(card.since, now)}. " if card.since else ""
    readers = shaping.plain(f"{since}Readers see {card.readers}.")
    lines.append(f":gray[{readers}]")
    if card.hint:
        lines.append(f"**What to do:** {shaping.plain(card.hint)}")
    if number > 1:
        names = ", ".join(card.subjects[:_MOST_NAMES])
        more = number - _MOST_NAMES
        text = shaping.plain(f"{names} and {more} more" if more > 0 else names)
        lines.append(f":gray[{text}]")
    return lines


def chosen_subjects(card: Card) -> tuple[str, ...]:
    """The tables that the buttons of a card are about: all, or the one chosen."""
    number = len(card.subjects)
    if number <= 1:
        return card.subjects
    everything = f"All {number} tables"
    chosen = st.selectbox(
        "The buttons are about",
        (everything, *card.subjects),
        key=f"{card.key}/chosen",
        label_visibility="collapsed",
        width=_CHOICE_PIXELS,
    )
    return card.subjects if chosen == everything else (str(chosen),)


def show_tables(rows: list[Row]) -> None:
    """Every table, to be searched and filtered; a click opens its page."""
    st.markdown("#### Tables")
    groups = sorted({row["GROUP_NAME"] or NO_GROUP for row in rows})
    search, group, state = st.columns([2, 1, 1])
    text = search.text_input("Search", placeholder="part of a table's or target's name")
    wanted = group.multiselect("Group", groups, placeholder="every group")
    states = state.multiselect(
        "State", list(shaping.counts(rows)), placeholder="every state"
    )
    found = shaping.matching(rows, text or "", wanted, states)
    if len(found) < len(rows):
        st.caption(f"{len(found)} of {len(rows)} tables")
    if not found:
        return
    lines = shaping.tables(found)
    frame: Any = pandas.DataFrame(lines).style.map(shade, subset=["State"])
    chosen: Any = st.dataframe(
        frame,
        hide_index=True,
        width="stretch",
        height=height(len(lines)),
        column_config=columns(),
        on_select="rerun",
        selection_mode="single-row",
        key=f"tables/{text}/{wanted}/{states}",
    )
    if chosen.selection.rows:
        open_table(str(lines[chosen.selection.rows[0]]["Table"]))
        st.rerun()


def shade(state: str) -> str:
    """Returns the style of a cell with a state: readable on light and on dark."""
    shown = _SHADES[shaping.COLORS.get(state, "gray")]
    return f"background-color: {shown}"
