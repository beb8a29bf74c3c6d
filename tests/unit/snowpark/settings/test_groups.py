"""Groups and alerts of the configuration."""

import json
from typing import Any

import pytest

from snowpark.errors import ConfigError
from snowpark.settings import groups as settings_groups
from snowpark.settings import parse
from snowpark.settings.groups import AlertTargets, GroupSettings, Webhook


def text(groups: dict[str, Any], **more: Any) -> str:
    tables = {"orders": {"source": "shop", "target_schema": "s", "cursor": "c"}}
    return json.dumps(
        {"version": 1, "sources": {"shop": {}}, "groups": groups, "tables": tables}
        | more
    )


def test_a_schedule_becomes_snowflakes() -> None:
    groups = {
        "nightly": {
            "schedule": {"cron": "0  3 * * MON-FRI", "time_zone": "Europe/Berlin"},
            "warehouse": "load_wh",
            "timeout_minutes": 60,
            "retry_attempts": 1,
            "lanes": 3,
        },
        "by_hand": {},
        "hourly": {"schedule": {"every_minutes": 60}, "serverless_size": "SMALL"},
    }
    parse.parse(text(groups))
    assert settings_groups.scheduled_groups(text(groups)) == (
        GroupSettings("hourly", "60 MINUTES", serverless_size="SMALL"),
        GroupSettings(
            "nightly",
            "USING CRON 0 3 * * MON-FRI Europe/Berlin",
            warehouse="load_wh",
            timeout_minutes=60,
            retry_attempts=1,
            lanes=3,
        ),
    )


@pytest.mark.parametrize(
    ("schedule", "pointer"),
    [
        ({}, ""),
        ({"cron": "0 3 * * *", "every_minutes": 5}, ""),
        ({"every_minutes": 0}, "/every_minutes"),
        ({"every_minutes": 5, "time_zone": "UTC"}, "/time_zone"),
        ({"cron": "0 3 * *"}, "/cron"),
        ({"cron": "60 3 * * *"}, "/cron"),
        ({"cron": "0 24 * * *"}, "/cron"),
        ({"cron": "0 0 0 * *"}, "/cron"),
        ({"cron": "0 0 * 13 *"}, "/cron"),
        ({"cron": "0 0 * * 7"}, "/cron"),
        ({"cron": "*/0 0 * * *"}, "/cron"),
        ({"cron": "0 0 * * *'; DROP TASK x; --"}, "/cron"),
        ({"cron": "0 0 * * *", "time_zone": "UTC' AS DROP"}, "/time_zone"),
        ({"cron": "0 0 * * *", "time_zone": "Europe/Berln"}, "/time_zone"),  # U1
        ({"cron": "0 0 * * *", "time_zone": ""}, "/time_zone"),
    ],
)
def test_a_schedule_that_cannot_be(schedule: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse.parse(text({"g": {"schedule": schedule}}))
    found = {problem.pointer for problem in caught.value.problems}
    assert f"/groups/g/schedule{pointer}" in found


@pytest.mark.parametrize(
    ("groups", "pointer"),
    [
        ({"g": {}, "G": {}}, "/groups/G"),
        ({"g": {"retry_attempts": 1}}, "/groups/g/retry_attempts"),
        ({"g": {"lanes": 1}}, "/groups/g/lanes"),
        (
            {
                "g": {
                    "schedule": {"every_minutes": 5},
                    "warehouse": "w",
                    "serverless_size": "SMALL",
                }
            },
            "/groups/g/serverless_size",
        ),
    ],
)
def test_a_group_that_cannot_be(groups: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse.parse(text(groups))
    assert pointer in {problem.pointer for problem in caught.value.problems}


def test_alerts_go_nowhere_by_default() -> None:
    assert settings_groups.alert_targets(text({})) == AlertTargets()


def test_alerts_go_where_the_configuration_says() -> None:
    alerts = {
        "email": {"integration": "mail", "recipients": ["a@example.com"]},
        "sns": {"integration": "topic"},
        "webhooks": [
            {"integration": "slack"},
            {"integration": "clear", "tells": ["all_recovered"]},
        ],
        "reminder_hours": 6,
    }
    written = text({}, alerts=alerts)
    parse.parse(written)
    found = settings_groups.alert_targets(written)
    hooks = (
        Webhook("slack", ("problems", "recovered")),
        Webhook("clear", ("all_recovered",)),
    )
    assert found == AlertTargets("mail", ("a@example.com",), "topic", hooks, 6)
    assert found.integrations == ("mail", "topic", "slack", "clear")
    for wrong in (
        {"email": {"integration": "m", "recipients": "a"}},
        {"webhooks": [{"integration": "m", "tells": ["good news"]}]},
        {"webhooks": [{"tells": ["problems"]}]},
    ):
        with pytest.raises(ConfigError):
            parse.parse(text({}, alerts=wrong))


@pytest.mark.parametrize(
    ("cron", "fits"),
    [
        ("0 0 1 1 0", True),
        ("59 23 31 12 6", True),
        ("60 0 * * *", False),
        ("0 24 * * *", False),
        ("0 0 0 * *", False),
        ("0 0 32 * *", False),
        ("0 0 * 0 *", False),
        ("0 0 * 13 *", False),
        ("0 0 * * 7", False),
        ("0 0 * * 6L", True),
        ("0 0 * * 7L", False),
        ("0 0 L * *", True),
        ("0,60 0 * * *", False),
        ("60,0 0 * * *", False),
        ("0-59/5 * * * *", True),
        ("*/0 * * * *", False),
        ("5-60 * * * *", False),
    ],
)
def test_each_field_of_a_cron_has_its_range(cron: str, fits: bool) -> None:
    config = text({"g": {"schedule": {"cron": cron, "time_zone": "UTC"}}})
    if fits:
        parse.parse(config)
        return
    with pytest.raises(ConfigError) as caught:
        parse.parse(config)
    (problem,) = caught.value.problems
    assert problem.pointer == "/groups/g/schedule/cron"
