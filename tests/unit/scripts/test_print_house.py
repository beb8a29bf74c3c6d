"""The printed house: every side, its rooms, and no circle."""

import pytest

from scripts import print_house


@pytest.mark.large
def test_every_side_is_printed_and_has_no_circle(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert print_house.main([]) == 0
    text = capsys.readouterr().out
    for side in print_house.SIDES:
        assert f"{side}: " in text
    assert text.count("circle of rooms: none") == len(print_house.SIDES)
    assert "circle of files: none" in text


def test_a_circle_makes_the_command_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(print_house, "circle", lambda _: ["a", "b", "a"])
    assert print_house.main([]) == 1
    assert "circle of files: a -> b -> a" in capsys.readouterr().out
