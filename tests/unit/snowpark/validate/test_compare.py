"""The drill-down from buckets to keys, with both sides simulated."""

import dataclasses
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from lambda_extract.contract import (
    Bucket,
    DigestReply,
    DigestRequest,
    Partition,
    RowDigest,
)
from snowpark.columns.column import load_columns
from snowpark.sql import Statement
from snowpark.validate import compare
from snowpark.validate.buckets import Both
from snowpark.validate.compare import MOST_DIFFERENCES, Subject
from snowpark.validate.statements import Digested
from tests.unit.snowpark.samples import COLUMNS, RUN_ID, cursor_value, state

LOADED = load_columns(COLUMNS[:2])


def md5(text: object) -> str:
    return hashlib.md5(str(text).encode()).hexdigest()


def rows(count: int) -> dict[str, str]:
    """Returns key hash -> row hash."""
    return {md5(i): md5(f"row {i}") for i in range(count)}


def buckets_of(side: Mapping[str, str], depth: int) -> Iterator[Bucket]:
    found = defaultdict(list)
    for key, row in side.items():
        found[key[:depth]].append(int(row[:12], 16))
    for name, sums in found.items():
        yield Bucket(name, len(sums), str(sum(sums)), "0")


def chosen(
    side: Mapping[str, str], within: Sequence[str], without: Sequence[str] = ()
) -> dict[str, str]:
    return {
        key: row
        for key, row in side.items()
        if (not within or key.startswith(tuple(within)))
        and not (without and key.startswith(tuple(without)))
    }


class Sides:
    """Source and target; the source in two parts, with keys beyond the cursor."""

    def __init__(self, source: dict[str, str], target: dict[str, str]) -> None:
        self.source, self.target = source, target
        self.beyond: set[str] = set()
        self.depths: list[int] = []

    def ask_all(
        self, _warehouse: object, requests: Sequence[DigestRequest]
    ) -> list[DigestReply]:
        return [self.reply(request) for request in requests]

    def reply(self, request: DigestRequest) -> DigestReply:
        odd = request.partition.part == "odd"
        mine = {k: r for k, r in self.source.items() if (int(k, 16) % 2 == 1) == odd}
        shown = {k: r for k, r in mine.items() if k not in self.beyond}
        shown = chosen(shown, request.within)
        beyond = tuple(k[:16] for k in mine if k in self.beyond)
        columns = tuple(c.source for c in LOADED)
        if request.step == "buckets":
            buckets = tuple(buckets_of(shown, request.depth))
            return DigestReply(RUN_ID, columns, buckets=buckets, beyond=beyond)
        digests = tuple(RowDigest(k, r) for k, r in shown.items())
        return DigestReply(RUN_ID, columns, digests=digests, beyond=beyond)

    def run_list(self, statement: Statement, **given: Any) -> list[tuple[Any, ...]]:
        return self.run(statement, **given)

    def run(self, statement: Statement, **_: Any) -> list[tuple[Any, ...]]:
        params = list(statement.params)
        without = json.loads(str(params.pop())) if "NOT IN" in statement.text else ()
        if not statement.text.startswith("SELECT\n    LEFT("):
            within = [str(p) for p in params]
            return list(chosen(self.target, within, without).items())
        depth = int(str(params.pop(0)))
        self.depths.append(depth)
        shown = chosen(self.target, [str(p) for p in params], without)
        return [(b.name, b.rows, b.low, b.high) for b in buckets_of(shown, depth)]


def suspects(
    monkeypatch: pytest.MonkeyPatch, sides: Sides, estimated_rows: int
) -> compare.Suspects:
    monkeypatch.setattr(compare.ask, "ask_all", sides.ask_all)
    monkeypatch.setattr(compare.lease, "renew_lease", lambda *_: None)
    subject = Subject(
        found=state(),
        run_id=RUN_ID,
        digested=Digested("target", LOADED, LOADED[:1], False),
        partitions=(Partition("even"), Partition("odd")),
        estimated_rows=estimated_rows,
        not_compared={},
        upto=cursor_value(1) if sides.beyond else None,
    )
    snowflake: Any = sides
    return compare.suspects(snowflake, subject)


@pytest.mark.parametrize(("estimated", "levels"), [(20_000, [3]), (0, [1, 3])])
def test_every_kind_of_difference_is_found_on_every_level(
    monkeypatch: pytest.MonkeyPatch, estimated: int, levels: list[int]
) -> None:
    source = rows(20_000)
    target = dict(source)
    keys = sorted(source)
    target[keys[5]] = md5("other")
    del target[keys[7_000]]
    target[md5("extra")] = md5("extra")
    sides = Sides(source, target)
    found = suspects(monkeypatch, sides, estimated)
    assert set(found.keys) == {keys[5], keys[7_000], md5("extra")}
    assert (found.source_rows, found.target_rows) == (20_000, 20_000)
    assert (found.complete, sides.depths) == (True, levels)


