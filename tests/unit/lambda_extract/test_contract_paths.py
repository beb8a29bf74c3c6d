"""Where files lie: one rule, read back by the other side."""

from hypothesis import given
from hypothesis import strategies as st

from lambda_extract.contract_paths import COMPONENT, Place, is_piped, piped_file

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
    path = Place(table, run_id, part, piped=True).folder(width) + "00000.csv.zst"
    found = piped_file(path, table)
    assert is_piped(path) and found is not None
    assert (found.width, found.run_id) == (width, run_id)
    assert found.tail == f"{run_id}/{part}/00000.csv.zst"
    assert (piped_file(path, other) is None) == (other != table)
    copied = Place(table, run_id, part).folder(width) + "00000.csv.zst"
    assert not is_piped(copied) and piped_file(copied, table) is None


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    found = piped_file(f"pipe/orders/3/{text}", "orders")
    assert found is None or "/../" not in f"/{text}"
