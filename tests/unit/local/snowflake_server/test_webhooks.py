"""Webhook integrations, their secrets, and who may send by them."""

import json

import pytest

from .conftest import Account, Client
from .test_roles import connect
from .test_tasks import seen

SLACK = (
    "CREATE OR REPLACE NOTIFICATION INTEGRATION slack TYPE = WEBHOOK ENABLED = {on}"
    " WEBHOOK_URL = 'https://hooks.slack.com/services/SNOWFLAKE_WEBHOOK_SECRET'"
    " WEBHOOK_SECRET = {secret}"
    ' WEBHOOK_BODY_TEMPLATE = \'{{"text": "SNOWFLAKE_WEBHOOK_MESSAGE"}}\''
    " WEBHOOK_HEADERS = ('Content-Type'='application/json')"
)
SEND = "CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION(?, '{\"SLACK\": {}}')"


def message(text: str) -> str:
    return json.dumps({"text/plain": text})


@pytest.fixture
def secret(client: Client, database: str) -> str:
    """A secret, and an integration with it."""
    name = f"{database}.PUBLIC.hook"
    client.run(
        f"CREATE SECRET {name} TYPE = GENERIC_STRING SECRET_STRING = 'T0/B0/hidden'"
    )
    client.run(SLACK.format(on="TRUE", secret=name))
    return name


def test_the_placeholders_are_replaced_and_nothing_is_escaped(
    client: Client, account: Account, secret: str
) -> None:
    client.run(SEND, message("hello"))
    sent = seen(account)["notifications"][-1]
    assert sent["url"] == "https://hooks.slack.com/services/T0/B0/hidden"
    assert json.loads(sent["body"]) == {"text": "hello"}
    # Also those in the message: this is why a message is cleaned before.
    client.run(SEND, message("see SNOWFLAKE_WEBHOOK_SECRET"))
    assert "hidden" in seen(account)["notifications"][-1]["body"]
    for text in ('a "quote"', "two\nlines", "back\\slash"):
        assert "no JSON" in client.fails(SEND, message(text)).msg
    wrong = json.dumps({"application/json": "{}"})
    assert "format" in client.fails(SEND, wrong).msg


def test_an_integration_that_is_off_or_not_granted_takes_nothing(
    client: Client, account: Account, database: str, secret: str
) -> None:
    client.run("CREATE ROLE teller")
    client.run("GRANT USAGE ON WAREHOUSE compute_wh TO ROLE teller")
    client.run("CREATE USER teller PASSWORD = 'any' DEFAULT_ROLE = teller")
    client.run("GRANT ROLE teller TO USER teller")
    with connect(account, "teller") as connection:
        guest = Client(connection)
        assert "does not exist or not authorized" in guest.fails(SEND, message("a")).msg
        client.run("GRANT USAGE ON INTEGRATION slack TO ROLE teller")
        # The secret is another right.
        assert "ecret" in guest.fails(SEND, message("a")).msg
        client.run(f"GRANT USAGE ON DATABASE {database} TO ROLE teller")
        client.run(f"GRANT USAGE ON SCHEMA {database}.PUBLIC TO ROLE teller")
        client.run(f"GRANT READ ON SECRET {secret} TO ROLE teller")
        guest.run(SEND, message("a"))
        client.run(SLACK.format(on="FALSE", secret=secret))
        client.run("GRANT USAGE ON INTEGRATION slack TO ROLE teller")
        assert "disabled" in guest.fails(SEND, message("a")).msg


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("https://hooks.slack.com/services/", "https://example.com/"),
        ("https://hooks.slack.com/services/", "http://hooks.slack.com/services/"),
        ("SNOWFLAKE_WEBHOOK_MESSAGE", "the message"),
        ("Content-Type", "Accept"),
        ("PUBLIC.hook", "PUBLIC.other"),
        ("WEBHOOK_URL", "DEFAULT_SUBJECT"),
        ("TYPE = WEBHOOK", "TYPE = EMAIL"),
    ],
)
def test_what_snowflake_would_not_make_is_refused(
    client: Client, secret: str, old: str, new: str
) -> None:
    text = SLACK.format(on="TRUE", secret=secret)
    assert old in text
    assert client.fails(text.replace(old, new)).errno


def test_a_subject_has_256_characters(client: Client) -> None:
    client.run(
        "CREATE OR REPLACE NOTIFICATION INTEGRATION m TYPE = EMAIL ENABLED = TRUE"
    )
    for length, fits in ((256, True), (257, False)):
        wanted = json.dumps({"m": {"subject": "x" * length}})
        call = ("CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION(?, ?)", message("a"), wanted)
        assert client.run(*call) if fits else client.fails(*call).errno
