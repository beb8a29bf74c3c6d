"""The measurement of groups: what it may be asked for, and what is too much."""

import pytest
import typer

from scripts import run_scale
from scripts.run_scale import Figure


@pytest.mark.parametrize(
    ("size", "statements"), [(1, 15), (500, 15), (501, 20), (1000, 20), (1001, 25)]
)
def test_each_further_500_tables_have_five_statements_more(
    size: int, statements: int
) -> None:
    assert run_scale._limit(size) == statements


def test_an_unknown_part_is_refused_before_anything_starts() -> None:
    with pytest.raises(typer.BadParameter, match="idel"):
        run_scale.main(sizes="40", changed=10, max_parallel=8, parts="idle,idel")


def test_what_is_bounded_by_nothing_holds() -> None:
    assert Figure("seconds", 1000.0, float("inf")).holds
    assert not Figure("statements", 16, 15).holds
