"""Following the source's columns: single rules, and random histories with killed runs.

In the histories a target column carries the attribute number of the source column that
its values came from. Whatever happens, and wherever a run is killed, a source column is
loaded into a column that never held another one's values, and no values are lost.
"""

import contextlib
import dataclasses
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambda_extract.contract import Column
from snowpark.columns import column as columns
from snowpark.columns import drift, pairing
from snowpark.columns import types as columns_types
from snowpark.columns.alignment import Alignment, Rules, Source
from snowpark.columns.shape import Change, Shape
from snowpark.errors import DriftError
from snowpark.load import target_statements
from tests.unit.snowpark.samples import COLUMNS, ID, NOTE, settings

EVOLVE = Rules("evolve", "fail")
FREEZE = Rules("freeze", "fail")
FAIL = Rules("fail", "fail")
NEW_COLUMN = Rules("evolve", "new_column")
RELOAD = Rules("evolve", "fail", reload=True)
REBUILD = Rules("evolve", "fail", reload=True, rebuild=True)
OWN = {"_SYNC_RUN_ID": "VARCHAR(64)", "_SYNC_EXTRACTED_AT": "TIMESTAMP_TZ(6)"}
OID = 16384


def source(*found: Column, relation_id: int = OID, key: tuple[str, ...] = ()) -> Source:
    names = key or (found[0].name,)
    return Source(columns.load_columns(found), names, relation_id)


def loaded(*found: Column) -> tuple[dict[str, str], Shape]:
    """Returns target and shape after the first load."""
    alignment = drift.align(source(*found), None, Shape(), EVOLVE)
    assert alignment.create
    return OWN | {c.name: c.source.snowflake_type for c in alignment.columns}, (
        alignment.shape
    )


def kinds(alignment: Alignment) -> list[str]:
    return [change.change for change in alignment.changes]


def refused(code: str, decide: Callable[[], object]) -> str:
    with pytest.raises(DriftError) as caught:
        decide()
    assert caught.value.code == code
    return caught.value.message


TARGET, SHAPE = loaded(*COLUMNS)
AMOUNT = Column("amount", "integer", "NUMBER(10,0)", attnum=7)
AS_TEXT = dataclasses.replace(AMOUNT, type="text", snowflake_type="VARCHAR(9)")


# --- single rules ---------------------------------------------------------------------


def test_a_shape_survives_its_text() -> None:
    assert Shape.from_json(SHAPE.to_json()) == SHAPE
    stored = json.loads(SHAPE.to_json())
    assert stored["relation"] == OID  # The key under which older releases stored it.
    assert "relation_id" not in stored
    assert SHAPE.generation == 1


def test_equal_columns_need_nothing() -> None:
    alignment = drift.align(source(*COLUMNS), TARGET, SHAPE, FAIL)
    assert alignment.shape is SHAPE
    assert not (alignment.add or alignment.widen or alignment.renames)
    assert not (alignment.changes or alignment.blanks or alignment.missing_values)


def test_a_new_column_is_added_ignored_or_refused() -> None:
    now = source(*COLUMNS, AMOUNT_2)
    evolved = drift.align(now, TARGET, SHAPE, EVOLVE)
    assert evolved.add == (("PRICE", "NUMBER(10,0)"),)
    assert kinds(evolved) == ["added"]
    assert not evolved.missing_values
    backfilled = dataclasses.replace(EVOLVE, backfill=True)
    assert drift.align(now, TARGET, SHAPE, backfilled).missing_values
    frozen = drift.align(now, TARGET, SHAPE, FREEZE)
    assert not frozen.add and kinds(frozen) == ["ignored"]
    assert not frozen.columns[-1].loaded
    again = drift.align(now, TARGET, frozen.shape, FREEZE)
    assert not again.changes and again.shape is frozen.shape
    thawed = drift.align(now, TARGET, frozen.shape, EVOLVE)
    assert thawed.add and kinds(thawed) == ["added"]
    refused("schema_drift", lambda: drift.align(now, TARGET, SHAPE, FAIL))


AMOUNT_2 = dataclasses.replace(AMOUNT, name="price", attnum=9)


