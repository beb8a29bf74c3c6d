"""A problem, its end and a test arrive where people are: once each, in one line."""

import json
import urllib.request
from typing import Any

import pytest

from tests.end_to_end.lab import Lab

SLACK = """\
CREATE OR REPLACE NOTIFICATION INTEGRATION {name} TYPE = WEBHOOK ENABLED = TRUE
    WEBHOOK_URL = 'https://hooks.slack.com/services/SNOWFLAKE_WEBHOOK_SECRET'
    WEBHOOK_SECRET = control.{name}
    WEBHOOK_BODY_TEMPLATE = '{{"text": "SNOWFLAKE_WEBHOOK_MESSAGE"}}'
    WEBHOOK_HEADERS = ('Content-Type'='application/json')"""


class Chat:
    """Two webhook integrations, and what came by them."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.all, self.clear = lab.name("slack"), lab.name("clear")
        for name in (self.all, self.clear):
            lab.query(
                f"CREATE SECRET control.{name} TYPE = GENERIC_STRING"
                " SECRET_STRING = 'hidden'"
            )
            lab.query(SLACK.format(name=name))
            lab.query(f"GRANT USAGE ON INTEGRATION {name} TO ROLE sync_admin")
            lab.query(f"GRANT READ ON SECRET control.{name} TO ROLE sync_admin")

    @property
    def alerts(self) -> dict[str, Any]:
        """The part of the configuration."""
        clear = {"integration": self.clear, "tells": ["all_recovered"]}
        return {"webhooks": [{"integration": self.all}, clear]}

    def lines(self, name: str) -> list[str]:
        """Returns the texts that an integration sent, from its bodies."""
        server = self.lab.stack.endpoints.snowflake.parameters
        address = f"http://{server['host']}:{server['port']}/local/tasks"
        with urllib.request.urlopen(address, timeout=10) as answer:
            sent = json.load(answer)["notifications"]
        return [
            str(json.loads(one["body"])["text"])
            for one in sent
            if one["integration"] == name
        ]


@pytest.fixture
def chat(lab: Lab) -> Chat:
    """Integrations of this test alone."""
    return Chat(lab)


@pytest.mark.large
def test_a_problem_its_end_and_a_test_are_told_once(lab: Lab, chat: Chat) -> None:
    table, other = lab.name("orders"), lab.name("items")
    lab.orders_table(other, 1)
    entry = {"cursor": "updated_at"}
    whole = lab.config({table: entry, other: entry}) | {"alerts": chat.alerts}
    lab.call("APPLY_CONFIG", json.dumps(whole))
    report = json.loads(*lab.query("CALL TEST_ALERT()")[0].values())
    assert report["sent_to"] == [chat.all, chat.clear], report

    lab.fail("SYNC_TABLE", table)
    for _ in range(2):
        lab.query("CALL RAISE_ALERTS()")
    lab.orders_table(table, 1)
    lab.query("CALL RAISE_ALERTS()")
    lab.sync(table)
    for _ in range(2):
        lab.query("EXECUTE ALERT control.sync_problem")
        lab.sync(table)

    test, problem, over = chat.lines(chat.all)
    assert test.startswith("Aurora sync: this is a test")
    assert f"1 table needs attention ({table})" in problem
    assert "table_not_found" in problem and '"' not in problem
    assert f"1 table is in sync again ({table})" in over
    # Nothing is wrong any more: this one is told that, and nothing else.
    assert chat.lines(chat.clear)[1:] == [over]
    rows = lab.query(
        "SELECT kind, error_code, sent_to FROM control.sync_alerts"
        " WHERE table_name = %s ORDER BY raised_at",
        table,
    )
    assert [(r["KIND"], r["ERROR_CODE"]) for r in rows] == [
        ("failed", "table_not_found"),
        ("recovered", "table_not_found"),
    ]
    assert rows[1]["SENT_TO"] == f"{chat.all}, {chat.clear}"
    # Paused, and failing before: that is no recovery.
    lab.query("CALL PAUSE_TABLE(%s, 'x')", table)
    assert lab.query("SELECT * FROM control.sync_due_alerts") == []
