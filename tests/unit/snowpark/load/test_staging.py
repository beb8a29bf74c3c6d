"""Exactly the files of a manifest are staged, and the target follows its columns."""

import dataclasses
from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError
from snowflake.snowpark import Row

from lambda_extract.contract import Column, File
from snowpark.columns.alignment import Alignment
from snowpark.columns.shape import Shape
from snowpark.errors import DriftError, LoadError, SnowflakeError, SyncError, UsageError
from snowpark.ledger.run import Counts
from snowpark.load import merge, staging, target
from snowpark.load import statements as load_statements
from snowpark.load.staging import Job
from snowpark.session import Snowflake
from tests.unit.snowpark.samples import COLUMNS, NOTE, RUN_ID, reply
from tests.unit.snowpark.scripted import (
    Killed,
    Scripted,
    Sent,
    Stop,
    aligned,
    described,
    loaded,
    merged,
    settled,
    stops,
)

FOUND = settled()
JOB = Job(FOUND.settings, RUN_ID)
STAGED = aligned(FOUND).columns


def files(number: int, rows: int = 2) -> tuple[File, ...]:
    return tuple(
        File(f"data/orders/r/w00001/{i:05d}.csv.zst", rows, 120, "ab" * 32)
        for i in range(number)
    )


def stage(session: Scripted, wanted: tuple[File, ...]) -> None:
    staging.stage(Snowflake(session), JOB, STAGED, wanted)


# --- staging --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "copies"), [(0, []), (1, [1]), (1000, [1000]), (2001, [1000, 1000, 1])]
)
def test_every_file_is_copied_once(number: int, copies: list[int]) -> None:
    session = Scripted()
    stage(session, files(number))
    assert session.names == ["create_staging"] + ["copy_files"] * len(copies)
    texts = [one.text for one in session.sent[1:]]
    assert [text.count(".csv.zst'") for text in texts] == copies
    assert all(sum(f.path in text for text in texts) == 1 for f in files(number)[::97])


@pytest.mark.parametrize("off", [-1, 1])
def test_another_number_of_rows_than_the_manifests_is_refused(off: int) -> None:
    def copied(one: Sent) -> list[Row]:
        return [*loaded(one)[:-1], Row(rows_loaded=2 + off)]

    with pytest.raises(LoadError) as caught:
        stage(Scripted(copy_files=copied), files(3))
    assert caught.value.code == "count_mismatch"
    assert "6 rows in 3 files" in caught.value.message
    assert caught.value.message.endswith(f"loaded {6 + off}.")


def test_a_copy_that_found_nothing_to_do_loaded_nothing() -> None:
    nothing = [Row(status="Copy executed with 0 files processed.")]
    stage(Scripted(copy_files=nothing), files(1, rows=0))
    with pytest.raises(LoadError):
        stage(Scripted(copy_files=nothing), files(1))


def test_a_refused_file_is_told_without_its_values() -> None:
    with pytest.raises(LoadError) as caught:
        stage(Scripted(Stop("copy_files", number=100038)), files(1))
    assert caught.value.code == "load_failed"
    assert isinstance(caught.value.__cause__, SnowflakeError)
    assert "refused by the script" not in caught.value.message


# --- what was loaded is what was written ----------------------------------------------


def written(number: int, part: str = "w00001") -> tuple[File, ...]:
    return tuple(
        File(f"data/orders/r/{part}/{i:05d}.csv.zst", 2, 120, "ab" * 32, f"etag{i}")
        for i in range(number)
    )


def listing(files: tuple[File, ...], **changes: Any) -> list[Row]:
    """What LIST says of these files, the first one changed."""
    rows = [(f"s3://landing/prod/{f.path}", f.bytes, f.etag) for f in files]
    first = dict(zip(("name", "size", "md5"), rows[0], strict=True)) | changes
    rest = [Row(name=name, size=size, md5=md5) for name, size, md5 in rows[1:]]
    return [Row(**first), *rest]


def test_the_files_of_the_worker_are_loaded_and_looked_at_afterwards() -> None:
    wanted = written(2)
    session = Scripted(copy_files=loaded, list_files=listing(wanted))
    stage(session, wanted)
    assert session.names == ["create_staging", "copy_files", "list_files"]
    assert "'@control.landing/data/orders/r/w00001/'" in session.sent[2].text


@pytest.mark.parametrize(
    "changes",
    [
        {"md5": "another"},
        {"md5": ""},
        {"size": 121},
        {"name": "s3://landing/prod/data/orders/r/w00001/other.csv.zst"},
        {"name": "s3://landing/prod/data/other/r/w00001/00000.csv.zst"},
        {"name": "s3://landing/prod/data/orders/r/w00001/deeper/00000.csv.zst"},
    ],
)
def test_a_file_that_somebody_replaced_or_took_away_is_refused(
    changes: dict[str, Any],
) -> None:
    wanted = written(2)
    session = Scripted(copy_files=loaded, list_files=listing(wanted, **changes))
    with pytest.raises(LoadError) as caught:
        stage(session, wanted)
    assert (caught.value.code, caught.value.retryable) == ("file_replaced", False)
    assert wanted[0].path in caught.value.message


