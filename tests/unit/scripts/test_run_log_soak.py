"""The soak of mode log plays until something differs, and says what was not found."""

from pathlib import Path
from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError

from scripts.run_log_soak import hunt
from tests.soak.log_histories import Histories
from tests.soak.log_mutants import MUTANTS, RELOADING, mutated

DOCUMENT = Path(__file__).parents[3] / "docs" / "LOG_MODE.md"


def test_a_hunt_ends_with_the_first_schedule_that_differs() -> None:
    played: list[int] = []

    def play(number: int) -> tuple[str, dict[str, int]]:
        played.append(number)
        return "2 rows differ" if number == 5 else "", {}

    assert hunt(play, range(3, 9)) == "seed 5, 2 rows differ"
    assert played == [3, 4, 5]
    assert hunt(play, range(3, 5)) == ""


def test_each_step_that_can_be_taken_out_is_documented_and_put_back() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert set(RELOADING) <= set(MUTANTS)
    for mutant in MUTANTS:
        assert f"| `{mutant}`: " in text
        with mutated(mutant):
            pass


ENDED, CURRENT = (1, "a", 10, 20, False, False), (1, "b", 20, None, True, False)


class Target:
    """Answers what a history is asked; None: there is no such target yet."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] | None = None
        self.broken = 0

    def query(self, text: str) -> list[tuple[Any, ...]]:
        if self.rows is None:
            raise ProgrammingError("no such table")
        wrong = (0, self.broken, len(self.rows))
        return [wrong] if "LEAD(" in text else list(self.rows)


def test_a_history_may_end_and_begin_versions_and_nothing_else() -> None:
    target = Target()
    seen = Histories(target.query, {"T": ("ID",)})
    assert seen.look() == []
    target.rows = [ENDED, CURRENT]
    assert seen.look() == [] and seen.versions == 2
    later = (*CURRENT[:3], 30, False, True), (1, "c", 40, None, True, False)
    target.rows = [ENDED, *later]
    assert seen.look() == [] and seen.versions == 3


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([(1, "x", *ENDED[2:]), CURRENT], ["1 ended versions are others"]),
        ([(*ENDED[:3], 19, False, False), CURRENT], ["1 ended versions are others"]),
        ([ENDED], ["1 versions are lost"]),
        ([CURRENT], ["1 ended versions are others", "1 versions are lost"]),
    ],
)
def test_a_history_that_forgets_is_found(
    rows: list[tuple[Any, ...]], told: list[str]
) -> None:
    target = Target()
    seen = Histories(target.query, {"T": ("ID",)})
    target.rows = [ENDED, CURRENT]
    assert seen.look() == []
    target.rows = rows
    assert seen.look() == [f"T: {text}" for text in told]


def test_a_history_whose_intervals_are_wrong_is_found() -> None:
    target = Target()
    target.rows, target.broken = [CURRENT], 2
    seen = Histories(target.query, {"T": ("ID",)})
    assert seen.look() == ["T: broken (0, 2, 1)"]
