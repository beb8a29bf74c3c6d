"""The soak of a reader misses nothing; with the order swapped it does."""

import pytest

from scripts import run_replica_soak


@pytest.mark.large
def test_nothing_is_missed_in_some_schedules(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_SHOP_USER", "")
    assert run_replica_soak.main(["--schedules", "4"]) == 0
    assert "0 rows were missed" in capsys.readouterr().out
