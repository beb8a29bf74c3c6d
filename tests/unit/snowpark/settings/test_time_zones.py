"""U1: a time zone of a configuration exists, or the configuration is refused."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from snowpark.settings import time_zones


@pytest.mark.parametrize(
    "name", ["UTC", "CET", "EST5EDT", "Europe/Berlin", "America/Port-au-Prince"]
)
def test_u1_a_zone_of_the_tz_database_is_taken(name: str) -> None:
    assert time_zones.problem(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Europe/Berln",
        "Europe",
        "europe/berlin",
        "localtime",
        "leapseconds",
        "Europe/../UTC",
        "/etc/localtime",
        "UTC\n",
        "UTC' AS DROP",
        "+02",
    ],
)
def test_u1_no_other_name_is_taken(name: str) -> None:
    assert time_zones.problem(name)


def test_u1_without_a_tz_database_the_form_decides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing(name: str) -> ZoneInfo:
        raise ZoneInfoNotFoundError(name)

    monkeypatch.setattr(time_zones, "ZoneInfo", nothing)
    assert time_zones.problem("Europe/Berlin") is None
    assert time_zones.problem("Europe/Berlin'")
