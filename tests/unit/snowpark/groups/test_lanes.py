"""Lanes: who does which table, and what becomes of a bad one, or of a dead lane."""

import itertools
import re
from typing import Any

import pytest
from snowflake.snowpark import Row

from snowpark.errors import SyncError, UsageError
from snowpark.groups import extract, group, lane, lanes, table_steps
from snowpark.groups.lane import load_lane
from snowpark.groups.lanes import Past, Place
from snowpark.groups.steps import GroupStep
from snowpark.ledger.lease import LEASE_SECONDS
from snowpark.session import Snowflake
from tests.unit.snowpark.groups.test_group_runs import (
    LINES,
    ORDERS,
    crowd,
    runs,
    staged,
    steps_of,
    told,
    world,
)
from tests.unit.snowpark.scripted import Killed, Scripted, Stop, caught, refusal, stops
from tests.unit.snowpark.sync.test_increment import known, nothing, window

RUN = "20260102T030405-0123456789ab"

# --- who does what --------------------------------------------------------------------


def test_the_largest_table_is_the_first_to_be_given_away() -> None:
    past = {"a": Past(1.0), "b": Past(100.0), "c": Past(60.0), "d": Past(30.0)}
    assert lanes.assign(["a", "b", "c", "d"], past, 2) == {
        "b": Place(1, 0),
        "c": Place(2, 0),
        "d": Place(2, 1),
        "a": Place(2, 2),
    }


def test_what_was_left_unfinished_comes_first() -> None:
    past = {"a": Past(1.0, unfinished=True), "b": Past(100.0), "c": Past(50.0)}
    places = lanes.assign(["a", "b", "c"], past, 1)
    assert sorted(places, key=lambda t: places[t].place) == ["a", "b", "c"]


@pytest.mark.parametrize(("tables", "number", "working"), [(3, 8, 3), (20, 8, 8)])
def test_the_first_lanes_have_the_work(tables: int, number: int, working: int) -> None:
    names = [f"t{i}" for i in range(tables)]
    places = lanes.assign(names, {}, number)
    assert {place.lane for place in places.values()} == set(range(1, working + 1))
    assert lanes.assign([], {}, number) == {}


# --- the root -------------------------------------------------------------------------


def extracted(session: Scripted, number: int = 8) -> dict[str, Any]:
    return group.extract_lanes(Snowflake(session), "hourly", number)


def test_only_tables_with_work_have_a_lane() -> None:
    tables = (ORDERS, LINES, known(name="quiet"), known(name="bad"))
    answers = {"lines": window(2), "orders": window(2), "quiet": nothing(1)}

    def answer(request: Any) -> Any:
        return answers.get(request.table.name, refusal("table_not_found"))

    session = world(answer, tables=tables)
    report = extracted(session)
    assert report["lanes"] == 2 and report["unchanged"] == 1
    assert {r["TABLE_NAME"]: r["LANE"] for r in steps_of(session)} == {
        None: None,
        "bad": None,
        "lines": 1,
        "orders": 2,
    }
    assert runs(session) == [("bad", "increment", "failed")]
    # Each has a lane of its own: nobody asks what it took.
    assert "read_past" not in session.names


def test_an_idle_group_has_no_lane_with_work() -> None:
    session = world(nothing(1), tables=crowd(3))
    assert extracted(session)["lanes"] == 0


def test_the_past_decides_who_comes_first() -> None:
    past = [
        Row(TABLE_NAME="lines", SECONDS=None, LAST_ERROR="step_lost"),
        Row(TABLE_NAME="orders", SECONDS=90, LAST_ERROR=""),
    ]
    session = world(window(2), tables=(ORDERS, LINES), read_past=past)
    extracted(session, 1)
    steps = [r for r in steps_of(session) if r["LANE"] is not None]
    assert [(r["TABLE_NAME"], r["PLACE"]) for r in steps] == [
        ("lines", 0),
        ("orders", 1),
    ]


@pytest.mark.parametrize("number", [0, -1, None, "2", True, 1.5])
def test_a_number_of_lanes_is_a_number_from_one(number: Any) -> None:
    for call in (
        lambda: group.extract_lanes(Snowflake(world()), "hourly", number),
        lambda: load_lane(Snowflake(world()), "hourly", number),
    ):
        with pytest.raises(UsageError) as refused:
            call()
        assert refused.value.code == "invalid_argument"


# --- a lane ---------------------------------------------------------------------------


def test_a_lane_merges_its_tables_one_after_the_other() -> None:
    session = world(window(2), tables=(ORDERS, LINES))
    extracted(session, 1)
    before = len(session.sent)
    report = load_lane(Snowflake(session), "hourly", 1)
    assert report["tables"] == 2
    assert runs(session) == [
        ("lines", "increment", "succeeded"),
        ("orders", "increment", "succeeded"),
    ]
    assert session.names.count("extract") == 1
    # Both windows were extracted by the root; of the lane's own there are four.
    assert len(session.sent) - before <= 4 + 2 * 12
    final = group.finish_group(Snowflake(session), "hourly")
    assert final["changed"] == ["lines", "orders"] and final["failed"] == {}
    assert final["rows_extracted"] == 4 and final["succeeded"] == 2


