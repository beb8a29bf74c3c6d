"""The soak of mode log plays until something differs, and says what was not found."""

from pathlib import Path

from scripts.run_log_soak import hunt
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
