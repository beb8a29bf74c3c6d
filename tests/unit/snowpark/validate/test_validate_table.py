"""VALIDATE_TABLE: both sides are looked at, what differs again, and it is repaired."""

import dataclasses
import hashlib
from types import SimpleNamespace
from typing import Any

import pytest
from snowflake.snowpark import Row

from lambda_extract.contract import (
    INCOMPARABLE_IN_TARGET,
    Bucket,
    Column,
    DigestReply,
    DigestRequest,
    ExtractReply,
    ExtractRequest,
    PlanRequest,
    Reply,
    Request,
    RowDigest,
)
from snowpark.errors import SyncError, UsageError
from snowpark.ledger.records import TableState
from snowpark.session import Snowflake
from snowpark.validate import repair as validate_repair
from snowpark.validate import validate
from tests.unit.snowpark import samples
from tests.unit.snowpark.samples import COLUMNS, cursor_value, planned
from tests.unit.snowpark.scripted import (
    Killed,
    Scripted,
    Sent,
    described,
    merged,
    settled,
    stops,
)
from tests.unit.snowpark.sync.test_increment import known, nothing
from tests.unit.snowpark.sync.test_reload import whole

FOUND = known()
Side = dict[str, str]  # Key's hash -> row's hash
SAME: Side = {"a" * 32: "1" * 32, "b" * 32: "2" * 32}


def source_of(side: Side, **changes: Any) -> Any:
    """Returns what the Lambda answers for a source with these rows."""

    def answer(request: Request) -> Reply:
        if isinstance(request, PlanRequest):
            return dataclasses.replace(planned(1), **changes.get("plan", {}))
        if isinstance(request, ExtractRequest) and request.window is not None:
            return nothing(1)
        if isinstance(request, ExtractRequest):
            return changes.get("rows", samples.reply())
        assert isinstance(request, DigestRequest)
        digests = [
            RowDigest(k, r, (k[0],), "00000000" * len(COLUMNS)) for k, r in side.items()
        ]
        asked = [d for d in digests if d.key_hash.startswith(request.within or ("",))]
        return DigestReply(
            run_id=request.run_id,
            columns=changes.get("columns", COLUMNS),
            buckets=tuple(
                Bucket(d.key_hash[: request.depth], 1, str(int(d.row_hash[0], 16)), "0")
                for d in (asked if request.step == "buckets" else [])
            ),
            digests=tuple(asked if request.step != "buckets" else ()),
            newest=cursor_value(9) if request.step == "newest" else None,
            complete=changes.get("complete", True),
        )

    return answer


def session_of(
    source: Side,
    target: Side,
    found: TableState = FOUND,
    more: dict[str, Any] | None = None,
    **changes: Any,
) -> Scripted:
    """Returns a session with a source and a target of these rows."""

    def buckets(one: Sent) -> list[Row]:
        depth = one.values[0]
        return [Row(k[:depth], 1, int(r[0], 16), 0) for k, r in target.items()]

    def rows(one: Sent) -> list[Row]:
        within = tuple(str(v) for v in one.values) or ("",)
        return [Row(k, r) for k, r in target.items() if k.startswith(within)]

    def detail(one: Sent) -> list[Row]:
        wanted = [k for k in target if k in one.values]
        return [Row(k, target[k], "1" * 8 * len(COLUMNS), k[0]) for k in wanted]

    return whole(
        found,
        source_of(source, **changes),
        buckets=buckets,
        digest_rows=rows,
        detail=detail,
        **(more or {}),
    )


def validated(session: Scripted, repair: object = False) -> dict[str, Any]:
    return validate.validate_table(Snowflake(session), "orders", repair)


def steps(session: Scripted) -> list[str]:
    return [r.step for r in session.requests if isinstance(r, DigestRequest)]


# --- comparing ------------------------------------------------------------------------


def test_equal_sides_are_told_as_equal_and_nobody_looks_at_rows() -> None:
    session = session_of(SAME, SAME)
    report = validated(session)
    assert report["status"] == "equal" and report["complete"]
    assert (report["source_rows"], report["target_rows"]) == (2, 2)
    assert steps(session) == ["newest", "buckets"]
    assert "merge" not in session.names and session.names[-1] == "release_lease"


def test_the_bound_is_asked_for_before_the_sync_that_brings_all_up_to_it() -> None:
    session = session_of(SAME, SAME)
    report = validated(session)
    kinds = [getattr(r, "step", r.op) for r in session.requests]
    assert kinds == ["newest", "extract", "plan", "buckets"]
    assert report["compared_up_to"] == cursor_value(9).value
    asked = [r for r in session.requests if isinstance(r, DigestRequest)]
    assert asked[1].upto == cursor_value(9)


