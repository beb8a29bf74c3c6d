"""What is done to a target: made, altered, its history begun or given up."""

import dataclasses
from typing import Any

import pytest
from snowflake.snowpark import Row

from snowpark.columns.alignment import Alignment
from snowpark.columns.shape import Change
from snowpark.errors import DriftError, SyncError
from snowpark.load import target, target_statements
from snowpark.load.merge import lock_target
from snowpark.load.staging import Job
from snowpark.session import Snowflake
from snowpark.settings.table import TableSettings
from tests.unit.snowpark.batches import BATCH, LOADED
from tests.unit.snowpark.samples import RUN_ID, reply, settings
from tests.unit.snowpark.scripted import (
    Scripted,
    Stop,
    aligned,
    described,
    settled,
    stops,
)

FOUND = settled()
ALIGNED = aligned(FOUND)
SOURCE = target.source_of(reply())
OWN = ("_SYNC_VALID_FROM", "_SYNC_VALID_TO", "_SYNC_IS_CURRENT", "_SYNC_DELETED")


def applied(
    session: Scripted, alignment: Alignment, found: TableSettings = FOUND.settings
) -> Alignment:
    job = Job(found, RUN_ID, reload=alignment.create)
    return target.apply(Snowflake(session), job.target, SOURCE, alignment)


def changed(**changes: Any) -> Alignment:
    return dataclasses.replace(ALIGNED, **changes)


def names_of(session: Scripted, name: str) -> list[str]:
    """Returns the columns that statements of a name are about."""
    return [one.text.split('"')[5] for one in session.sent if one.name == name]


# --- looking --------------------------------------------------------------------------


@pytest.mark.parametrize("may_create", [True, False])
def test_a_target_that_is_missing_is_made_only_for_a_whole_table(
    may_create: bool,
) -> None:
    job = Job(FOUND.settings, RUN_ID, reload=may_create)
    session = Scripted(Stop("describe_target", number=2003))
    if may_create:
        found = target.find_alignment(
            Snowflake(session), job.target, SOURCE, FOUND.shape
        )
        assert found.create
        return
    with pytest.raises(SyncError) as caught:
        target.find_alignment(Snowflake(session), job.target, SOURCE, FOUND.shape)
    assert caught.value.code == "target_missing"
    # Whoever does not say so may not, either.
    plain = target.Target(FOUND.settings, RUN_ID, job.target.rules)
    session = Scripted(Stop("describe_target", number=2003))
    with pytest.raises(SyncError):
        target.find_alignment(Snowflake(session), plain, SOURCE, FOUND.shape)


def test_of_many_columns_with_a_collation_three_are_named() -> None:
    rows = [Row(name=f"C{i}", type="VARCHAR(9) COLLATE 'en'") for i in range(5)]
    session = Scripted(describe_target=[*described(), *rows])
    with pytest.raises(DriftError) as caught:
        target.find_alignment(
            Snowflake(session), Job(FOUND.settings, RUN_ID).target, SOURCE, FOUND.shape
        )
    assert '"C0", "C1", "C2" by a collation (5 of' in caught.value.message


def test_only_columns_of_the_key_are_known_as_its_columns() -> None:
    rows = [
        Row(**(r.as_dict() | {"primary key": "Y" if r["name"] == "ID" else "N"}))
        for r in described()
    ]
    found = target.find_alignment(
        Snowflake(Scripted(describe_target=rows)),
        Job(FOUND.settings, RUN_ID).target,
        SOURCE,
        FOUND.shape,
    )
    assert found.keyed == {"ID"}


# --- making ---------------------------------------------------------------------------


def test_a_target_is_made_with_the_columns_that_reach_it() -> None:
    left = dataclasses.replace(LOADED[1], ignored=True)
    columns = (LOADED[0], left, *LOADED[2:])
    made = target_statements.create_target("T", columns, soft_deletes=True).text
    assert '"NOTE"' not in made and '"ID"' in made and '"UPDATED_AT"' in made
    assert '"_SYNC_DELETED_AT"' in made
    hard = target_statements.create_target("T", columns, soft_deletes=False).text
    assert '"_SYNC_DELETED_AT"' not in hard and '"_SYNC_RUN_ID"' in hard


@pytest.mark.parametrize("answer", [[], [Row("Table ORDERS successfully created.")]])
def test_a_made_target_is_altered_by_nothing_else(answer: list[Row]) -> None:
    session = Scripted(create_target=answer)
    applied(session, changed(create=True, add=(("X", "DATE"),)))
    assert session.names == ["create_target"]


def test_a_target_that_the_role_may_not_see_is_somebody_elses() -> None:
    session = Scripted(create_target=[Row("ORDERS already exists, statement ...")])
    with pytest.raises(DriftError) as caught:
        applied(session, changed(create=True))
    assert caught.value.code == "target_exists"


# --- altering -------------------------------------------------------------------------


def test_columns_are_renamed_then_added_then_widened() -> None:
    session = Scripted()
    applied(
        session,
        changed(
            renames=(("A", "B"), ("C", "A")),
            add=(("X", "DATE"),),
            widen=(("NOTE", "VARCHAR(99)"),),
        ),
    )
    assert session.names == [*["rename_column"] * 2, "add_column", "widen_column"]


