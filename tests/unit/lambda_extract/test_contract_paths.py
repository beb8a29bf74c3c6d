"""Where files lie: one rule, read back by the other side."""

import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_extract.contract_paths import (
    COMPONENT,
    LoadMethod,
    Place,
    capture_folder,
    changes_folder,
    is_key_file,
    is_loaded_by,
    path_safe,
    piped_file,
)

SCHEMA = Path(__file__).resolve().parents[3] / "config" / "sync_config.schema.json"
METHODS = get_args(LoadMethod)

COMPONENTS = st.from_regex(COMPONENT, fullmatch=True)


@given(
    table=st.text(min_size=1, max_size=200),
    other=st.text(min_size=1, max_size=200),
    run_id=COMPONENTS,
    part=COMPONENTS,
    width=st.integers(1, 1600),
)
def test_what_one_side_writes_the_other_one_reads(
    table: str, other: str, run_id: str, part: str, width: int
) -> None:
    path = Place(table, run_id, part, "snowpipe").folder(width) + "00000.csv.zst"
    found = piped_file(path, table)
    assert is_loaded_by("snowpipe", path) and found is not None
    assert (found.width, found.run_id) == (width, run_id)
    assert found.tail == f"{run_id}/{part}/00000.csv.zst"
    assert (piped_file(path, other) is None) == (other != table)
    copied = Place(table, run_id, part).folder(width) + "00000.csv.zst"
    assert not is_loaded_by("snowpipe", copied) and piped_file(copied, table) is None


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    found = piped_file(f"pipe/orders/3/{text}", "orders")
    assert found is None or "/../" not in f"/{text}"


def test_every_method_that_may_be_configured_has_a_folder_of_its_own() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert set(schema["$defs"]["load_method"]["enum"]) == set(METHODS)
    for method in METHODS:
        path = Place("orders", "r1", "w1", method).folder(3) + "00000.csv.zst"
        assert [m for m in METHODS if is_loaded_by(m, path)] == [method]


def test_a_file_belongs_to_the_place_whose_run_and_part_it_names() -> None:
    place = Place("orders", "r1", "w1", job="0123456789abcdef")
    assert place.prefix(3) == "data/orders/r1/w1/0123456789abcdef-"
    assert Place("orders", "r1", "w1").prefix(3) == "data/orders/r1/w1/"
    for name in ("00000.csv.zst", "0123456789abcdef-00000.csv.zst", "123456.csv.zst"):
        assert place.holds(f"data/orders/r1/w1/{name}", 3)
        assert not place.holds(f"data/orders/r1/w2/{name}", 3)
        assert not place.holds(f"data/orders/r1/w1/x/{name}", 3)
        assert not place.holds(f"pipe/orders/3/r1/w1/{name}", 3)
        assert not place.holds(name, 3)
    for name in ("", "0000.csv.zst", "00000.csv", "x-00000.csv.zst", "00000.csv.zst\n"):
        assert not place.holds(f"data/orders/r1/w1/{name}", 3)
    piped = Place("orders", "r1", "w1", "snowpipe")
    assert piped.holds("pipe/orders/3/r1/w1/00000.csv.zst", 3)
    assert not piped.holds("pipe/orders/3/r1/w1/00000.csv.zst", 4)


KEYS = "0123456789abcdef-orders-00000.keys.gz"


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        (f"changes/shop/r1/c1/{KEYS}", True),
        # Of another source, or of none.
        (f"changes/other/r1/c1/{KEYS}", False),
        (f"changes/shop2/r1/c1/{KEYS}", False),
        (f"r1/c1/{KEYS}", False),
        (KEYS, False),
        # Below the folder, and nothing that a capture writes.
        ("changes/shop/", False),
        ("changes/shop/r1/c1/00000.csv.zst", False),
        (f"changes/shop/r1/{KEYS}", False),
        (f"changes/shop/r1/c1/x/{KEYS}", False),
        (f"changes/shop/../other/{KEYS}", False),
        (f"changes/shop/r1/c1/{KEYS}\n", False),
        ("changes/shop/r1/c1/orders-0000.keys.gz", False),
    ],
)
def test_a_file_of_keys_lies_in_its_own_sources_folder_and_has_its_name(
    path: str, is_one: bool
) -> None:
    assert is_key_file(path, changes_folder("shop")) is is_one


def test_what_a_capture_writes_is_a_file_of_keys_of_its_source_alone() -> None:
    path = capture_folder("my shop", "r1", "c1") + KEYS
    assert is_key_file(path, changes_folder("my shop"))
    assert not is_key_file(path, changes_folder("my_shop"))


def test_a_name_stays_if_it_can_and_else_stays_different() -> None:
    assert path_safe("orders_2-x") == "orders_2-x"
    assert path_safe("a" * 100) == "a" * 100
    assert path_safe("a b") == "a_b.c8687a08aa5d"
    long = path_safe("a" * 101)
    assert long.startswith("a" * 100 + ".") and len(long) == 113
    assert path_safe("a" * 102) != long