@pytest.mark.parametrize(
    ("source", "target", "kind"),
    [
        ({"a" * 32: "3" * 32}, {}, "different"),
        ({"c" * 32: "3" * 32}, {}, "missing_in_target"),
        ({}, {"c" * 32: "3" * 32}, "extra_in_target"),
    ],
)
def test_a_row_that_differs_is_named(source: Side, target: Side, kind: str) -> None:
    settings = dataclasses.replace(FOUND.settings, keys_in_messages=True)
    named = dataclasses.replace(FOUND, settings=settings)
    session = session_of(
        SAME | source, SAME | target, named, plan={"key_enforced": True}
    )
    report = validated(session)
    assert report["status"] == "different" and report["counts"] == {kind: 1}
    (found,) = report["differences"]
    key = next(iter(source | target))[0]
    assert found["kind"] == kind and found["key"] == {"id": key}
    # Looked at before and after a sync that would have brought it.
    assert steps(session)[-2:] == ["detail", "detail"]
    at = [
        i for i, r in enumerate(session.requests) if getattr(r, "step", "") == "detail"
    ]
    between = session.requests[at[0] + 1]
    assert isinstance(between, ExtractRequest) and between.window is not None


def unreadable(session: Scripted) -> Scripted:
    """Lets one of the target's values be one that nobody could digest."""
    looks = session.answers["detail"]
    assert callable(looks)
    digest = hashlib.md5(INCOMPARABLE_IN_TARGET.encode()).hexdigest()[:8]
    same = "0" * 8 * (len(COLUMNS) - 1)

    def detail(one: Sent) -> list[Row]:
        return [Row(k, r, same + digest, name) for k, r, _, name in looks(one)]

    session.answers["detail"] = detail
    return session


def test_values_that_cannot_be_compared_are_counted_once_and_are_no_difference() -> (
    None
):
    session = unreadable(session_of(SAME, SAME | {"a" * 32: "9" * 32}))
    report = validated(session)
    (reason,) = report["not_compared"].values()
    assert set(report["not_compared"]) == {COLUMNS[-1].name}
    assert reason.startswith("1 row(s): ")
    assert report["status"] == "equal" and report["differences"] == []
    assert "in_flight" not in report
    # No sync could bring what cannot be seen: there is no second look.
    assert steps(session).count("detail") == 1


def test_columns_that_differ_have_been_compared() -> None:
    report = validated(session_of(SAME, SAME | {"a" * 32: "9" * 32}))
    assert report["counts"] == {"different": 1} and report["not_compared"] == {}


def test_each_sync_between_two_looks_has_files_of_its_own() -> None:
    """Two extractions of one prefix would write over each other's files."""
    source, target = dict(SAME), dict(SAME) | {"a" * 32: "9" * 32}
    session = session_of(source, target)
    looks = session.answers["detail"]
    assert callable(looks)

    def detail(one: Sent) -> list[Row]:
        source["a" * 32] = f"{len(session.sent):032x}"
        return looks(one)

    session.answers["detail"] = detail
    validated(session)
    parts = [r.part for r in session.requests if isinstance(r, ExtractRequest)]
    assert len(parts) == 4 and len(set(parts)) == 4


def test_rows_on_their_way_are_no_difference() -> None:
    """What a sync in between has brought is the same at the second look."""
    source, target = dict(SAME), dict(SAME) | {"a" * 32: "9" * 32}
    session = session_of(source, target)
    looks = session.answers["detail"]
    assert callable(looks)

    def detail(one: Sent) -> list[Row]:
        found = looks(one)
        target.update(source)
        return found

    session.answers["detail"] = detail
    report = validated(session)
    assert report["status"] == "equal" and report["differences"] == []


def test_a_row_that_changes_each_time_is_in_flight() -> None:
    source, target = dict(SAME), dict(SAME) | {"a" * 32: "9" * 32}
    session = session_of(source, target)
    looks = session.answers["detail"]
    assert callable(looks)

    def detail(one: Sent) -> list[Row]:
        source["a" * 32] = f"{len(session.sent):032x}"
        return looks(one)

    session.answers["detail"] = detail
    report = validated(session)
    assert report["status"] == "incomplete" and len(report["in_flight"]) == 1
    assert steps(session).count("detail") == 4


