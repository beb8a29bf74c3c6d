"""Buttons: ask, confirm, call, show what came back.

A button only notes what is asked; the call is made at the end of the next run of the
script, while every button is disabled. A second click can neither start a second call
nor lose the report of the first one.
"""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from snowpark.dashboard import shaping, statements
from snowpark.dashboard.actions import Call
from snowpark.dashboard.buttons import ACTIONS
from snowpark.dashboard.parts import read, show_failure
from snowpark.dashboard.shaping import Failure

_MOST_CALLS_SHOWN = 8


@dataclass(frozen=True)
class Asked:
    """A click that waits for its confirmation.

    Attributes:
        place: Where the button stands; the question is put there.
    """

    place: str
    label: str
    subjects: tuple[str, ...]


def deployed() -> frozenset[str]:
    """Returns the procedures that there are, and that the app may call.

    Raises:
        CallFailed: Snowflake refused to list them.
    """
    return frozenset(str(row["NAME"]) for row in read(statements.PROCEDURES))


def is_busy() -> bool:
    """Whether a question is open or a call runs: no button can be clicked then."""
    made: Call | None = st.session_state.get("call")
    return "asked" in st.session_state or (made is not None and not made.is_done)


def show_buttons(
    place: str, labels: tuple[str, ...], subjects: tuple[str, ...]
) -> None:
    """Buttons of one place, and the question if one of them was clicked."""
    with st.container(horizontal=True, vertical_alignment="center"):
        put_buttons(place, labels, subjects)
    show_question_of(place)


def put_buttons(place: str, labels: tuple[str, ...], subjects: tuple[str, ...]) -> None:
    """Buttons in the container that is open, those that make sense."""
    there = deployed()
    offered = [
        label
        for label in labels
        if ACTIONS[label].procedure in there
        and (ACTIONS[label].many or len(subjects) <= 1)
    ]
    for label in offered:
        st.button(
            label,
            key=f"{place}/{label}",
            disabled=is_busy(),
            on_click=ask,
            args=(Asked(place, label, subjects),),
        )


def show_question_of(place: str) -> None:
    """The question, if a button of this place was clicked."""
    asked: Asked | None = st.session_state.get("asked")
    if asked is not None and asked.place == place:
        show_question(asked)
        st.session_state.shown = True


def ask(asked: Asked) -> None:
    """Notes what was clicked."""
    st.session_state.asked = asked
    st.session_state.call = None


def answer(yes: bool) -> None:
    """Notes the answer."""
    asked: Asked | None = st.session_state.pop("asked", None)
    if not yes or asked is None:
        return
    inputs = ACTIONS[asked.label].inputs
    values = tuple(
        str(st.session_state.get(f"input {label}", first)) for label, first in inputs
    )
    st.session_state.call = Call(asked.label, asked.subjects, values)


def show_question(asked: Asked) -> None:
    """Asks before anything is done, with the exact calls."""
    action = ACTIONS[asked.label]
    st.info(action.question)
    for label, first in action.inputs:
        st.text_input(label, value=first, key=f"input {label}")
    values = tuple(
        str(st.session_state[f"input {label}"]) for label, _ in action.inputs
    )
    texts = Call(asked.label, asked.subjects, values).texts
    more = len(texts) - _MOST_CALLS_SHOWN
    shown = [*texts[:_MOST_CALLS_SHOWN], *([f"-- and {more} more"] if more > 0 else [])]
    st.code("\n".join(shown), language="sql")
    with st.container(horizontal=True):
        st.button(
            f"Yes, {asked.label.lower()}", type="primary", on_click=answer, args=(True,)
        )
        st.button("Cancel", on_click=answer, args=(False,))


def begin(top: Any) -> None:
    """Shows in the container what the last click has brought."""
    st.session_state.shown = False
    made: Call | None = st.session_state.get("call")
    if made is not None and made.is_done:
        with top:
            show_outcome(made)


def end(top: Any) -> None:
    """Makes the call that was confirmed; the page stands already."""
    asked: Asked | None = st.session_state.get("asked")
    if asked is not None and not st.session_state.shown:
        # What the button stood beside is gone meanwhile.
        with top:
            show_question(asked)
    made: Call | None = st.session_state.get("call")
    if made is None or made.is_done:
        return
    with top, st.spinner(f"{made.texts[0]} is running ..."):
        made.make()
    # What is shown was read before the call.
    st.cache_data.clear()
    st.rerun()


def forget() -> None:
    """Takes the last outcome away."""
    st.session_state.call = None


def show_outcome(made: Call) -> None:
    """What the calls have answered."""
    for subject, outcome in made.outcomes.items():
        if isinstance(outcome, Failure):
            st.error(f"{made.label} failed.")
            show_failure(subject or made.label, outcome)
            continue
        said = outcome.get("summary") or f"{subject or made.label}: done."
        st.success(shaping.plain(str(said)))
        with st.expander("Report"):
            st.json(outcome)
    st.button("Dismiss", on_click=forget)
