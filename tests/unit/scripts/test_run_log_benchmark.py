"""The benchmark of mode log measures each part and judges by its claims."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from local.aurora import Aurora, running_aurora
from scripts import run_log_benchmark
from scripts.benchmark_log import DATABASE
from scripts.run_log_benchmark import SETTINGS, Claim, main

PARTS = ("capture", "whole", "memory", "idle", "other", "busy")


@pytest.mark.large
def test_each_part_measures_and_tells_what_it_claims(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    with running_aurora(tmp_path, settings=SETTINGS) as server:
        monkeypatch.setattr(
            run_log_benchmark, "running_aurora", lambda *_, **__: _emptied(server)
        )
        with pytest.raises(typer.Exit) as caught:
            main(2_000, 3_000, 0.02, 1, rounds=1, scale=1, judge=False)
    assert caught.value.exit_code == 0
    text = " ".join(capsys.readouterr().out.split())
    for part in PARTS:
        assert re.search(rf"{part}: [^:]+: [\d.]+ \(at (least|most) [\d.]+\)", text)
    # Of so few rows no ratio means anything; what is counted, does.
    assert "memory: MB of a process: " in text
    assert "busy: accounts that differ in the end: 0.00 (at most 0) holds" in text


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        (("times", 2.5, 2.5, "at least"), 0),
        (("times", 2.4, 2.5, "at least"), 1),
        (("MB", 128.0, 128, "at most"), 0),
        (("MB", 128.1, 128, "at most"), 1),
    ],
)
def test_a_claim_that_does_not_hold_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, claim: Claim, code: int
) -> None:
    def measured(_: object) -> Iterator[Claim]:
        yield claim

    monkeypatch.setattr(run_log_benchmark, "_idle", measured)
    monkeypatch.setattr(run_log_benchmark, "running_aurora", _no_server)
    monkeypatch.setattr(run_log_benchmark, "Lab", lambda *_: None)
    for judge, expected in ((True, code), (False, 0)):
        with pytest.raises(typer.Exit) as caught:
            main(only="idle", judge=judge)
        assert caught.value.exit_code == expected


@contextlib.contextmanager
def _emptied(server: Aurora) -> Iterator[Aurora]:
    """One server for all parts: each of them makes its database anew."""
    yield server
    with contextlib.closing(server.connect()) as owner, owner.cursor() as cursor:
        cursor.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
        )
        cursor.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def _no_server(*_: object, **__: object) -> contextlib.nullcontext[None]:
    return contextlib.nullcontext()
