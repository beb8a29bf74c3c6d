"""The soak of groups runs, and what it compares is compared."""

from collections.abc import Callable
from typing import Any

import pytest
import typer

from scripts import run_group_soak
from tests.soak.groups import Difference, Schedule
from tests.soak.schedules import TIME_SETTINGS


@pytest.mark.large
def test_two_schedules_converge(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in TIME_SETTINGS.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(typer.Exit) as ended:
        run_group_soak.main(schedules=2, seed=1, steps=8)
    told = capsys.readouterr().out
    assert ended.value.exit_code == 0, told
    assert "2 schedules of 8 steps: 0 failed" in told


def comparing(
    source: list[tuple[str, str]], target: list[tuple[str, str]]
) -> Callable[[], None]:
    """Returns the comparison of a table that has these rows on the two sides."""

    def ask(text: str, *values: object) -> list[Any]:
        return target if "FROM soak." in text else []

    schedule: Any = Schedule.__new__(Schedule)
    schedule._psql = lambda text, *values: source
    schedule._ask = ask
    return lambda: schedule._compare("stamped", "stamped_1")


def test_the_order_of_the_rows_is_no_difference() -> None:
    rows = [("10", "a"), ("9", "b")]
    comparing(rows, rows[::-1])()


@pytest.mark.parametrize(
    "target", [[("9", "b")], [("9", "b"), ("10", "a"), ("10", "a")], []]
)
def test_a_row_too_few_or_twice_is_one(target: list[tuple[str, str]]) -> None:
    with pytest.raises(Difference, match="stamped_1: not in the target"):
        comparing([("10", "a"), ("9", "b")], target)()