def test_a_copy_of_the_right_file_beside_it_helps_nobody() -> None:
    """Below the folder that is listed, under a path that ends like the right one."""
    wanted = written(1)
    (wrong,) = listing(wanted, md5="another")
    deeper = f"s3://landing/prod/data/orders/r/w00001/{wanted[0].path}"
    (right,) = listing(wanted, name=deeper)
    with pytest.raises(LoadError):
        stage(Scripted(copy_files=loaded, list_files=[wrong, right]), wanted)


def test_parts_of_one_run_are_listed_by_one_statement() -> None:
    wanted = (*written(1, "p1"), *written(1, "p2"))
    session = Scripted(copy_files=loaded, list_files=listing(wanted))
    stage(session, wanted)
    (one,) = [sent for sent in session.sent if sent.name == "list_files"]
    assert "'@control.landing/data/orders/r/'" in one.text


def test_a_worker_of_an_older_release_tells_no_etag() -> None:
    session = Scripted(copy_files=loaded)
    stage(session, files(2))
    assert "list_files" not in session.names


def test_one_run_stages_into_its_own_table() -> None:
    others = [Job(FOUND.settings, "other"), Job(FOUND.settings, RUN_ID, "KEYS")]
    elsewhere = Job(settled(name="lines").settings, RUN_ID)
    assert len({JOB.staging, elsewhere.staging, *(j.staging for j in others)}) == 4


@pytest.mark.parametrize(
    ("key", "columns", "fits"),
    [
        (("id",), COLUMNS, True),
        (("id", "note"), COLUMNS, True),
        ((), COLUMNS, False),
        (("id", "gone"), COLUMNS, False),
        (("id",), (NOTE,), False),
    ],
)
def test_a_key_is_made_of_columns(
    key: tuple[str, ...], columns: tuple[Column, ...], fits: bool
) -> None:
    if fits:
        staging.check_key(key, columns)
    else:
        with pytest.raises(SyncError) as caught:
            staging.check_key(key, columns)
        assert caught.value.code == "reply_invalid"


# --- the rows as statements want them -------------------------------------------------


def batch(**changes: Any) -> Any:
    found = settled(**changes)
    return merge.batch(Job(found.settings, RUN_ID), aligned(found), ("id",), "then")


def test_rows_know_key_cursor_and_what_calls_them_deleted() -> None:
    one = batch()
    assert [c.name for c in one.key] == ["ID"]
    assert [c.name for c in one.cursors] == ["UPDATED_AT"]
    two = batch(cursor_also=("note", "not_there"))
    assert [c.name for c in two.cursors] == ["UPDATED_AT", "NOTE"]
    assert one.deleted is None and not one.soft_deletes and not one.removes
    soft = batch(deletes="soft_column", delete_column="note")
    assert soft.deleted.name == "NOTE" and soft.soft_deletes and not soft.removes
    hard = batch(deletes="soft_column", delete_column="note", delete_action="hard")
    assert hard.deleted.name == "NOTE" and hard.removes
    assert batch(deletes="key_compare", delete_column="note").deleted is None
    assert batch(mode="full", cursor=None).cursors == ()
    assert (one.run_id, one.extracted_at) == (RUN_ID, "then")
    assert one.staging == JOB.staging and one.target == FOUND.settings.target