def test_a_lane_without_tables_ends_after_one_statement() -> None:
    session = world(nothing(1), tables=(ORDERS,))
    extracted(session)
    before = len(session.sent)
    assert "no table" in load_lane(Snowflake(session), "hourly", 3)["summary"]
    sent = set(session.names[before:]) - {"longest_list"}
    assert sent == {"read_lane_steps"}


def test_one_bad_table_of_a_lane_stops_no_other() -> None:
    session = world(window(2), tables=(ORDERS, LINES))
    extracted(session, 1)
    session.stop = Stop("merge")
    with pytest.raises(SyncError) as failed:
        load_lane(Snowflake(session), "hourly", 1)
    assert failed.value.code == "lane_failed"
    assert "1 tables failed: lines [warehouse_error]" in failed.value.message
    assert runs(session) == [
        ("lines", "increment", "failed"),
        ("orders", "increment", "succeeded"),
    ]
    report = group.finish_group(Snowflake(session), "hourly")
    assert list(report["failed"]) == ["lines"] and report["changed"] == ["orders"]


def test_a_lane_that_is_repeated_does_only_what_has_failed() -> None:
    session = world(window(2), tables=(ORDERS, LINES))
    extracted(session, 1)
    session.stop = Stop("copy_files", number=604)
    with pytest.raises(SyncError):
        load_lane(Snowflake(session), "hourly", 1)
    failed = [r for r in session.names if r == "merge"]
    assert len(failed) == 1
    # What Snowflake refused once may go well now, but only if that is said.
    with pytest.raises(SyncError) as again:
        load_lane(Snowflake(session), "hourly", 1)
    assert "lines [load_failed]" in again.value.message
    assert session.names.count("merge") == 1

    def may_pass(one: Any) -> list[Row]:
        found = [r.as_dict() for r in outcomes_before(one)]
        return [Row(**(r | {"ERROR_RETRYABLE": True})) for r in found]

    outcomes_before: Any = session.answers["read_outcomes"]
    session.answers["read_outcomes"] = may_pass
    assert load_lane(Snowflake(session), "hourly", 1)["tables"] == 2
    assert session.stays.count("merge") == 2
    assert told(session)[-1] == ("lines", "merge", "done")
    assert group.finish_group(Snowflake(session), "hourly")["failed"] == {}


def test_a_table_that_another_run_has_taken_over_is_left_alone() -> None:
    session = world(window(2), tables=(ORDERS, LINES))
    extracted(session, 1)
    states: Any = session.answers["read_lane_states"]

    def taken(one: Any) -> list[Row]:
        rows = [row.as_dict() for row in states(one)]
        rows[0]["LEASE_RUN_ID"] = "another"
        return [Row(**row) for row in rows]

    session.answers["read_lane_states"] = taken
    with pytest.raises(SyncError) as failed:
        load_lane(Snowflake(session), "hourly", 1)
    assert "lines [lease_lost]" in failed.value.message
    assert runs(session)[-1] == ("orders", "increment", "succeeded")


def test_another_configuration_is_read_anew() -> None:
    session = world(window(2))
    extracted(session)
    states: Any = session.answers["read_lane_states"]

    def changed(one: Any) -> list[Row]:
        (row,) = states(one)
        other = known(exclude=("note",)).settings.to_json()
        return [Row(**(row.as_dict() | {"SETTINGS": other}))]

    session.answers["read_lane_states"] = changed
    load_lane(Snowflake(session), "hourly", 1)
    assert session.names.count("extract") == 2


