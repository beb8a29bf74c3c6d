"""Every call as a new user would try it: wrong names, types, NULLs, twice at once.

The calls are those that SHOW PROCEDURES lists, so that none is forgotten.
"""

import itertools
import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import snowflake.connector

from snowpark.errors import CODES
from tests.end_to_end.lab import Lab

pytestmark = pytest.mark.large

HOSTILE: tuple[Any, ...] = (
    None,
    "",
    "   ",
    "no such thing",
    "x" * 5000,
    "orders'; DROP TABLE control.sync_tables; --",
    "\u00fc\u4e2d\U0001f600",
    "{}",
    "[1",
)
OURS = re.compile(r"\[([a-z_]+)\].* A retry (?:may help|does not help)\. \S", re.DOTALL)
# They take what they get, or nothing at all.
WITHOUT_NAMES = {
    "DBT_SOURCES",
    "HELP",
    "APPLY_TASKS",
    "RAISE_ALERTS",
    "TEST_ALERT",
    "TIDY",
}


def procedures(lab: Lab) -> Iterator[tuple[str, list[str]]]:
    for row in lab.query("SHOW PROCEDURES IN SCHEMA control"):
        listed = re.search(r"\((.*?)\) RETURN", row["arguments"])
        assert listed is not None
        yield row["name"], [kind for kind in listed[1].split(", ") if kind]


def attempt(lab: Lab, procedure: str, arguments: tuple[Any, ...]) -> str | None:
    """Calls a procedure; returns the text of its error."""
    marks = ", ".join(["%s"] * len(arguments))
    try:
        lab.query(f"CALL {procedure}({marks})", *arguments)
    except snowflake.connector.errors.ProgrammingError as error:
        return str(error)
    return None


def test_hostile_arguments_are_refused_in_plain_words(lab: Lab) -> None:
    lab.apply({lab.name("orders"): {"mode": "full"}})
    before = lab.query("SELECT COUNT(*) AS n FROM control.sync_tables")
    for procedure, kinds in procedures(lab):
        if procedure in WITHOUT_NAMES:
            continue
        # NULL is everything.
        hostile = HOSTILE[1:] if procedure == "CHECK_SYNC" else HOSTILE
        for value in hostile:
            arguments = (value, *[None] * (len(kinds) - 1))
            text = attempt(lab, procedure, arguments)
            assert text is not None, (procedure, value)
            told = OURS.search(text)
            assert told, (procedure, value, text)
            assert told[1] in CODES, (procedure, value, text)
            assert "Traceback" not in text.split(told[0])[-1]
    assert lab.query("SELECT COUNT(*) AS n FROM control.sync_tables") == before


def test_too_few_and_too_many_arguments_are_refused(lab: Lab) -> None:
    for procedure, kinds in procedures(lab):
        text = attempt(lab, procedure, ("x",) * (len(kinds) + 1))
        assert text is not None and "argument" in text, (procedure, text)
        if kinds and procedure != "CHECK_SYNC":
            text = attempt(lab, procedure, ())
            assert text is not None and "argument" in text, (procedure, text)


def test_a_misspelled_table_is_guessed(lab: Lab) -> None:
    table = lab.name("customer_orders")
    lab.apply({table: {"mode": "full"}})
    text = lab.fail("SYNC_TABLE", table.replace("customer", "custmer"))
    assert f"Did you mean {table}?" in text


# What a call says if another one is at work on the same table, or has not been yet.
BUSY = {"lease_held", "lease_lost", "table_paused", "lane_failed", "group_failed"}
# Of sources with a log: test_the_log_tells_every_change.py makes pairs of them.
OF_LOGS = {"LOG_SETUP", "START_LOG", "CAPTURE_LOG", "STOP_LOG", "RESYNC_SOURCE"}
TOO_EARLY = {"nothing_extracted", "nothing_loaded", "nothing_to_finish"}
# What these say each time: the table is there already, or was never.
ALWAYS = {
    "ADD_TABLES": "nothing_found",
    "REMOVE_TABLES": "unknown_table",
    "TEST_ALERT": "no_alert_targets",
}


