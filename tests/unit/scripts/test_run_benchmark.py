"""What the benchmark makes of its figures."""

from scripts.run_benchmark import MAX_RATIO, Run, judge, together


def _runs(**seconds: tuple[float, ...]) -> dict[str, list[Run]]:
    memory = {"worker": 60.0, "parts": 90.0, "duckdb": 240.0}
    return {
        name: [Run(value, 1, 1, memory.get(name, 0.0)) for value in values]
        for name, values in seconds.items()
    }


def test_medians_are_compared() -> None:
    runs = _runs(psql=(2.0, 2.0, 9.0), worker=(2.2, 2.2, 1.0))
    time, memory = judge(runs)
    assert time.value == 1.1
    assert time.limit == MAX_RATIO
    assert time.good
    assert memory.good


def test_a_slow_worker_fails() -> None:
    assert not judge(_runs(psql=(2.0,), worker=(2.4,)))[0].good


def test_parts_are_compared_with_duckdb() -> None:
    runs = _runs(psql=(2.0,), worker=(2.2,), parts=(1.5,), duckdb=(1.0,))
    time, memory = judge(runs)[2:]
    assert (time.value, time.good) == (1.5, False)
    assert (memory.value, memory.good) == (0.375, True)


def test_processes_at_the_same_time_add_up_their_memory() -> None:
    runs = [Run(3.0, 10, 4, 50.0), Run(2.0, 20, 5, 60.0)]
    assert together(runs, 3.5) == Run(3.5, 30, 9, 110.0)