def test_a_dropped_column_is_blank_and_told_once_until_somebody_drops_it() -> None:
    now = source(*COLUMNS[:-1])
    gone = drift.align(now, TARGET, SHAPE, EVOLVE)
    assert gone.blanks == ("UPDATED_AT",)
    assert kinds(gone) == ["dropped"]
    again = drift.align(now, TARGET, gone.shape, EVOLVE)
    assert again.blanks == ("UPDATED_AT",) and not again.changes
    assert again.shape is gone.shape
    refused("schema_drift", lambda: drift.align(now, TARGET, SHAPE, FAIL))
    assert not drift.align(now, TARGET, gone.shape, FAIL).changes
    by_hand = {name: kind for name, kind in TARGET.items() if name != "UPDATED_AT"}
    forgotten = drift.align(now, by_hand, gone.shape, FAIL)
    assert not forgotten.blanks and len(forgotten.shape.columns) == len(COLUMNS) - 1
    excluding = dataclasses.replace(EVOLVE, excluded=("updated_at",))
    assert kinds(drift.align(now, TARGET, SHAPE, excluding)) == ["excluded"]


def test_a_rename_follows_the_attribute_number_only_within_one_table() -> None:
    renamed = dataclasses.replace(NOTE, name="remark")
    found = (ID, renamed, *COLUMNS[2:])
    same = drift.align(source(*found), TARGET, SHAPE, EVOLVE)
    assert same.renames == (("NOTE", "REMARK"),)
    assert [(c.change, c.old_column) for c in same.changes] == [("renamed", "note")]
    other = drift.align(source(*found, relation_id=OID + 1), TARGET, SHAPE, EVOLVE)
    assert not other.renames
    assert kinds(other) == ["added", "dropped"]
    unknown = drift.align(source(*found, relation_id=0), TARGET, SHAPE, EVOLVE)
    assert not unknown.renames


def test_a_rename_to_a_name_that_the_target_has_is_refused() -> None:
    now = source(ID, dataclasses.replace(NOTE, name="remark"), *COLUMNS[2:])
    taken = TARGET | {"REMARK": "VARCHAR(5)"}
    message = refused("rename_conflict", lambda: drift.align(now, taken, SHAPE, EVOLVE))
    assert '"NOTE"' in message and '"REMARK"' in message


def test_a_frozen_target_goes_on_under_its_old_name() -> None:
    renamed = dataclasses.replace(NOTE, name="remark")
    newcomer = dataclasses.replace(NOTE, attnum=9)
    now = source(ID, renamed, *COLUMNS[2:], newcomer)
    frozen = drift.align(now, TARGET, SHAPE, FREEZE)
    assert kinds(frozen) == ["renamed", "ignored"]
    assert frozen.columns[1].name == "NOTE"
    names = [column.name for column in frozen.columns]
    assert len(set(names)) == len(names), "staging needs a name for each"


@pytest.mark.parametrize("rules", [FREEZE, FAIL])
def test_a_wider_type_is_followed_by_evolve_only(rules: Rules) -> None:
    target, shape = loaded(ID, AMOUNT)
    wide = dataclasses.replace(AMOUNT, type="bigint", snowflake_type="NUMBER(19,0)")
    evolved = drift.align(source(ID, wide), target, shape, EVOLVE)
    assert evolved.widen == (("AMOUNT", "NUMBER(19,0)"),)
    assert kinds(evolved) == ["widened"]
    refused("schema_drift", lambda: drift.align(source(ID, wide), target, shape, rules))
    # A run that was killed after ALTER TABLE has not told; this one does.
    late = drift.align(
        source(ID, wide), target | {"AMOUNT": "NUMBER(19,0)"}, shape, EVOLVE
    )
    assert not late.widen and kinds(late) == ["widened"]
    narrow = drift.align(source(ID, AMOUNT), target, evolved.shape, EVOLVE)
    assert not narrow.widen and kinds(narrow) == ["narrowed"]