@pytest.mark.usefixtures("slow_clock")
def test_the_source_is_asked_part_by_part_with_the_lease_held() -> None:
    plan = {"partitions": planned(3).partitions}
    session = session_of({}, {}, settled(max_parallel=2), plan=plan)
    validated(session)
    parts = [
        r.partition.part
        for r in session.requests
        if isinstance(r, DigestRequest) and r.step == "buckets"
    ]
    assert parts == ["p00001", "p00002", "p00003"]
    assert session.names.count("hold_lease") >= 2


def test_a_target_that_has_rows_alone_is_not_equal() -> None:
    report = validated(session_of({}, SAME))
    assert report["counts"] == {"extra_in_target": 2}


def test_a_reply_that_is_not_complete_is_told() -> None:
    report = validated(session_of(SAME, SAME, complete=False))
    assert report["status"] == "incomplete" and not report["complete"]


def test_columns_that_changed_meanwhile_are_not_compared() -> None:
    other: tuple[Column, ...] = COLUMNS[:-1]
    with pytest.raises(SyncError) as caught:
        validated(session_of(SAME, SAME, columns=other))
    assert caught.value.code == "columns_changed"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (described("NOTE"), "the target has no such column"),
        (described(NOTE="NUMBER(5,0)"), "the target holds it as NUMBER"),
    ],
)
def test_what_cannot_be_compared_is_told(target: list[Row], reason: str) -> None:
    columns = tuple(c for c in COLUMNS if c.name != "note")
    session = session_of(SAME, SAME, more={"describe_target": target}, columns=columns)
    report = validated(session)
    assert report["not_compared"] == {"note": reason}
    assert report["status"] == "equal"


def test_a_key_that_cannot_be_compared_ends_it() -> None:
    session = session_of(SAME, SAME, more={"describe_target": described("ID")})
    with pytest.raises(UsageError) as caught:
        validated(session)
    assert caught.value.code == "nothing_to_validate"


@pytest.mark.parametrize("repair", [None, 1, "TRUE"])
def test_repair_is_true_or_false(repair: object) -> None:
    session = session_of(SAME, SAME)
    with pytest.raises(UsageError):
        validated(session, repair)
    assert session.names == []


# --- repairing ------------------------------------------------------------------------

WRONG = SAME | {"a" * 32: "9" * 32, "c" * 32: "4" * 32}


def repaired(**more: Any) -> Scripted:
    """Returns a session whose target is the source's once rows were merged."""
    target = dict(WRONG)
    session = session_of(SAME, target, **more)

    def merge(_: Sent) -> list[Row]:
        target.update(SAME)
        return [Row(**{"number of rows inserted": 0, "number of rows updated": 2})]

    def remove(_: Sent) -> list[Row]:
        target.pop("c" * 32, None)
        return [Row(1)]

    session.answers |= {"merge": merge, "remove_extra": remove}
    return session


def test_a_repair_merges_what_differs_and_takes_out_what_is_extra() -> None:
    session = repaired()
    report = validated(session, True)
    assert report["status"] == "repaired" and report["repaired"] == 2
    session.in_order("copy_files", "begin", "merge", "remove_extra", "insert_run")
    session.in_order("remove_extra", "read_fence", "commit", "drop_staging", "detail")
    asked = [r for r in session.requests if isinstance(r, ExtractRequest)][-1]
    assert asked.key_hashes == ("a" * 32,)
    assert session.only("remove_extra").values == ("c" * 32,)
    (row,) = [v for v in session.values("insert_run") if v[2] == "repair"]
    assert row[3] == "succeeded" and row[7:10] == (0, 2, 1)
    assert row[5:7] == (1, 2) and row[10:12] == (1, 120)
    assert "insert_watermark" not in session.names


def test_nothing_is_repaired_unless_it_is_asked_for() -> None:
    session = repaired()
    report = validate.validate_table(Snowflake(session), "orders")
    assert report["status"] == "different" and "repaired" not in report
    assert [v for v in session.values("insert_run") if v[2] == "repair"] == []


def test_a_table_that_is_not_configured_is_named_with_its_run() -> None:
    session = whole(FOUND, read_state=[], list_tables=[])
    with pytest.raises(SyncError) as caught:
        validate.validate_table(Snowflake(session), "orders")
    assert (caught.value.code, caught.value.table) == ("unknown_table", "orders")
    assert caught.value.run_id


def test_a_repair_says_how_long_it_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([100.0, 107.5])
    clock = SimpleNamespace(monotonic=lambda: next(ticks))
    monkeypatch.setattr(validate_repair, "time", clock)
    session = repaired()
    validated(session, True)
    (row,) = [v for v in session.values("insert_run") if v[2] == "repair"]
    assert row[12] == 7.5 and 0 <= row[13] < 60