def calls_of(table: str, group: str, config: str) -> dict[str, tuple[Any, ...]]:
    """Every call with arguments that are right."""
    return {
        "ADD_TABLES": ("shop", f"public.{table}"),
        "APPLY_CONFIG": (config,),
        "APPLY_TASKS": (),
        "BACKFILL_TABLE": (table, "2000-01-01", None),
        "CHECK_SYNC": (table,),
        "CONFIRM_DELETES": (table,),
        "DBT_SOURCES": (),
        "EXTRACT_GROUP": (group,),
        "EXTRACT_LANES": (group, 2),
        "FINISH_GROUP": (group,),
        "HELP": (),
        "LOAD_LANE": (group, 1),
        "LOAD_TABLE": (table,),
        "MERGE_TABLE": (table,),
        "PAUSE_TABLE": (table, None),
        "PLAN_SYNC": (table,),
        "PROPOSE_CONFIG": ("shop", f"public.{table}"),
        "RAISE_ALERTS": (),
        "REMOVE_TABLES": (f"{table}_that_is_not_there",),
        "RESUME_TABLE": (table,),
        "RESYNC_TABLE": (table,),
        "SYNC_GROUP": (group,),
        "SYNC_TABLE": (table,),
        "TEST_ALERT": (),
        "TIDY": (),
        "VALIDATE_TABLE": (table, True),
    }


def at_once(lab: Lab, *calls: tuple[str, tuple[Any, ...]]) -> list[str]:
    """Makes calls at the same time; returns the texts of their errors."""
    texts: list[str | None] = []

    def call(procedure: str, arguments: tuple[Any, ...]) -> None:
        parameters = lab.stack.endpoints.snowflake.parameters
        with snowflake.connector.connect(**parameters) as connection:
            own = Lab(lab.stack, lab.source, connection)
            texts.append(attempt(own, procedure, arguments))

    threads = [threading.Thread(target=call, args=each) for each in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == len(calls), "a call raised something else"
    return [text for text in texts if text]


@pytest.mark.parametrize("first", range(0, 26, 2))
def test_every_pair_of_calls_at_once_ends_well(lab: Lab, first: int) -> None:
    """Each succeeds, or says that the other is at work; then the table is equal.

    Args:
        first: The pairs of two calls, and of these with all that come later.
    """
    table, group = lab.name("orders"), lab.name("team")
    lab.orders_table(table, 30)
    tables = {table: {"cursor": "updated_at", "group": group}}
    once_a_year = {"schedule": {"cron": "0 0 1 1 *", "time_zone": "UTC"}}
    config = json.dumps(lab.config(tables) | {"groups": {group: once_a_year}})
    lab.call("APPLY_CONFIG", config)
    lab.sync(table)
    calls = calls_of(table, group, config)
    assert {name for name, _ in procedures(lab)} - OF_LOGS == set(calls)
    names = list(calls)
    assert len(names) == 26, "range() above"
    pairs = itertools.combinations_with_replacement(calls.items(), 2)
    for pair in pairs:
        if names.index(pair[0][0]) not in (first, first + 1):
            continue
        lab.psql(f"UPDATE {table} SET note = md5(random()::text), updated_at = now()")
        for text in at_once(lab, *pair):
            told = OURS.search(text)
            always = {ALWAYS[name] for name, _ in pair if name in ALWAYS}
            # All of it: pytest shortens a tuple, and this may not happen twice.
            assert told and told[1] in BUSY | TOO_EARLY | always, f"{pair}: {text}"
        both = {name for name, _ in pair}
        # What these have begun is left open otherwise, as by a killed graph.
        if both & {"EXTRACT_GROUP", "EXTRACT_LANES"}:
            attempt(lab, "FINISH_GROUP", (group,))
        if "PAUSE_TABLE" in both:
            lab.call("RESUME_TABLE", table)
        assert lab.lease_owner(table) is None, pair
    lab.sync(table)
    lab.assert_equal(table)
    assert lab.call("VALIDATE_TABLE", table)["status"] == "equal"


def test_two_configurations_at_once_leave_one_of_them_in_force(lab: Lab) -> None:
    table = lab.name("orders")
    configs = [
        json.dumps(lab.config({f"{table}_{number}": {"mode": "full"}}))
        for number in range(2)
    ]
    texts = at_once(lab, *(("APPLY_CONFIG", (config,)) for config in configs))
    assert len(texts) < 2
    for text in texts:
        assert "lease_held" in text
    rows = lab.query("SELECT table_name FROM control.sync_current_tables")
    assert len(rows) == 1