def test_another_type_fails_gets_a_column_of_its_own_or_replaces_the_old_one() -> None:
    target, shape = loaded(ID, AMOUNT)
    now = source(ID, AS_TEXT)
    refused("type_changed", lambda: drift.align(now, target, shape, EVOLVE))
    refused("type_changed", lambda: drift.align(now, target, shape, RELOAD))
    own = drift.align(now, target, shape, NEW_COLUMN)
    assert own.add == (("AMOUNT__VARCHAR", "VARCHAR(9)"),)
    assert own.blanks == ("AMOUNT",) and kinds(own) == ["type_changed"]
    # Killed before the commit: the column is there and is used.
    late = drift.align(
        now, target | {"AMOUNT__VARCHAR": "VARCHAR(9)"}, shape, NEW_COLUMN
    )
    assert not late.add and late.shape == own.shape and kinds(late) == ["type_changed"]
    replaced = drift.align(now, target, shape, REBUILD)
    assert replaced.renames == (("AMOUNT", "AMOUNT__OLD"),)
    assert replaced.add == (("AMOUNT", "VARCHAR(9)"),)


def test_a_number_goes_into_a_decfloat_of_the_target_exactly() -> None:
    target, shape = loaded(ID, AMOUNT)
    target["AMOUNT"] = "DECFLOAT"
    alignment = drift.align(source(ID, AMOUNT), target, shape, EVOLVE)
    assert alignment.columns[1].expression == '"AMOUNT"::DECFLOAT'


def test_another_key_is_refused_unless_all_rows_are_replaced() -> None:
    target, shape = loaded(ID, NOTE)
    now = source(ID, NOTE, key=("note",))
    refused("key_changed", lambda: drift.align(now, target, shape, EVOLVE))
    assert drift.align(now, target, shape, RELOAD).shape.key == ("note",)
    renamed = source(dataclasses.replace(ID, name="number"), NOTE)
    assert drift.align(renamed, target, shape, EVOLVE).renames == (("ID", "NUMBER"),)
    made_anew = source(dataclasses.replace(ID, attnum=9), NOTE)
    error = refused(
        "key_changed", lambda: drift.align(made_anew, target, shape, EVOLVE)
    )
    assert "replaced by another of the same name" in error
    typed = dataclasses.replace(ID, snowflake_type="VARCHAR(9)")
    refused(
        "key_changed",
        lambda: drift.align(source(typed, NOTE), target, shape, NEW_COLUMN),
    )
    del target["ID"]
    refused("key_changed", lambda: drift.align(source(ID, NOTE), target, shape, EVOLVE))


@pytest.mark.parametrize("backfill", [False, True])
def test_a_column_of_a_new_type_is_filled_like_any_new_column(backfill: bool) -> None:
    target, shape = loaded(ID, AMOUNT)
    rules = dataclasses.replace(NEW_COLUMN, backfill=backfill)
    alignment = drift.align(source(ID, AS_TEXT), target, shape, rules)
    assert alignment.add == (("AMOUNT__VARCHAR", "VARCHAR(9)"),)
    assert alignment.missing_values is backfill
    again = target | dict(alignment.add)
    settled = drift.align(source(ID, AS_TEXT), again, alignment.shape, rules)
    assert not settled.missing_values


def test_a_column_that_somebody_dropped_comes_back_by_a_reload() -> None:
    target, shape = loaded(ID, NOTE)
    del target["NOTE"]
    alignment = drift.align(source(ID, NOTE), target, shape, EVOLVE)
    assert alignment.add and alignment.missing_values
    assert kinds(alignment) == ["restored"]
    reload = drift.align(source(ID, NOTE), target, shape, RELOAD)
    assert reload.add and not reload.missing_values


def test_where_all_rows_are_replaced_a_name_is_used_again() -> None:
    target, shape = loaded(ID, NOTE)
    now = source(ID, dataclasses.replace(NOTE, attnum=9))
    alignment = drift.align(now, target, shape, RELOAD)
    assert not (alignment.renames or alignment.add or alignment.blanks)
    assert kinds(alignment) == ["dropped", "added"]