def test_the_leases_of_a_lane_are_held_while_it_is_at_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = world(window(2), tables=(ORDERS, LINES))
    extracted(session, 1)
    ticks = itertools.count(0, LEASE_SECONDS // 2)
    monkeypatch.setattr(extract.time, "monotonic", lambda: float(next(ticks)))
    load_lane(Snowflake(session), "hourly", 1)
    # Of all tables of the run, before each of the lane.
    assert session.names.count("hold_leases") == 2
    assert session.values("hold_leases")[0][-1] == session.only("take_leases").values[0]


@pytest.mark.parametrize("number", [lane._SHOWN, lane._SHOWN + 1, lane._SHOWN + 7])
@pytest.mark.parametrize("retryable", [0, 1])
def test_a_lane_that_failed_names_some_tables_and_counts_all(
    number: int, retryable: int
) -> None:
    """A retry may help if it may help one of them."""
    failed = {
        f"t{i}": SyncError("x", "m", retryable=i < retryable) for i in range(number)
    }
    step = GroupStep(RUN, "hourly", "graph", "extract", "succeeded", "t0")
    error = lane._failure(step, 3, failed)
    assert error.retryable is bool(retryable) and error.run_id == RUN
    assert f"Lane 3 of group hourly: {number} tables failed" in error.message
    shown = min(number, lane._SHOWN)
    assert error.message.count("[x]") == shown
    more = number - shown
    ending = f" and {more} more." if more else f"t{number - 1} [x]."
    assert error.message.endswith(ending)


# --- a dead lane ----------------------------------------------------------------------


def test_what_a_dead_lane_has_left_is_closed_by_the_finalizer() -> None:
    session = world(window(2), tables=(ORDERS, LINES))
    extracted(session, 1)
    session.stop = Stop("merge", "killed before", nth=2)
    error = caught(lambda s: load_lane(s, "hourly", 1), session)
    assert isinstance(error, Killed)
    alive = revived(session)
    report = group.finish_group(Snowflake(alive), "hourly")
    assert report["changed"] == ["lines"]
    assert report["failed"]["orders"]["code"] == "step_lost"
    assert runs(alive)[-1] == ("orders", "increment", "failed")
    alive.in_order("insert_failed_runs", "drop_staging", "release_leases")
    assert staged(alive) == []


def test_the_tables_of_a_lane_take_turns_in_one_staging_table() -> None:
    names = set()
    for _ in range(2):
        session = world(window(2), tables=(ORDERS, LINES))
        extracted(session, 1)
        load_lane(Snowflake(session), "hourly", 1)
        made = {o.text.split()[5] for o in session.sent if o.name == "create_staging"}
        assert len(made) == 1 and session.names.count("drop_staging") == 1
        assert staged(session) == []
        names |= made
    # A lane that is called twice at once must not meet the rows of the other call.
    assert len(names) == 2


@pytest.mark.parametrize("letters", [1, 150, 151, 255])
def test_no_name_of_a_group_hides_which_call_a_staging_table_is_of(
    letters: int,
) -> None:
    """A long name is cut before the call's part is."""
    made = [table_steps.common_staging("g" * letters, RUN, 12) for _ in range(2)]
    assert made[0] != made[1]
    for name in made:
        identifier = name.split('"')[3]
        assert len(identifier) <= 255 and "_12_" in identifier
        beginning = "G" * min(letters, 150)
        assert re.match(rf"{beginning}_12_[0-9A-F]{{8}}__LANE_", identifier)


def test_the_leases_of_a_lane_are_given_back_together() -> None:
    session = world(window(2), tables=(ORDERS, LINES))
    extracted(session, 1)
    load_lane(Snowflake(session), "hourly", 1)
    assert "release_lease" not in session.names
    assert session.only("release_some").values[1:] == ("lines", "orders")


@pytest.mark.parametrize("beyond", [-1, 0, 5])
def test_a_long_lane_gives_leases_back_while_it_is_at_work(beyond: int) -> None:
    """A table that is done waits for no other 20 until somebody may sync it."""
    number = lane._GIVEN_BACK + beyond
    session = world(window(2), tables=crowd(number))
    extracted(session, 1)
    load_lane(Snowflake(session), "hourly", 1)
    given = [list(values[1:]) for values in session.values("release_some")]
    tables = [table for some in given for table in some]
    assert sorted(tables) == [f"t{i:04d}" for i in range(number)]
    sizes = [lane._GIVEN_BACK, beyond] if beyond > 0 else [number]
    assert [len(some) for some in given] == sizes
    if beyond > 0:
        # The first ones while tables of the lane were still to be merged.
        names = session.names
        merges = [at for at, name in enumerate(names) if name == "merge"]
        assert merges[lane._GIVEN_BACK - 1] < names.index("release_some") < merges[-1]


def revived(session: Scripted) -> Scripted:
    """Returns the warehouse without the process that died."""
    session.stop = None
    session._dead = False
    return session


def test_wherever_a_lane_stops_rows_and_watermarks_agree() -> None:
    def play(snowflake: Snowflake) -> None:
        group.extract_lanes(snowflake, "hourly", 2)
        for number in (1, 2):
            load_lane(snowflake, "hourly", number)

    def make() -> Scripted:
        return world(window(2), tables=(ORDERS, LINES))

    for stop, session, error in stops(make, play):
        session.together("merge", "insert_watermark")
        if isinstance(error, SyncError):
            assert not session.is_open, stop


def test_a_table_costs_a_second_beside_its_rows() -> None:
    """Four tables of no time are as much as one of three seconds."""
    names = ["large", "a", "b", "c", "d", "e"]
    past = dict.fromkeys(names, Past(0.0)) | {"large": Past(3.0)}
    places = lanes.assign(names, past, 2)
    assert [places[name].lane for name in names] == [1, 2, 2, 2, 2, 1]


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_tables_that_take_no_time_are_spread_all_the_same(seconds: float) -> None:
    """Each costs its statements."""
    names = [f"t{i}" for i in range(6)]
    places = lanes.assign(names, dict.fromkeys(names, Past(seconds)), 3)
    assert sorted(place.lane for place in places.values()) == [1, 1, 2, 2, 3, 3]


def test_a_table_that_failed_to_be_extracted_has_no_lane() -> None:
    session = world(refusal("table_not_found"))
    assert extracted(session)["lanes"] == 0
