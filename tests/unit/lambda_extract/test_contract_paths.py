"""Where files lie: one rule, read back by the other side."""

import json
from pathlib import Path
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from lambda_extract.contract_paths import (
    COMPONENT,
    LoadMethod,
    Place,
    is_loaded_by,
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
