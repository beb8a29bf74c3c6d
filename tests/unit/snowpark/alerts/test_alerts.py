"""RAISE_ALERTS: once, under its lease, recorded whether or not it could be sent."""

import json
from typing import Any

import pytest
from snowflake.snowpark import Row

from snowpark.alerts import alerts, notify
from snowpark.errors import SnowflakeError, UsageError
from snowpark.session import Snowflake
from tests.unit.snowpark.scripted import Answer, Scripted, Sent, Stop

FAILED = Row(
    TABLE_NAME="orders",
    GROUP_NAME="hourly",
    KIND="failed",
    ERROR_CODE="lease_lost",
    MESSAGE="It is gone.",
    HINT="Wait.",
    SINCE="noon",
)
OVER = Row(
    TABLE_NAME="orders",
    GROUP_NAME="hourly",
    KIND="recovered",
    ERROR_CODE="lease_lost",
    MESSAGE="",
    HINT="",
    SINCE="noon",
)
BARE = Row(
    TABLE_NAME="items",
    GROUP_NAME=None,
    KIND="late",
    ERROR_CODE=None,
    MESSAGE=None,
    HINT=None,
    SINCE=None,
)


def config(**wanted: Any) -> list[Row]:
    return [Row(json.dumps({"alerts": wanted}))]


BOTH = config(
    email={"integration": "MAIL", "recipients": ["a@example.com"]},
    sns={"integration": "TOPIC"},
    reminder_hours=5,
)


def session(stop: Stop | None = None, **answers: Answer) -> Scripted:
    return Scripted(
        stop,
        **{"read_due_alerts": [FAILED, BARE], "read_config_text": BOTH, **answers},
    )


def of(told: Scripted, name: str) -> list[Sent]:
    return [one for one in told.sent if one.name == name]


def test_nothing_is_told_if_nothing_is_due() -> None:
    quiet = session(read_due_alerts=[])
    assert alerts.raise_alerts(Snowflake(quiet)) == {
        "summary": "Nothing to report.",
        "tables": [],
    }
    assert quiet.names == ["read_due_alerts"]


def test_one_notification_tells_all_and_is_recorded() -> None:
    told = session()
    report = alerts.raise_alerts(Snowflake(told))
    assert report["summary"] == (
        "Aurora sync: 2 tables need attention (orders, items)."
    )
    assert report["tables"] == ["orders", "items"]
    assert report["sent_to"] == ["MAIL", "TOPIC"]
    assert report["send_error"] is None
    paragraphs = report["text"].split("\n\n")
    assert paragraphs[:2] == [
        "orders (group hourly) failed since noon: [lease_lost] It is gone. Wait.",
        "items late since ?: [internal_error]",
    ]
    assert told.values("insert_alerts") == [
        ("MAIL, TOPIC", 5 * 60)
        + ("orders", "hourly", "failed", "lease_lost", "It is gone.", "Wait.")
        + ("items", "late", "internal_error", "", "")
    ]
    told.in_order("take_lease", "send_email", "send_to_topic", "insert_alerts")
    told.in_order("insert_alerts", "release_lease")
    for name in ("send_email", "send_to_topic"):
        message = told.only(name).text
        assert "2 tables need attention (orders, items)" in message
        assert "failed since noon" in message
    assert '"subject": "Aurora sync: 2 tables' in told.only("send_email").text


def test_the_lease_that_is_taken_is_given_back() -> None:
    told = session()
    alerts.raise_alerts(Snowflake(told))
    taken, given = told.only("take_lease"), told.only("release_lease")
    call_id = given.values[-1]
    assert given.values == ("#alerts", call_id)
    assert str(call_id).startswith("alerts-") and call_id in taken.values


def test_who_does_not_get_the_lease_tells_nothing() -> None:
    busy = session(take_lease=[Row(0)])
    report = alerts.raise_alerts(Snowflake(busy))
    assert report == {"summary": "Another call is reporting it.", "tables": []}
    assert busy.names == ["read_due_alerts", "longest_list", "take_lease"]


def test_what_another_call_has_told_meanwhile_is_not_told_again() -> None:
    reads = iter([[FAILED], []])
    late = session(read_due_alerts=lambda _: next(reads))
    report = alerts.raise_alerts(Snowflake(late))
    assert report == {"summary": "Nothing to report.", "tables": []}
    assert late.names[-2:] == ["read_due_alerts", "release_lease"]
    assert "insert_alerts" not in late.names


