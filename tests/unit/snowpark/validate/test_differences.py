"""How rows of one key differ, from their digests alone."""

import hashlib

import pytest

from lambda_extract.contract import (
    INCOMPARABLE_IN_SOURCE,
    INCOMPARABLE_IN_TARGET,
    Bucket,
    DigestReply,
    RowDigest,
)
from snowpark.validate.buckets import Both, added_up, differing_keys
from snowpark.validate.differences import between

NAMES = ("id", "note", "details")


def row(*texts: str) -> RowDigest:
    hashes = [hashlib.md5(text.encode()).hexdigest() for text in texts]
    joined = hashlib.md5("".join(hashes).encode()).hexdigest()
    return RowDigest("k", joined, ("1",), "".join(h[:8] for h in hashes))


@pytest.mark.parametrize(
    ("source", "target", "kind", "columns"),
    [
        ([row("1", "a", "x")], [row("1", "b", "x")], "different", ("note",)),
        ([row("1", "a", "x")], [row("1", "b", "y")], "different", ("note", "details")),
        ([row("1", "a", "x")], [], "missing_in_target", ()),
        ([], [row("1", "a", "x")], "extra_in_target", ()),
        ([row("1", "a", "x")] * 2, [row("1", "a", "x")], "missing_in_target", ()),
        ([row("1", "a", "x")], [row("1", "a", "x")] * 2, "extra_in_target", ()),
        (
            [row("1", "a", INCOMPARABLE_IN_SOURCE)],
            [row("1", "a", "x")],
            "incomparable",
            ("details",),
        ),
        (
            [row("1", "a", INCOMPARABLE_IN_SOURCE)],
            [row("1", "a", INCOMPARABLE_IN_TARGET)],
            "incomparable",
            ("details",),
        ),
        (
            [row("1", "a", "x")],
            [row("1", "b", INCOMPARABLE_IN_TARGET)],
            "different",
            ("note",),
        ),
    ],
)
def test_kinds(
    source: list[RowDigest],
    target: list[RowDigest],
    kind: str,
    columns: tuple[str, ...],
) -> None:
    found = between("k", source, target, NAMES)
    assert found is not None
    assert (found.kind, found.columns, found.key) == (kind, columns, ("1",))
    assert found.source_hash == (source[0].row_hash if source else None)


def test_equal_rows_do_not_differ() -> None:
    assert between("k", [row("1", "a", "x")], [row("1", "a", "x")], NAMES) is None
    assert between("k", [], [], NAMES) is None


def test_a_row_that_stands_twice_is_counted() -> None:
    one, other = RowDigest("a", "1"), RowDigest("b", "2")
    assert differing_keys([one, other], [other, one]) == []
    assert differing_keys([one, one, other], [other, one]) == ["a"]
    assert differing_keys([one], [other, RowDigest("a", "3")]) == ["a", "b"]


def test_parts_add_up_and_buckets_differ_by_count_or_sum() -> None:
    parts = [
        DigestReply("r", (), (Bucket("0", 1, "5", "7"), Bucket("1", 1, "1", "1"))),
        DigestReply("r", (), (Bucket("0", 2, "6", "1" + "0" * 20),)),
    ]
    source = added_up(parts)
    assert source["0"] == Bucket("0", 3, "11", "1" + "0" * 19 + "7")
    both = Both(source, {"0": source["0"], "2": Bucket("2", 9, "0", "0")})
    assert (both.differing, both.largest, both.rows) == (["1", "2"], 9, (4, 12))
    changed = {"0": Bucket("0", 3, "12", source["0"].high)}
    assert "0" in Both(source, changed).differing