def intent() -> Alignment:
    shape = dataclasses.replace(FOUND.shape, generation=FOUND.shape.generation + 1)
    told = (Change("renamed", "b", 2, target="B", old_column="a"),)
    return changed(intent=shape, told=told, renames=(("A", "B"),))


def test_where_columns_go_is_committed_before_they_are_moved() -> None:
    """A run that finds the target half altered has to know which is which."""
    session = Scripted()
    applied(session, intent())
    session.in_order("begin", "insert_shape", "insert_schema_changes", "hold_lease")
    session.in_order("hold_lease", "commit", "rename_column")
    assert session.only("insert_shape").values[0] == "orders"
    assert session.only("insert_shape").values[2] == RUN_ID
    assert session.only("insert_schema_changes").values[:2] == ("orders", RUN_ID)
    assert session.values("hold_lease")[0][1:] == ("orders", RUN_ID)


def test_whoever_lost_the_lease_renames_nothing() -> None:
    session = Scripted(hold_lease=[Row(0)])
    with pytest.raises(SyncError) as caught:
        applied(session, intent())
    assert caught.value.code == "lease_lost" and session.names[-1] == "rollback"
    assert session.stays == []


def test_wherever_it_stops_no_column_is_moved_without_its_intent() -> None:
    def play(snowflake: Snowflake) -> None:
        target.apply(snowflake, Job(FOUND.settings, RUN_ID).target, SOURCE, intent())

    for stop, session, error in stops(Scripted, play):
        assert "rename_column" not in session.stays or session.commits == 1, stop
        if isinstance(error, SyncError):
            assert not session.is_open, stop


@pytest.mark.parametrize(
    ("deletes", "lacks", "added"),
    [
        ("key_compare", True, ["_SYNC_DELETED_AT"]),
        ("key_compare", False, []),
        ("none", True, []),
    ],
)
def test_a_target_that_flags_deleted_rows_gets_the_flag(
    deletes: str, lacks: bool, added: list[str]
) -> None:
    session = Scripted()
    applied(session, changed(lacks_deleted_at=lacks), settings(deletes=deletes))
    assert names_of(session, "add_column") == added


# --- histories ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("history", "lacks", "added"),
    [(True, True, True), (True, False, False), (False, True, False)],
)
def test_a_history_gets_the_columns_that_tell_its_versions_apart(
    history: bool, lacks: bool, added: bool
) -> None:
    session = Scripted()
    applied(session, changed(lacks_history=lacks), settings(history=history))
    assert (names_of(session, "add_column") != []) is added
    assert set(names_of(session, "add_column")) <= set(OWN)


@pytest.mark.parametrize("history", [True, False])
@pytest.mark.parametrize("view", ["orders_now", None])
@pytest.mark.parametrize("create", [True, False])
def test_current_versions_have_their_view_if_one_is_wanted(
    history: bool, view: str | None, create: bool
) -> None:
    session = Scripted()
    found = settings(history=history, current_view=view)
    applied(session, changed(create=create), found)
    wanted = history and view is not None
    assert session.names.count("create_current_view") == wanted
    if wanted:
        assert found.current_view_name in session.only("create_current_view").text


def given_up(snowflake: Snowflake) -> None:
    job = Job(settings(drop_history=True), RUN_ID)
    target.apply(snowflake, job.target, SOURCE, changed(drops_history=True))


def test_a_history_that_is_given_up_loses_old_versions_then_its_columns() -> None:
    """What says which versions are current goes last: a killed run goes on."""
    session = Scripted()
    given_up(Snowflake(session))
    assert session.names[:4] == ["begin", "drop_versions", "hold_lease", "commit"]
    dropped = names_of(session, "drop_column")
    assert set(dropped) == {n for n, _ in target_statements.HISTORY_TYPES}
    assert dropped == [n for n, _ in reversed(target_statements.HISTORY_TYPES)]
    for one in session.sent:
        if one.name == "drop_column":
            assert one.text.startswith(f"ALTER TABLE {FOUND.settings.target} ")
    assert session.values("hold_lease")[0][1:] == ("orders", RUN_ID)


def test_wherever_giving_up_stops_no_column_goes_before_the_old_versions() -> None:
    for stop, session, error in stops(Scripted, given_up):
        gone = "drop_column" in session.stays
        assert not gone or "drop_versions" in session.stays, stop
        if isinstance(error, SyncError):
            assert not session.is_open, stop


# --- locking --------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "locked"), [(0, False), (1, True)])
def test_a_target_is_locked_by_one_of_its_rows(rows: int, locked: bool) -> None:
    session = Scripted(lock_target=[Row(rows)])
    assert lock_target(Snowflake(session), BATCH) is locked


def test_a_target_without_a_key_cannot_be_locked() -> None:
    session = Scripted()
    keyless = dataclasses.replace(BATCH, key=())
    assert lock_target(Snowflake(session), keyless) is False
    assert session.names == []