def test_names_that_somebody_else_uses_are_not_given_to_columns() -> None:
    """An orphan of a killed run, or a column that a person made."""
    target, shape = loaded(ID, NOTE, AMOUNT)
    target |= {"NOTE__OLD_2": NOTE.snowflake_type, "AMOUNT__OLD": "NUMBER(10,0)"}
    again = source(ID, dataclasses.replace(NOTE, attnum=9), AMOUNT)
    aside = drift.align(again, target, shape, EVOLVE)
    assert aside.renames == (("NOTE", "NOTE__OLD_2_2"),)
    replaced = drift.align(source(ID, NOTE, AS_TEXT), target, shape, REBUILD)
    assert replaced.renames == (("AMOUNT", "AMOUNT__OLD_2"),)
    namesake = dataclasses.replace(AS_TEXT, name="amount__varchar", attnum=9)
    own = drift.align(source(ID, NOTE, AS_TEXT, namesake), target, shape, NEW_COLUMN)
    assert [name for name, _ in own.add] == ["AMOUNT__VARCHAR_2", "AMOUNT__VARCHAR"]


def test_columns_of_somebody_else_are_left_alone() -> None:
    target, shape = loaded(ID, NOTE)
    target["THEIRS"] = "NUMBER(38,0)"
    alignment = drift.align(source(ID, NOTE), target, shape, FAIL)
    assert not (alignment.changes or alignment.blanks or alignment.add)


def test_two_columns_cannot_have_one_target_column() -> None:
    target, shape = loaded(ID, AMOUNT)
    own = drift.align(source(ID, AS_TEXT), target, shape, NEW_COLUMN)
    target["AMOUNT__VARCHAR"] = "VARCHAR(9)"
    namesake = dataclasses.replace(AS_TEXT, name="amount__varchar", attnum=9)
    refused(
        "column_collision",
        lambda: drift.align(
            source(ID, AS_TEXT, namesake), target, own.shape, NEW_COLUMN
        ),
    )


def test_nothing_is_renamed_by_the_source_the_target_knows() -> None:
    renamed = source(ID, dataclasses.replace(NOTE, name="remark"))
    target, shape = loaded(ID, NOTE)
    assert [c.name for c in pairing.located(renamed, shape)] == ["ID", "NOTE"]
    assert target


# --- histories ------------------------------------------------------------------------


# What a column holds that was added, and no rows were committed since.
EMPTY = 0


class Killed(Exception):
    """The run is over in the middle."""


@dataclass
class World:
    """A source table, its target and the committed shape."""

    columns: list[Column]
    target: dict[str, tuple[str, int]] = field(default_factory=dict)
    shape: Shape = Shape()
    told: list[tuple[str, int]] = field(default_factory=list)

    def sync(self, kill_at: int = -1) -> None:
        """What target.apply and the commit do, killed before one of the steps."""
        steps = itertools.count()

        def step() -> None:
            if next(steps) == kill_at:
                raise Killed

        alignment = self._plan()
        if alignment.create:
            step()
            self.target = {
                c.name: (c.source.snowflake_type, c.source.attnum)
                for c in alignment.columns
            }
        while alignment.again:
            self._rename(alignment, step)
            alignment = self._plan()
        self._rename(alignment, step)
        for name, kind in alignment.add:
            step()
            assert name not in self.target
            self.target[name] = (kind, EMPTY)
        for name, kind in alignment.widen:
            step()
            self.target[name] = (kind, self.target[name][1])
        step()
        for column in alignment.columns:
            kind, owner = self.target[column.name]
            if owner == EMPTY:
                self.target[column.name] = (kind, column.source.attnum)
        self.shape = alignment.shape
        self.told += [(c.change, c.attnum) for c in alignment.changes]
        self._check(alignment)

    def _plan(self) -> Alignment:
        existing = {name: kind for name, (kind, _) in self.target.items()} or None
        now = source(*self.columns)
        return drift.align(now, existing, self.shape, NEW_COLUMN)

    def _rename(self, alignment: Alignment, step: Callable[[], None]) -> None:
        if alignment.intent is not None:
            step()
            self.shape = alignment.intent
            self.told += [(c.change, c.attnum) for c in alignment.told]
        for old, new in alignment.renames:
            step()
            assert new not in self.target, "Snowflake would refuse it"
            self.target[new] = self.target.pop(old)

    def _check(self, alignment: Alignment) -> None:
        assert "restored" not in {c.change for c in alignment.changes}
        for column in alignment.columns:
            kind, owner = self.target[column.name]
            assert owner == column.source.attnum, f"{column.name} has other values"
            assert columns_types.fits(column.source.snowflake_type, kind)
        assert not {c.name for c in alignment.columns} & set(alignment.blanks)
        for name in alignment.blanks:
            assert name in self.target
        assert not [name for name in self.target if name.startswith("_SYNC_")]

    def values(self) -> set[int]:
        return {owner for _, owner in self.target.values()} - {EMPTY}


