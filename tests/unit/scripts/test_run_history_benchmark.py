"""The benchmark of histories writes both targets and compares them."""

import pytest

from scripts import run_history_benchmark
from scripts.run_history_benchmark import Figures


def test_the_ratio_and_the_statements_are_of_the_history() -> None:
    figures = Figures(
        {"plain": 2.0, "history": 5.0}, {"plain": 4, "history": 6}, versions=9
    )
    assert (figures.ratio, figures.more) == (2.5, 2)


@pytest.mark.large
def test_it_runs_with_few_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_history_benchmark.main(["--rows", "300", "--rounds", "2"]) == 0
    told = capsys.readouterr().out
    assert "100 changed of 300 rows" in told
    assert "with 2 statements more; it has 500 versions" in told


def test_more_than_two_statements_are_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures = Figures(
        {"plain": 1.0, "history": 1.0}, {"plain": 4, "history": 7}, versions=9
    )
    monkeypatch.setattr(run_history_benchmark, "measure", lambda *_, **__: figures)
    assert run_history_benchmark.main(["--rows", "3"]) == 1