def bucket_of(number: int, digit: str = "a") -> dict[str, str]:
    """Returns so many rows whose keys begin with one digit."""
    found = (md5(i) for i in range(10_000))
    return {key: md5(key) for key in [k for k in found if k[0] == digit][:number]}


@pytest.mark.parametrize(
    ("number", "levels"), [(24, [1]), (25, [1]), (128, [1]), (129, [1, 3])]
)
def test_the_rows_of_a_bucket_are_looked_at_if_they_are_few(
    monkeypatch: pytest.MonkeyPatch, number: int, levels: list[int]
) -> None:
    source = bucket_of(number)
    missing = sorted(source)[number // 2]
    sides = Sides(source, {k: r for k, r in source.items() if k != missing})
    found = suspects(monkeypatch, sides, 0)
    assert (found.keys, found.complete) == ((missing,), True)
    assert sides.depths == levels


def test_no_more_buckets_are_asked_for_than_one_call_may_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is left out is said."""
    monkeypatch.setattr(compare, "_BUCKETS_AT_A_TIME", 3)
    source = rows(3_000)
    gone = {key[0]: key for key in source}.values()
    assert len(gone) == 16
    sides = Sides(source, {k: r for k, r in source.items() if k not in gone})
    asked: list[int] = []
    told = sides.reply

    def reply(request: DigestRequest) -> DigestReply:
        asked.append(len(request.within))
        return told(request)

    monkeypatch.setattr(sides, "reply", reply)
    found = suspects(monkeypatch, sides, 0)
    assert not found.complete and len(found.keys) == 3
    # All sixteen at first, in two parts; then three, and the rows of three.
    assert asked == [0, 0, 3, 3, 3, 3]


def test_equal_sides_are_told_after_one_level(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = Sides(rows(5_000), rows(5_000))
    assert suspects(monkeypatch, sides, 0).keys == ()
    assert sides.depths == [1]


def test_rows_beyond_the_cursor_are_compared_on_no_side(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = rows(5_000)
    target = dict(source)
    keys = sorted(source)
    sides = Sides(source, target)
    sides.beyond = set(keys[:2_000])
    for key in keys[:1_900]:
        source[key] = md5("changed")
    for key in keys[1_900:2_000]:
        del target[key]
    del target[keys[3_000]]
    found = suspects(monkeypatch, sides, 5_000)
    assert (found.keys, found.beyond) == ((keys[3_000],), 2_000)
    assert (found.source_rows, found.target_rows) == (3_000, 2_999)
    assert found.complete


@pytest.mark.parametrize("estimated", [0, 20_000])
def test_more_than_can_be_named_is_said(
    monkeypatch: pytest.MonkeyPatch, estimated: int
) -> None:
    found = suspects(monkeypatch, Sides(rows(20_000), {}), estimated)
    assert not found.complete
    assert len(found.keys) == MOST_DIFFERENCES


def cut(request: DigestRequest, step: str, part: str) -> bool:
    return request.step == step and request.partition.part == part


@pytest.mark.parametrize("step", ["buckets", "rows"])
@pytest.mark.parametrize("part", ["odd", "even"])
def test_one_part_that_could_not_tell_all_leaves_it_incomplete(
    monkeypatch: pytest.MonkeyPatch, step: str, part: str
) -> None:
    """Differences that nobody has seen are not called equal."""
    source = rows(500)
    sides = Sides(source, dict(source) | {md5("extra"): md5("extra")})
    whole = sides.reply

    def reply(request: DigestRequest) -> DigestReply:
        found = whole(request)
        return dataclasses.replace(found, complete=not cut(request, step, part))

    monkeypatch.setattr(sides, "reply", reply)
    assert not suspects(monkeypatch, sides, 0).complete


def test_as_many_differences_as_can_be_named_are_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for more, complete in ((0, True), (1, False)):
        source = rows(MOST_DIFFERENCES + more)
        found = suspects(monkeypatch, Sides(source, {}), 0)
        assert len(found.keys) == MOST_DIFFERENCES
        assert found.complete is complete


def test_the_largest_bucket_is_that_of_any_differing_one() -> None:
    one, two = Bucket("a", 5, "1", "0"), Bucket("b", 7, "2", "0")
    assert Both({}, {}).largest == 0 and Both({}, {}).beyond == 0
    assert Both({"a": one}, {"a": one, "b": two}).largest == 7
    assert Both({"a": one, "b": two}, {"b": two}).largest == 5


def test_a_level_of_which_nothing_was_left_out_is_complete() -> None:
    assert Both({}, {}).complete


def test_rows_and_columns_are_asked_for_in_no_buckets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The depth is the length of a bucket's name: rows have none."""
    source = rows(40)
    sides = Sides(source, {})
    asked: list[tuple[str, int]] = []
    told = sides.reply

    def reply(request: DigestRequest) -> DigestReply:
        asked.append((request.step, request.depth))
        return told(request)

    monkeypatch.setattr(sides, "reply", reply)
    assert set(suspects(monkeypatch, sides, 0).keys) == set(source)
    assert set(asked) == {("buckets", 1), ("rows", 0)}