names = st.sampled_from("abcd")
types = st.sampled_from(["NUMBER(10,0)", "NUMBER(19,0)", "VARCHAR(9)"])


class Histories(RuleBasedStateMachine):
    """ALTER TABLE at random, syncs that are killed at random."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: Iterator[int] = itertools.count(2)
        kind = "NUMBER(10,0)"
        found = [Column(n, kind, kind, attnum=next(self.numbers)) for n in "abc"]
        self.world = World([ID, *found])
        self.world.sync()
        self.held: set[int] = set()

    def _place(self, name: str) -> int | None:
        found = [i for i, c in enumerate(self.world.columns) if c.name == name]
        return found[0] if found else None

    @rule(name=names, kind=types)
    def add(self, name: str, kind: str) -> None:
        if self._place(name) is None:
            column = Column(name, kind, kind, attnum=next(self.numbers))
            self.world.columns.append(column)

    @rule(name=names)
    def drop(self, name: str) -> None:
        if (place := self._place(name)) is not None:
            del self.world.columns[place]

    @rule(name=names, to=names)
    def rename(self, name: str, to: str) -> None:
        """Renames; if the name is taken, the two exchange theirs."""
        place, other = self._place(name), self._place(to)
        found = self.world.columns
        if place is None or place == other:
            return
        found[place] = dataclasses.replace(found[place], name=to)
        if other is not None:
            found[other] = dataclasses.replace(found[other], name=name)

    @rule(name=names, kind=types)
    def change_type(self, name: str, kind: str) -> None:
        if (place := self._place(name)) is not None:
            found = self.world.columns[place]
            changed = dataclasses.replace(found, type=kind, snowflake_type=kind)
            self.world.columns[place] = changed

    @rule()
    def sync(self) -> None:
        self.world.sync()
        self.world.sync()

    @rule(at=st.integers(0, 5))
    def killed_sync(self, at: int) -> None:
        """The source stands still between a killed run and the next one."""
        try:
            self.world.sync(at)
        except Killed:
            self.world.sync()

    @rule(first=st.integers(0, 5), second=st.integers(0, 5))
    def twice_killed_sync(self, first: int, second: int) -> None:
        for at in (first, second, -1):
            try:
                self.world.sync(at)
            except Killed:
                continue

    @precondition(lambda self: self.world.target)
    @invariant()
    def no_values_are_lost(self) -> None:
        assert self.held <= self.world.values()
        self.held = self.world.values()

    def teardown(self) -> None:
        self.world.sync()
        before = dict(self.world.target)
        told = len(self.world.told)
        self.world.sync()
        assert self.world.target == before
        assert len(self.world.told) == told, "a change is recorded once"


TestHistories = Histories.TestCase
TestHistories.settings = hypothesis.settings(
    max_examples=100,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest.mark.parametrize("kill_at", range(12))
def test_an_exchange_that_is_undone_after_a_killed_run(kill_at: int) -> None:
    kind = "NUMBER(10,0)"
    a, b = (Column(n, kind, kind, attnum=i) for n, i in (("a", 2), ("b", 3)))
    world = World([ID, a, b])
    world.sync()
    world.columns[1:] = [
        dataclasses.replace(a, name="b"),
        dataclasses.replace(b, name="a"),
    ]
    with contextlib.suppress(Killed):
        world.sync(kill_at)
    world.columns[1:] = [a, b]
    world.sync()
    assert {name: owner for name, (_, owner) in world.target.items()} == {
        "ID": 1,
        "A": 2,
        "B": 3,
    }


@pytest.mark.parametrize("history", [True, False])
@pytest.mark.parametrize("reload", [True, False])
@pytest.mark.parametrize("rebuild", [True, False])
def test_rules_are_those_of_the_table_and_of_the_load(
    history: bool, reload: bool, rebuild: bool
) -> None:
    """Old versions of a history keep their values whatever is loaded."""
    table = settings(
        history=history,
        drop_history=True,
        exclude=("a",),
        backfill_new_columns=True,
        schema_drift="freeze",
        type_change="new_column",
    )
    rules = Rules.of(table, reload=reload, rebuild=rebuild)
    assert rules == Rules(
        drift="freeze",
        type_change="new_column",
        excluded=("a",),
        backfill=True,
        reload=reload,
        rebuild=rebuild,
        history=history,
        drop_history=True,
    )
    assert rules.replaces is (reload and not history)


def test_only_columns_that_older_rows_do_not_know_are_fresh() -> None:
    kinds_of = {
        "added": True,
        "returned": True,
        "restored": True,
        "type_changed": True,
        "renamed": False,
        "widened": False,
        "dropped": False,
        "created": False,
    }
    changes = tuple(
        Change(kind, kind, 1, target=kind.upper())  # type: ignore[arg-type]
        for kind in kinds_of
    )
    # Policy keeps it out of the target: no column there holds it.
    ignored = Change("added", "ignored", 1, target=None)
    alignment = Alignment((), Shape(), changes=(*changes, ignored))
    assert alignment.fresh == {k.upper() for k, fresh in kinds_of.items() if fresh}


def test_a_name_that_was_not_followed_is_followed_once_the_target_is_free() -> None:
    target, shape = loaded(ID, NOTE)
    renamed = dataclasses.replace(NOTE, name="remark")
    frozen = drift.align(source(ID, renamed), target, shape, FREEZE)
    assert frozen.renames == ()
    followed = drift.align(source(ID, renamed), target, frozen.shape, EVOLVE)
    assert followed.renames == (("NOTE", "REMARK"),)


@pytest.mark.parametrize("length", [199, 200, 201, 255])
def test_a_column_that_makes_room_has_a_name_in_snowflake(length: int) -> None:
    """docs: identifiers have at most 255 characters."""
    long = dataclasses.replace(NOTE, name="n" * length)
    target, shape = loaded(ID, long)
    other = dataclasses.replace(long, type="date", snowflake_type="DATE")
    for rules, ending in ((REBUILD, "__OLD"), (NEW_COLUMN, "__DATE")):
        found = drift.align(source(ID, other), target, shape, rules)
        names = [new for _, new in found.renames] + [name for name, _ in found.add]
        made = [name for name in names if ending in name]
        assert made == ["N" * min(length, 200) + ending]


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("wanted", [True, False])
def test_a_history_is_begun_or_given_up_by_what_the_target_is(
    there: bool, wanted: bool
) -> None:
    target, shape = loaded(ID, NOTE)
    if there:
        target |= dict(target_statements.HISTORY_TYPES)
    rules = dataclasses.replace(EVOLVE, history=wanted, drop_history=True)
    found = drift.align(source(ID, NOTE), target, shape, rules)
    assert found.lacks_history is not there
    assert found.drops_history is (there and not wanted)


def test_a_target_that_nobody_has_looked_at_lacks_nothing() -> None:
    blank = Alignment((), Shape())
    assert not (blank.lacks_history or blank.drops_history or blank.lacks_deleted_at)


def test_each_column_whose_name_is_taken_makes_way() -> None:
    """Two columns dropped and made again at once, behind one that stayed."""
    target, shape = loaded(ID, NOTE, AMOUNT)
    again = source(
        ID,
        dataclasses.replace(NOTE, attnum=8),
        dataclasses.replace(AMOUNT, attnum=9),
    )
    found = drift.align(again, target, shape, EVOLVE)
    assert [old for old, _ in found.renames] == ["NOTE", "AMOUNT"]
    refused("schema_drift", lambda: drift.align(again, target, shape, FAIL))
    kept = drift.align(again, target, shape, RELOAD)
    assert not kept.renames and not kept.add


def test_a_column_that_the_policy_keeps_out_is_in_no_column_of_the_target() -> None:
    target, shape = loaded(ID)
    found = drift.align(source(ID, NOTE), target, shape, FREEZE)
    (change,) = found.changes
    assert (change.change, change.target) == ("ignored", None)
    added = drift.align(source(ID, NOTE), target, shape, EVOLVE)
    assert [c.target for c in added.changes] == ["NOTE"]
    assert {c.old_type for c in added.changes} == {None}
