"""TIDY moves all or nothing, one call at a time, and never what is in use."""

import json
from typing import Any

import pytest
from snowflake.snowpark import Row

from snowpark.errors import SyncError, UsageError
from snowpark.ledger.statements import DATES_READ_RIGHT
from snowpark.load.pipe_statements import Pair
from snowpark.session import Snowflake
from snowpark.tidy import tidy
from tests.unit.snowpark.samples import settings
from tests.unit.snowpark.scripted import Scripted, Stop, stops

OLD = "20200101T030405-0123456789ab"
STAGED = "T_OLD__ROWS_20200101T030405_0123456789AB"
PAIR = Pair("old", 3)


def session_of(**more: Any) -> Scripted:
    script: dict[str, Any] = {
        "read_dates": [Row(DATES_READ_AS=DATES_READ_RIGHT)],
        "read_config_text": [Row("{}")],
        "copy_old": [Row(7)],
        "delete_old": [Row(7)],
        "show_staging": [],
        "show_all_pipes": [],
        "read_owners": [],
        "list_tables": [Row("orders")],
        "read_configured": [],
    }
    return Scripted(**(script | more))


def test_old_rows_are_moved_and_nothing_is_left_open() -> None:
    session = session_of()
    report = tidy.tidy(Snowflake(session))
    session.in_order("take_tidy_lease", "begin", "copy_old", "delete_old", "commit")
    session.in_order("unfold_quiet", "delete_unfolded", "commit", "copy_old")
    session.in_order("begin", "sum_altered", "delete_altered", "commit")
    assert session.names[-1] == "release_lease"
    assert report["moved"] == {"sync_runs": 7, "sync_watermarks": 7}
    assert report["history_days"] == 400
    copied, deleted = session.values("copy_old"), session.values("delete_old")
    assert copied == deleted


def test_rows_that_came_in_between_leave_all_where_it_was() -> None:
    session = session_of(delete_old=[Row(8)])
    report = tidy.tidy(Snowflake(session))
    assert "copy_old" not in session.stays and "delete_old" not in session.stays
    assert report["moved"] == {"sync_runs": 0, "sync_watermarks": 0}


def test_wherever_it_stops_no_row_is_lost_or_doubled() -> None:
    for stop, session, error in stops(
        session_of, lambda snowflake: tidy.tidy(snowflake)
    ):
        session.together("copy_old", "delete_old")
        session.together("unfold_quiet", "delete_unfolded")
        session.together("sum_altered", "delete_altered")
        if isinstance(error, SyncError):
            assert not session.is_open, stop


def test_one_call_at_a_time() -> None:
    session = session_of(take_tidy_lease=[Row(0)])
    with pytest.raises(UsageError) as caught:
        tidy.tidy(Snowflake(session))
    assert caught.value.code == "lease_held" and session.names == ["take_tidy_lease"]


def test_the_finalizer_does_it_once_a_day() -> None:
    session = session_of(take_tidy_lease=[Row(0)])
    assert tidy.tidy_daily(Snowflake(session)) == "Not due."
    assert session.only("take_tidy_lease").values[2] == -23
    session = session_of()
    assert tidy.tidy_daily(Snowflake(session)).startswith("14 rows were moved")
    session = session_of(read_dates=[Row(DATES_READ_AS="2001-03-02")])
    assert tidy.tidy_daily(Snowflake(session)).startswith("[date_input_formats]")
    by_hand = session_of()
    tidy.tidy(Snowflake(by_hand))
    assert by_hand.only("take_tidy_lease").values[2] == 0


def test_history_is_kept_as_long_as_the_configuration_says() -> None:
    text = json.dumps({"history_days": 30})
    session = session_of(read_config_text=[Row(text)])
    assert tidy.tidy(Snowflake(session))["history_days"] == 30
    session = session_of(read_config_text=[])
    assert tidy.tidy(Snowflake(session))["history_days"] == 400


def test_a_session_that_reads_dates_otherwise_moves_nothing() -> None:
    session = session_of(read_dates=[Row(DATES_READ_AS="2001-03-02")])
    with pytest.raises(UsageError):
        tidy.tidy(Snowflake(session))
    assert "copy_old" not in session.names and session.names[-1] == "release_lease"


def test_what_lost_runs_and_lost_tables_have_left_is_dropped() -> None:
    landed = PAIR.landed.rpartition(".")[2].strip('"')
    session = session_of(
        show_staging=[Row(name=STAGED), Row(name=landed), Row(name="OTHER")],
        show_all_pipes=[Row(name=PAIR.pipe)],
    )
    report = tidy.tidy(Snowflake(session))
    dropped = [f'"STAGING"."{name}"' for name in (PAIR.pipe, landed, STAGED)]
    assert report["dropped"] == dropped
    kept = session_of(show_staging=[Row(name=STAGED)], read_owners=[Row(OLD)])
    assert tidy.tidy(Snowflake(kept))["dropped"] == []


# --- versions of a history ------------------------------------------------------------

KEPT = settings(name="kept", history=True, history_days=30)
CONFIGURED = [
    Row(SETTINGS=table.to_json())
    for table in (
        settings(),
        settings(name="for_ever", history=True),
        KEPT,
        settings(name="older", target_table="older", history=True, history_days=400),
    )
]


def test_versions_go_that_ended_longer_ago_than_their_table_keeps_them() -> None:
    """A source may rest, and no run comes by."""
    session = session_of(read_configured=CONFIGURED, forget_versions=[Row(5)])
    report = tidy.tidy(Snowflake(session))
    assert session.values("forget_versions") == [(-30,), (-400,)]
    assert report["deleted"]["versions"] == 10 and report["versions_refused"] == {}


@pytest.mark.parametrize(
    ("number", "refused"),
    [(2003, {}), (904, {}), (3001, {"kept": "warehouse_error"})],
)
def test_a_target_without_versions_is_no_error_and_others_stop_nothing(
    number: int, refused: dict[str, str]
) -> None:
    """Never synced; history was turned on and is not there yet; rights were taken."""
    session = session_of(
        read_configured=CONFIGURED,
        stop=Stop("forget_versions", number=number),
        forget_versions=[Row(5)],
    )
    report = tidy.tidy(Snowflake(session))
    assert report["versions_refused"] == refused
    assert report["deleted"]["versions"] == 5
    assert session.names[-1] == "release_lease"