def test_the_lease_is_given_back_if_snowflake_does_not_say_what_is_open() -> None:
    unsure = session(Stop("read_transaction"))
    with pytest.raises(SnowflakeError):
        alerts.raise_alerts(Snowflake(unsure))
    assert unsure.names[-2:] == ["read_transaction", "release_lease"]


def test_an_alert_that_one_integration_refuses_is_recorded_and_tried_soon() -> None:
    half = session(Stop("send_email"))
    report = alerts.raise_alerts(Snowflake(half))
    assert report["sent_to"] == ["TOPIC"]
    assert report["send_error"].startswith("MAIL: Snowflake answered: ")
    values = half.only("insert_alerts").values
    assert values[:3] == ("TOPIC", report["send_error"], 60)


@pytest.mark.parametrize("rows", [[], config()])
def test_without_an_integration_it_is_recorded_alone(rows: list[Row]) -> None:
    alone = session(read_config_text=rows)
    report = alerts.raise_alerts(Snowflake(alone))
    assert report["sent_to"] == [] and report["send_error"] is None
    assert not {"send_email", "send_to_topic"} & set(alone.names)
    assert "insert_alerts" in alone.stays


def test_the_lease_is_given_back_if_the_record_fails() -> None:
    broken = session(Stop("insert_alerts"))
    with pytest.raises(SnowflakeError):
        alerts.raise_alerts(Snowflake(broken))
    assert broken.names[-1] == "release_lease"


# --- recoveries and webhooks ----------------------------------------------------------

HOOKS = config(
    email={"integration": "MAIL"},
    webhooks=[
        {"integration": "SLACK"},
        {"integration": "PAGER", "tells": ["problems"]},
        {"integration": "PAGER_CLEAR", "tells": ["all_recovered"]},
    ],
)


def test_a_webhook_gets_one_line_and_what_it_asked_for() -> None:
    told = session(read_due_alerts=[FAILED], read_config_text=HOOKS)
    report = alerts.raise_alerts(Snowflake(told))
    assert report["sent_to"] == ["MAIL", "SLACK", "PAGER"]
    slack, _ = of(told, "send_to_webhook")
    assert "needs attention (orders) | orders (group hourly) failed" in slack.text
    # Whoever wants to know of an end alone costs nothing while something is wrong.
    assert "count_problems" not in told.names


@pytest.mark.parametrize(("left", "clear"), [(0, ["PAGER_CLEAR"]), (1, [])])
def test_a_word_is_said_when_it_is_over(left: int, clear: list[str]) -> None:
    good = session(
        read_due_alerts=[OVER], read_config_text=HOOKS, count_problems=[Row(left)]
    )
    report = alerts.raise_alerts(Snowflake(good))
    assert report["summary"] == "Aurora sync: 1 table is in sync again (orders)."
    assert report["recovered"] == ["orders"] and report["tables"] == []
    assert report["sent_to"] == ["MAIL", "SLACK", *clear]
    (values,) = good.values("insert_alerts")
    assert values[2:5] == ("orders", "hourly", "recovered")


def test_good_and_bad_news_are_notifications_of_their_own() -> None:
    both = session(read_due_alerts=[BARE, OVER], read_config_text=BOTH)
    report = alerts.raise_alerts(Snowflake(both))
    assert (report["tables"], report["recovered"]) == (["items"], ["orders"])
    bad, good = of(both, "send_email")
    assert "items late" in bad.text and "orders" not in bad.text
    assert "in sync again" in good.text and "items" not in good.text
    assert len(both.values("insert_alerts")) == 2


# --- TEST_ALERT -----------------------------------------------------------------------


def test_a_test_goes_to_every_integration_and_is_not_recorded() -> None:
    trial = session(Stop("send_email"), read_config_text=HOOKS)
    report = notify.try_all(Snowflake(trial))
    assert report["summary"] == "3 of 4 integrations took the test."
    assert report["sent_to"] == ["SLACK", "PAGER", "PAGER_CLEAR"]
    assert report["send_errors"][0].startswith("MAIL: Snowflake answered: ")
    assert set(trial.names) <= {"read_config_text", "send_email", "send_to_webhook"}


@pytest.mark.parametrize("rows", [[], config()])
def test_a_test_without_an_integration_is_refused(rows: list[Row]) -> None:
    with pytest.raises(UsageError, match="no_alert_targets"):
        notify.try_all(Snowflake(session(read_config_text=rows)))