@pytest.mark.parametrize("column", ["gone", None])
def test_a_delete_column_that_is_not_there_is_refused(column: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        batch(deletes="soft_column", delete_column=column)
    assert caught.value.code == "delete_column_missing"


@pytest.mark.parametrize(
    ("bounds", "bound"), [(Row("1", "9", 40), ("1", "9")), (Row(None, None, 40), ())]
)
def test_a_merge_repeats_the_range_of_its_keys(bounds: Row, bound: Any) -> None:
    session = Scripted(key_bounds=[bounds], merge=merged(1, 2, 3))
    counts = merge.merge_rows(Snowflake(session), batch())
    assert (counts.inserted, counts.updated, counts.deleted) == (1, 2, 3)
    values = session.only("merge").values
    assert values[:2] == (RUN_ID, "then") and values[2:] == bound
    assert session.names == ["key_bounds", "merge"]
    assert counts.before == 40


@pytest.mark.parametrize("rows", [0, 1, merge.SMALL_ROWS - 1])
def test_a_merge_into_a_small_target_asks_for_no_range(rows: int) -> None:
    session = Scripted(merge=merged(1, 2, 3))
    counts = merge.merger(rows)(Snowflake(session), batch())
    assert session.names == ["merge"]
    assert session.only("merge").values == (RUN_ID, "then")
    assert counts == Counts(1, 2, 3)


@pytest.mark.parametrize("rows", [None, merge.SMALL_ROWS, 10**12])
def test_a_merge_into_a_large_or_unknown_target_does(rows: int | None) -> None:
    session = Scripted(key_bounds=[Row("1", "9", 40)], merge=merged(1, 2, 3))
    merge.merger(rows)(Snowflake(session), batch())
    assert session.names == ["key_bounds", "merge"]


def test_a_merge_by_a_key_that_prunes_nothing_asks_for_no_range() -> None:
    """A nullable key's NULL is in no range: its row would be inserted twice."""
    nullable = dataclasses.replace(COLUMNS[0], nullable=True)
    known = batch()
    column = dataclasses.replace(known.key[0], source=nullable)
    session = Scripted(merge=merged())
    rows = dataclasses.replace(known, key=(column,))
    merge.merge_rows(Snowflake(session), rows)
    assert session.names == ["merge"]
    sent = session.only("merge")
    assert (sent.text, sent.values) == (
        (one := load_statements.merge(rows, None)).text,
        one.params,
    )


@pytest.mark.parametrize(("nullable", "bounds"), [(True, None), (False, ("1", "2"))])
def test_versions_are_merged_within_the_same_range(
    monkeypatch: pytest.MonkeyPatch, nullable: bool, bounds: Any
) -> None:
    given: list[Any] = []
    monkeypatch.setattr(merge.history, "merge_versions", lambda *a: given.append(a))
    known = batch()
    source = dataclasses.replace(COLUMNS[0], nullable=nullable)
    key = dataclasses.replace(known.key[0], source=source)
    versions: Any = "versions"
    rows = dataclasses.replace(known, key=(key,), history=versions)
    snowflake = Snowflake(Scripted())
    merge.merge_rows(snowflake, rows)
    assert given == [(snowflake, rows, bounds)]


def test_a_merge_without_deletes_answers_fewer_numbers() -> None:
    session = Scripted(merge=[Row(**{"number of rows inserted": 4})])
    counts = merge.merge_rows(Snowflake(session), batch())
    assert (counts.inserted, counts.updated, counts.deleted) == (4, 0, 0)


# --- the target -----------------------------------------------------------------------

SOURCE = target.source_of(reply())


def look(session: Scripted, job: Job = JOB, shape: Shape = FOUND.shape) -> Alignment:
    return target.find_alignment(Snowflake(session), job.target, SOURCE, shape)


def missing(_: Sent) -> list[Row]:
    raise ProgrammingError("gone", errno=2003)


def test_a_target_is_made_only_where_all_rows_follow() -> None:
    session = Scripted(describe_target=missing)
    with pytest.raises(SnowflakeError) as caught:
        look(session)
    assert caught.value.code == "target_missing"
    again = dataclasses.replace(JOB, reload=True)
    assert look(session, again).create


def test_another_error_than_a_missing_target_makes_none() -> None:
    again = dataclasses.replace(JOB, reload=True)
    with pytest.raises(SnowflakeError) as caught:
        look(Scripted(Stop("describe_target", number=604)), again)
    assert caught.value.code == "warehouse_error"


@pytest.mark.parametrize("reload", [True, False])
def test_a_table_that_this_sync_has_not_built_is_left_alone(reload: bool) -> None:
    job = dataclasses.replace(JOB, reload=reload)
    with pytest.raises(DriftError) as caught:
        look(Scripted(describe_target=described("_SYNC_RUN_ID")), job)
    assert caught.value.code == "target_exists"


def test_a_target_that_fits_is_not_altered() -> None:
    session = Scripted()
    found = look(session)
    target.apply(Snowflake(session), JOB.target, SOURCE, found)
    assert session.names == ["describe_target"]


@pytest.mark.parametrize(("deletes", "added"), [("none", 0), ("key_compare", 1)])
def test_a_target_gets_its_flag_when_deletes_are_flagged(
    deletes: str, added: int
) -> None:
    found = settled(deletes=deletes)
    job = Job(found.settings, RUN_ID)
    session = Scripted(describe_target=described("_SYNC_DELETED_AT"))
    target.apply(
        Snowflake(session), job.target, SOURCE, look(session, job, found.shape)
    )
    texts = [one.text for one in session.sent if one.name == "add_column"]
    assert len(texts) == added
    assert all('"_SYNC_DELETED_AT" TIMESTAMP_TZ(6)' in text for text in texts)


# Attribute numbers mean the same thing only within one relation.
KNOWN = dataclasses.replace(FOUND.shape, relation_id=77)
RENAMED = dataclasses.replace(NOTE, name="remark")
MOVED = target.source_of(
    reply(columns=tuple(RENAMED if c is NOTE else c for c in COLUMNS), relation_id=77)
)


def rename(snowflake: Snowflake) -> None:
    found = target.find_alignment(snowflake, JOB.target, MOVED, KNOWN)
    target.apply(snowflake, JOB.target, MOVED, found)


def test_a_rename_is_announced_behind_the_fence_before_it_happens() -> None:
    """So that a run that finds the target half altered knows which is which."""
    session = Scripted()
    rename(Snowflake(session))
    session.in_order("begin", "insert_shape", "hold_lease", "commit", "rename_column")
    assert '"NOTE" TO "REMARK"' in session.only("rename_column").text
    at = session.names.index("commit")
    assert session.names[at - 1] == "hold_lease"


def test_whoever_lost_the_lease_renames_nothing() -> None:
    session = Scripted(hold_lease=[Row(0)])
    with pytest.raises(SyncError) as caught:
        rename(Snowflake(session))
    assert caught.value.code == "lease_lost"
    assert session.names[-1] == "rollback" and "rename_column" not in session.names


def test_wherever_it_stops_nothing_is_renamed_that_was_not_announced() -> None:
    for _, session, error in stops(Scripted, rename):
        if "rename_column" in session.names:
            assert "insert_shape" in session.stays
        assert isinstance(error, Killed) or not session.is_open


SWAPPED = target.source_of(
    reply(
        columns=tuple(
            {
                "note": dataclasses.replace(c, name="details"),
                "details": dataclasses.replace(c, name="note"),
            }.get(c.name, c)
            for c in COLUMNS
        ),
        relation_id=77,
    )
)


def test_columns_that_take_each_others_names_get_out_of_the_way_first() -> None:
    columns = {c.name.upper(): c.snowflake_type for c in COLUMNS}
    columns |= {"_SYNC_RUN_ID": "VARCHAR(64)", "_SYNC_EXTRACTED_AT": "TIMESTAMP_TZ(6)"}

    def renamed(one: Sent) -> list[Row]:
        old, new = one.text.split("RENAME COLUMN ")[1].replace('"', "").split(" TO ")
        assert old in columns and new not in columns, one.text
        columns[new] = columns.pop(old)
        return [Row("ok")]

    session = Scripted(
        describe_target=lambda _: [Row(name=n, type=t) for n, t in columns.items()],
        rename_column=renamed,
    )
    snowflake = Snowflake(session)
    found = target.find_alignment(snowflake, JOB.target, SWAPPED, KNOWN)
    done = target.apply(snowflake, JOB.target, SWAPPED, found)
    assert (columns["NOTE"], columns["DETAILS"]) == (
        COLUMNS[2].snowflake_type,
        COLUMNS[1].snowflake_type,
    )
    assert session.stays.count("insert_shape") >= 1 and not done.again


def test_columns_are_added_and_widened_one_by_one() -> None:
    extra = tuple(
        dataclasses.replace(NOTE, name=f"x{i}", attnum=20 + i) for i in (1, 2)
    )
    wider = target.source_of(reply(columns=(*COLUMNS, *extra)))
    narrow = described(NOTE="VARCHAR(10)")
    session = Scripted(describe_target=narrow)
    known = dataclasses.replace(
        FOUND.shape,
        columns=tuple(
            dataclasses.replace(c, type="VARCHAR(10)") if c.name == "note" else c
            for c in FOUND.shape.columns
        ),
    )
    found = target.find_alignment(Snowflake(session), JOB.target, wider, known)
    target.apply(Snowflake(session), JOB.target, wider, found)
    assert session.names.count("add_column") == 2
    assert session.names.count("widen_column") == 1
    assert '"NOTE" SET DATA TYPE' in session.only("widen_column").text


def test_a_new_target_is_made_with_all_columns() -> None:
    session = Scripted(describe_target=missing)
    again = dataclasses.replace(JOB, reload=True)
    found = look(session, again, Shape().of(FOUND.settings.route))
    done = target.apply(Snowflake(session), again.target, SOURCE, found)
    assert session.names == ["describe_target", "create_target"] and done == found
    assert all(f'"{c.name.upper()}"' in session.sent[-1].text for c in COLUMNS)
    assert "_SYNC_DELETED_AT" not in session.sent[-1].text


@pytest.mark.parametrize(
    ("key", "fits"),
    [
        (("id",), True),
        (tuple(c.name for c in COLUMNS), True),
        ((), False),
        (("id", "other"), False),
        (("other",), False),
    ],
)
def test_a_key_is_some_or_all_of_the_columns(key: tuple[str, ...], fits: bool) -> None:
    """A table of keys alone, between two others, is a table."""
    if fits:
        staging.check_key(key, COLUMNS)
        return
    with pytest.raises(SyncError) as caught:
        staging.check_key(key, COLUMNS)
    assert caught.value.code == "reply_invalid"