@pytest.mark.parametrize(("updated", "lost"), [(2, 0), (1, 1)])
@pytest.mark.parametrize("policy", ["fail", "warn"])
def test_rows_of_one_key_are_repaired_as_they_are_merged(
    policy: str, updated: int, lost: int
) -> None:
    session = repaired(found=known(duplicate_keys=policy))
    merging = session.answers["merge"]
    assert callable(merging)

    def merge(one: Sent) -> list[Row]:
        merging(one)
        return merged(0, updated)

    session.answers["merge"] = merge
    if lost and policy == "fail":
        with pytest.raises(SyncError) as caught:
            validated(session, True)
        assert caught.value.code == "duplicate_keys"
        assert "merge" not in session.stays
        return
    validated(session, True)
    (row,) = [v for v in session.values("insert_run") if v[2] == "repair"]
    assert ("duplicate_keys" in str(row[-1])) is bool(lost)


def test_extra_rows_alone_are_taken_out_without_a_merge() -> None:
    """And nobody asks for all rows instead: no row has the empty hash."""
    none = samples.reply(files=(), rows=0, bytes=0)
    session = session_of(SAME, dict(SAME) | {"c" * 32: "4" * 32}, rows=none)
    report = validated(session, True)
    assert "merge" not in session.names and "remove_extra" in session.stays
    asked = [r for r in session.requests if isinstance(r, ExtractRequest)][-1]
    assert asked.key_hashes == ("",)
    # This target never loses its row: the report says what is left.
    assert report["repaired"] == 0 and report["status"] == "different"


def test_missing_rows_alone_take_nothing_out() -> None:
    session = session_of(SAME, {"a" * 32: "1" * 32})
    validated(session, True)
    assert "merge" in session.stays and "remove_extra" not in session.names


def test_without_a_difference_nothing_is_repaired() -> None:
    session = session_of(SAME, SAME)
    report = validated(session, True)
    assert "repaired" not in report and "begin" not in session.names


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (samples.reply(columns=COLUMNS[:-1]), "columns_changed"),
        (samples.reply(relation_id=5), "columns_changed"),
        (samples.reply(key=()), "reply_invalid"),
    ],
)
def test_rows_of_other_columns_repair_nothing(rows: ExtractReply, code: str) -> None:
    session = repaired(rows=rows)
    with pytest.raises(SyncError) as caught:
        validated(session, True)
    assert caught.value.code == code and "merge" not in session.names


def test_wherever_it_stops_a_repair_is_whole_or_not_there() -> None:
    def play(snowflake: Snowflake) -> None:
        validate.validate_table(snowflake, "orders", True)

    for stop, session, error in stops(repaired, play, "killed before", "refused"):
        session.together("merge", "remove_extra")
        if isinstance(error, SyncError):
            assert not session.is_open, stop
        else:
            assert isinstance(error, Killed)


def test_a_full_table_is_compared_as_it_was_loaded() -> None:
    found = settled(mode="full", cursor=None)
    session = session_of(SAME, WRONG, found)
    report = validated(session)
    assert "newest" not in steps(session) and "compared_up_to" not in report
    assert report["status"] == "different" and "SYNC_TABLE" in report["hint"]
    assert not any(isinstance(r, ExtractRequest) for r in session.requests)


def test_the_plan_of_a_comparison_is_no_snapshot() -> None:
    session = session_of(SAME, SAME)
    validated(session)
    assert "insert_part" not in session.names


@pytest.mark.parametrize("history", [True, False])
def test_the_versions_of_a_history_are_looked_at_as_well(history: bool) -> None:
    found = known(history=history)
    broken = [Row(GAPS=0, OVERLAPS=1, VERSIONS=4)]
    session = session_of(SAME, SAME, found, {"broken_invariants": broken})
    report = validated(session)
    if not history:
        assert "history" not in report and "broken_invariants" not in session.names
        return
    assert report["history"] == {"versions": 4, "broken": {"overlaps": 1}}
    assert report["status"] == "different"
    text = session.only("broken_invariants").text
    assert f"FROM {found.settings.target}" in text and 'PARTITION BY "ID"' in text


def test_columns_that_cannot_be_compared_hide_none_behind_them() -> None:
    first = tuple(c for c in COLUMNS if c.name not in ("note", "details"))
    target = described("NOTE", "DETAILS")
    session = session_of(SAME, SAME, more={"describe_target": target}, columns=first)
    report = validated(session)
    assert set(report["not_compared"]) == {"note", "details"}
    asked = [r for r in session.requests if isinstance(r, DigestRequest)][-1]
    assert asked.columns == tuple(c.name for c in first)
